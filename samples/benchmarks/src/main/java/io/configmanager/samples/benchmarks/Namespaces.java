// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.store.Commit;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Operation;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** More and more namespaces of ten entries: to load all, to hold them, and to follow one key. */
final class Namespaces implements Part {

    private static final int ENTRIES = 10;
    private static final String MAP = "`SELECT` into `HashMap`s";

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        int[] counts = quick ? new int[] {1, 10} : new int[] {1, 10, 100, 1_000, 10_000};
        try (Database database = Database.start(figures)) {
            fill(database, 1);
            measure(Figures.unread(), database, 1);
            for (int count : counts) {
                if (count > 1) {
                    fill(database, count);
                }
                database.vacuum();
                bare(figures, database, count);
                measure(figures, database, count);
            }
        }
    }

    private static String[] names(int count) {
        String[] names = new String[count];
        for (int i = 0; i < count; i++) {
            names[i] = "of-" + count + "-n" + i;
        }
        return names;
    }

    private static void fill(Database database, int count) {
        try (ConfigStore writer = database.newStore()) {
            List<Operation> operations = new ArrayList<>();
            for (String name : names(count)) {
                for (int i = 0; i < ENTRIES; i++) {
                    operations.add(Database.put(name, Database.key(i), i));
                }
                if (operations.size() >= 1_000) {
                    writer.commit(Commit.of(operations, null, null));
                    operations.clear();
                }
            }
            if (!operations.isEmpty()) {
                writer.commit(Commit.of(operations, null, null));
            }
        }
    }

    private static void bare(Figures figures, Database database, int count) throws SQLException {
        long before = Heap.used();
        long start = System.nanoTime();
        Map<String, Map<String, String>> maps = new HashMap<>();
        try (Connection connection = database.connect();
                PreparedStatement query = connection.prepareStatement(
                        "SELECT namespace, key, value FROM config_entry WHERE namespace = ANY (?)")) {
            query.setObject(1, names(count));
            try (ResultSet rows = query.executeQuery()) {
                while (rows.next()) {
                    maps.computeIfAbsent(rows.getString(1), name -> new HashMap<>())
                            .put(rows.getString(2), rows.getString(3));
                }
            }
        }
        figures.add("load all, ms", MAP, count, (System.nanoTime() - start) / 1e6);
        figures.add("memory, MB", MAP, count, (Heap.used() - before) / 1e6);
        if (maps.size() != count) {
            throw new IllegalStateException(maps.size() + " namespaces instead of " + count);
        }
    }

    private static void measure(Figures figures, Database database, int count) throws InterruptedException {
        String[] names = names(count);
        try (Load load = new Load(database, builder -> builder.preload(names));
                ConfigStore writer = database.newStore()) {
            figures.add("load all, ms", Figures.OURS, count, load.connectMillis);
            figures.add("memory, MB", Figures.OURS, count, load.megabytes());
            figures.add(
                    "one change, commit → applied, p50, ms",
                    Figures.OURS,
                    count,
                    load.changeMillis(writer, names, Database.key(3)));
        }
        try (Load load = new Load(database, builder -> {})) {
            Samples samples = new Samples();
            for (String name : names) {
                long start = System.nanoTime();
                load.manager.namespace(name).get(Database.key(3), String.class);
                samples.add(System.nanoTime() - start);
            }
            figures.add("first use of one that was not preloaded, p50, ms", Figures.OURS, count, samples.millis(50));
        }
    }
}
