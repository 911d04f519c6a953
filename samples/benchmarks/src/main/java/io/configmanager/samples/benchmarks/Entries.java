// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import com.netflix.archaius.config.DefaultSettableConfig;
import io.avaje.config.Configuration;
import io.configmanager.Config;
import io.configmanager.store.ConfigStore;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.function.Function;
import java.util.function.Supplier;

/** One namespace that grows: to load it, to hold it, to read it, and to follow one of its keys. */
final class Entries implements Part {

    static final String LOAD = "load, ms";
    static final String MEMORY = "memory, MB";
    static final int TARGET = 100_000;

    static final String MAP = "`SELECT` into a `HashMap`";
    private static final int READ_KEYS = 1_024;
    private static final Map<Integer, String[]> KEYS = new HashMap<>();

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        int[] sizes = quick ? new int[] {100, 1_000} : new int[] {100, 1_000, 10_000, 100_000, 1_000_000};
        try (Database database = Database.start(figures)) {
            database.fill("n100", 100);
            // The first round warms up.
            measure(Figures.unread(), database, 100, 250_000, Figures.OURS);
            for (int size : sizes) {
                if (size > 100) {
                    database.fill("n" + size, size);
                }
                database.vacuum();
                bare(figures, database, size);
                // Above the default limit of 250,000 only who raises it holds the namespace whole.
                measure(figures, database, size, Math.max(250_000, size), Figures.OURS);
            }
            int last = sizes[sizes.length - 1];
            measure(figures, database, last, quick ? last - 1 : 250_000, "ours, on demand");
            besideOthers(figures, database);
            figures.note("At 1,000,000 entries “ours” has `config.cache.maximum-entries` raised to that;"
                    + " “on demand” is what happens with the default of 250,000: nothing is preloaded, keys are read from"
                    + " the store at their first use and then kept.");
            peers(figures, quick ? last : TARGET);
        }
    }

    /** Whether the entries of other namespaces count, when all of them are there. */
    private static void besideOthers(Figures figures, Database database) throws SQLException {
        Samples bare = new Samples();
        Samples ours = new Samples();
        for (int i = 0; i < 5; i++) {
            long start = System.nanoTime();
            select(database, 100);
            bare.add(System.nanoTime() - start);
            try (Load load = new Load(database, builder -> builder.preload("n100"))) {
                ours.add((long) (load.connectMillis * 1e6));
            }
        }
        figures.add("load 100 entries beside all others, p50, ms", Figures.OURS, ours.millis(50));
        figures.add("load 100 entries beside all others, p50, ms", MAP, bare.millis(50));
    }

    private static void bare(Figures figures, Database database, int size) throws SQLException {
        long before = Heap.used();
        long start = System.nanoTime();
        Map<String, String> map = select(database, size);
        figures.add(LOAD, MAP, size, (System.nanoTime() - start) / 1e6);
        figures.add(MEMORY, MAP, size, (Heap.used() - before) / 1e6);
        figures.add("read, ns", MAP, size, readNanos(size, map::get));
    }

    private static Map<String, String> select(Database database, int size) throws SQLException {
        Map<String, String> map = new HashMap<>();
        try (Connection connection = database.connect();
                PreparedStatement query =
                        connection.prepareStatement("SELECT key, value FROM config_entry WHERE namespace = ?")) {
            query.setString(1, "n" + size);
            try (ResultSet rows = query.executeQuery()) {
                while (rows.next()) {
                    map.put(rows.getString(1), rows.getString(2));
                }
            }
        }
        return map;
    }

    private static void measure(Figures figures, Database database, int size, int limit, String who)
            throws InterruptedException {
        String namespace = "n" + size;
        try (Load load =
                        new Load(database, builder -> builder.preload(namespace).maximumEntries(limit));
                ConfigStore writer = database.newStore()) {
            Config config = load.manager.namespace(namespace);
            figures.add(LOAD, who, size, load.connectMillis);
            if (limit < size) {
                long start = System.nanoTime();
                readOnce(size, key -> config.get(key, String.class));
                figures.add("first read of a key, ns", who, size, (System.nanoTime() - start) / (double) READ_KEYS);
            }
            figures.add("read, ns", who, size, readNanos(size, key -> config.get(key, String.class)));
            figures.add(MEMORY, who, size, load.megabytes());
            figures.add(
                    "one change, commit → applied, p50, ms",
                    who,
                    size,
                    load.changeMillis(writer, new String[] {namespace}, Database.key(7)));
        }
    }

    private static void peers(Figures figures, int size) {
        memory(figures, size, "Archaius2", () -> {
            Properties properties = new Properties();
            for (int i = 0; i < size; i++) {
                properties.setProperty(Database.key(i), "value " + i);
            }
            DefaultSettableConfig config = new DefaultSettableConfig();
            config.setProperties(properties);
            return config;
        });
        memory(figures, size, "avaje-config", () -> {
            Configuration.Builder builder = Configuration.builder();
            for (int i = 0; i < size; i++) {
                builder.put(Database.key(i), "value " + i);
            }
            return builder.build();
        });
    }

    private static void memory(Figures figures, int size, String who, Supplier<Object> peer) {
        long before = Heap.used();
        Object held = peer.get();
        figures.add(MEMORY, who, size, (Heap.used() - before) / 1e6);
        if (held.equals(figures)) {
            throw new IllegalStateException("It must live until here");
        }
    }

    /** The best of some rounds over some keys: rough beside JMH, but the same for all sizes. */
    private static double readNanos(int size, Function<String, String> read) {
        double best = Double.MAX_VALUE;
        for (int round = 0; round < 30; round++) {
            long start = System.nanoTime();
            for (int i = 0; i < 100; i++) {
                readOnce(size, read);
            }
            best = Math.min(best, (System.nanoTime() - start) / (100.0 * READ_KEYS));
        }
        return best;
    }

    private static void readOnce(int size, Function<String, String> read) {
        String[] keys = KEYS.computeIfAbsent(size, Entries::someKeys);
        for (String key : keys) {
            if (read.apply(key).isEmpty()) {
                throw new IllegalStateException("No value is empty");
            }
        }
    }

    private static String[] someKeys(int size) {
        Random random = new Random(42);
        String[] keys = new String[READ_KEYS];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = Database.key(random.nextInt(size));
        }
        return keys;
    }
}
