// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.configmanager.Condition;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import io.configmanager.ValueType;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.Commit;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Operation;
import io.configmanager.store.postgres.PostgresConfigStore;
import io.configmanager.store.postgres.PostgresNames;
import io.configmanager.store.postgres.PostgresSchema;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/**
 * Propagation, writes and loading on a real PostgreSQL, each beside the bare driver doing the same, in one run. Prints a
 * Markdown table. The server is embedded and durable, as a user's is: with fsync, which zonky turns off by default. The
 * absolute numbers say little about another machine; the ratios are the result.
 */
public final class PostgresBenchmark {

    private static final int SPACED_WRITES = 1_000;
    private static final int BURST_WRITES = 5_000;
    private static final int SINGLE_WRITES = 3_000;
    private static final int BATCH = 1_000;
    private static final int ENTRIES = 100_000;

    private final HikariDataSource pool;
    private final String url;

    private PostgresBenchmark(HikariDataSource pool) {
        this.pool = pool;
        this.url = pool.getJdbcUrl();
    }

    /** Runs everything; takes about a minute and a half. */
    public static void main(String[] arguments) throws Exception {
        try (EmbeddedPostgres server = EmbeddedPostgres.builder()
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("full_page_writes", "on")
                .start()) {
            HikariConfig config = new HikariConfig();
            config.setJdbcUrl(server.getJdbcUrl("postgres", "postgres"));
            config.setMaximumPoolSize(8);
            try (HikariDataSource pool = new HikariDataSource(config)) {
                new PostgresSchema(PostgresNames.DEFAULT).initialize(pool);
                try (Connection connection = pool.getConnection();
                        Statement statement = connection.createStatement()) {
                    statement.execute("CREATE TABLE bare (key text PRIMARY KEY, value text NOT NULL)");
                }
                new PostgresBenchmark(pool).run();
            }
        }
    }

    private void run() throws Exception {
        System.out.println("| what | ours | bare driver | ratio |");
        System.out.println("| --- | ---: | ---: | ---: |");
        for (int round = 0; round < 2; round++) {
            boolean report = round == 1;
            spaced(report, 10_000_000L, "one write per 10 ms");
            spaced(report, 2_000_000L, "one write per 2 ms");
            burst(report);
            writes(report);
        }
        fanOut();
        loading();
    }

    private void spaced(boolean report, long spacingNanos, String name) throws Exception {
        long[] bare = new long[SPACED_WRITES];
        long[] ours = new long[SPACED_WRITES];
        try (BareListener listener = new BareListener(connect());
                Connection writer = connect()) {
            for (int i = 0; i < SPACED_WRITES; i++) {
                long start = System.nanoTime();
                bareWrite(writer, i);
                bare[i] = listener.await(i) - start;
                LockSupport.parkNanos(spacingNanos);
            }
        }
        try (Receiver receiver = new Receiver(newStore());
                ConfigStore writer = newStore()) {
            for (int i = 0; i < SPACED_WRITES; i++) {
                long start = System.nanoTime();
                long revision = writer.commit(put("bench/key", i)).revision();
                ours[i] = receiver.awaitRevision(revision) - start;
                LockSupport.parkNanos(spacingNanos);
            }
        }
        if (report) {
            latency("commit → applied, " + name, ours, bare);
        }
    }

    private void burst(boolean report) throws Exception {
        long[] bare = new long[BURST_WRITES];
        long[] ours = new long[BURST_WRITES];
        try (BareListener listener = new BareListener(connect());
                Connection writer = connect()) {
            for (int i = 0; i < BURST_WRITES; i++) {
                bare[i] = System.nanoTime();
                bareWrite(writer, i);
            }
            for (int i = 0; i < BURST_WRITES; i++) {
                bare[i] = listener.await(i) - bare[i];
            }
        }
        try (Receiver receiver = new Receiver(newStore());
                ConfigStore writer = newStore()) {
            long[] revisions = new long[BURST_WRITES];
            for (int i = 0; i < BURST_WRITES; i++) {
                ours[i] = System.nanoTime();
                revisions[i] = writer.commit(put("bench/key", i)).revision();
            }
            for (int i = 0; i < BURST_WRITES; i++) {
                ours[i] = receiver.awaitRevision(revisions[i]) - ours[i];
            }
        }
        if (report) {
            latency("commit → applied, 5,000 writes back to back", ours, bare);
        }
    }

    /** In turns, so that whatever else the machine does meets both. */
    private void writes(boolean report) throws Exception {
        long bareNanos = 0;
        long oursNanos = 0;
        long batchNanos = 0;
        int rounds = 10;
        try (Connection bare = connect();
                ConfigStore ours = newStore()) {
            for (int round = 0; round < rounds; round++) {
                long start = System.nanoTime();
                for (int i = 0; i < SINGLE_WRITES / rounds; i++) {
                    bareWrite(bare, i);
                }
                bareNanos += System.nanoTime() - start;
                start = System.nanoTime();
                for (int i = 0; i < SINGLE_WRITES / rounds; i++) {
                    ours.commit(put("bench/key-" + i % 100, i));
                }
                oursNanos += System.nanoTime() - start;
                List<Operation> operations = new ArrayList<>();
                for (int i = 0; i < BATCH; i++) {
                    operations.add(operation("", "batch/key-" + i, i + round));
                }
                start = System.nanoTime();
                ours.commit(Commit.of(operations, null, null));
                batchNanos += System.nanoTime() - start;
            }
        }
        if (report) {
            double bare = SINGLE_WRITES * 1e9 / bareNanos;
            double ours = SINGLE_WRITES * 1e9 / oursNanos;
            row("single writes per second (bare: upsert + NOTIFY)", "%.0f", ours, bare);
            row(
                    "entries per second in commits of 1,000 (beside: our single writes)",
                    "%.0f",
                    rounds * BATCH * 1e9 / batchNanos,
                    ours);
        }
    }

    /** From the commit until the last of many listeners on one key was told; beside: one listener. */
    private void fanOut() throws Exception {
        double[] millis = new double[2];
        int[] listeners = {1, 10_000};
        for (int run = 0; run < 2; run++) {
            try (ConfigManager manager =
                            ConfigManagerBuilder.forStore(newStore()).build();
                    ConfigStore writer = newStore()) {
                manager.connect();
                Semaphore told = new Semaphore(0);
                for (int i = 0; i < listeners[run]; i++) {
                    manager.namespace("").listen(ConfigFilter.keys("bench/key"), changes -> told.release());
                }
                double[] samples = new double[20];
                for (int i = 0; i < samples.length; i++) {
                    long start = System.nanoTime();
                    writer.commit(put("bench/key", i));
                    told.acquire(listeners[run]);
                    samples[i] = (System.nanoTime() - start) / 1e6;
                }
                Arrays.sort(samples);
                millis[run] = samples[samples.length / 2];
            }
        }
        row("10,000 listeners on one key told, ms, p50 (beside: 1 listener)", "%.1f", millis[1], millis[0]);
    }

    private void loading() throws Exception {
        try (ConfigStore writer = newStore()) {
            for (int from = 0; from < ENTRIES; from += 1_000) {
                List<Operation> operations = new ArrayList<>();
                for (int i = from; i < from + 1_000; i++) {
                    operations.add(operation("big", "some/group-" + i % 100 + "/key-" + i, i));
                }
                writer.commit(Commit.of(operations, "benchmark", null));
            }
        }
        Map<String, String> plain = new HashMap<>();
        long emptyHeap = usedHeap();
        long start = System.nanoTime();
        try (Connection connection = connect();
                PreparedStatement query =
                        connection.prepareStatement("SELECT key, value FROM config_entry WHERE namespace = 'big'");
                var rows = query.executeQuery()) {
            while (rows.next()) {
                plain.put(rows.getString(1), rows.getString(2));
            }
        }
        double bareMillis = (System.nanoTime() - start) / 1e6;
        double mapBytes = usedHeap() - emptyHeap;
        start = System.nanoTime();
        try (ConfigManager manager =
                ConfigManagerBuilder.forStore(newStore()).preload("big").build()) {
            manager.connect();
            double millis = (System.nanoTime() - start) / 1e6;
            int loaded = manager.namespace("big").view().entries().size();
            double bytes = usedHeap() - emptyHeap - mapBytes;
            row(
                    "load 100,000 entries, ms (" + loaded + " loaded; bare: SELECT into a HashMap)",
                    "%.0f",
                    millis,
                    bareMillis);
            row("memory of 100,000 entries, MB (bare: HashMap<String, String>)", "%.1f", bytes / 1e6, mapBytes / 1e6);
        }
        if (plain.isEmpty()) {
            throw new IllegalStateException("Nothing was loaded");
        }
    }

    private ConfigStore newStore() {
        return PostgresConfigStore.builder(pool)
                .listenConnections(PostgresConfigStore.unpooled(url, null, null))
                .build();
    }

    private Connection connect() throws SQLException {
        DataSource unpooled = PostgresConfigStore.unpooled(url, null, null);
        return unpooled.getConnection();
    }

    private static void bareWrite(Connection writer, long number) throws SQLException {
        try (PreparedStatement upsert = writer.prepareStatement("WITH w AS (INSERT INTO bare VALUES (?, ?)"
                + " ON CONFLICT (key) DO UPDATE SET value = excluded.value RETURNING 1)"
                + " SELECT pg_notify('bare', ?) FROM w")) {
            upsert.setString(1, "bench/key-" + number % 100);
            upsert.setString(2, "value " + number);
            upsert.setString(3, Long.toString(number));
            upsert.execute();
        }
    }

    private static Commit put(String key, long number) {
        return Commit.of(List.of(operation("", key, number)), null, null);
    }

    private static Operation operation(String namespace, String key, long number) {
        return new Operation.Put(
                namespace, key, "\"value " + number + "\"", "json", ValueType.STRING, null, Condition.ALWAYS);
    }

    private static void latency(String what, long[] ours, long[] bare) {
        Arrays.sort(ours);
        Arrays.sort(bare);
        for (int percent : new int[] {50, 99}) {
            int index = Math.min(ours.length - 1, ours.length * percent / 100);
            row(what + ", p" + percent + " ms", "%.2f", ours[index] / 1e6, bare[index] / 1e6);
        }
    }

    private static void row(String what, String format, double ours, double bare) {
        System.out.printf(
                Locale.ROOT, "| %s | " + format + " | " + format + " | %.2f |%n", what, ours, bare, ours / bare);
    }

    private static long usedHeap() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    /** A manager, and when it had applied which revision. */
    private static final class Receiver implements AutoCloseable {
        private final Map<Long, Long> applied = new HashMap<>();
        private final BlockingQueue<long[]> arrivals = new LinkedBlockingQueue<>();
        private final ConfigManager manager;

        Receiver(ConfigStore store) {
            manager = ConfigManagerBuilder.forStore(store)
                    .preload("")
                    .onApplied(changes -> arrivals.add(new long[] {changes.revision(), System.nanoTime()}))
                    .build();
            manager.connect();
        }

        long awaitRevision(long revision) throws InterruptedException {
            Long known = applied.get(revision);
            while (known == null) {
                long[] arrival = arrivals.take();
                applied.put(arrival[0], arrival[1]);
                known = applied.get(revision);
            }
            return known;
        }

        @Override
        public void close() {
            manager.close();
        }
    }

    /** The usual loop on the driver: wait for notifications, and note when each came. */
    private static final class BareListener implements AutoCloseable {
        private final Map<Long, Long> received = new HashMap<>();
        private final BlockingQueue<long[]> arrivals = new LinkedBlockingQueue<>();
        private final Connection connection;

        BareListener(Connection connection) throws SQLException {
            this.connection = connection;
            try (Statement statement = connection.createStatement()) {
                statement.execute("LISTEN bare");
            }
            Thread thread = new Thread(this::listen, "bare-listener");
            thread.setDaemon(true);
            thread.start();
        }

        private void listen() {
            try {
                PGConnection postgres = connection.unwrap(PGConnection.class);
                while (!connection.isClosed()) {
                    PGNotification[] notifications = postgres.getNotifications(1_000);
                    long now = System.nanoTime();
                    for (PGNotification notification : notifications == null ? new PGNotification[0] : notifications) {
                        arrivals.add(new long[] {Long.parseLong(notification.getParameter()), now});
                    }
                }
            } catch (SQLException e) {
                // The connection was closed: the measurement is over.
            }
        }

        long await(long number) throws InterruptedException {
            Long known = received.get(number);
            while (known == null) {
                long[] arrival = arrivals.take();
                received.put(arrival[0], arrival[1]);
                known = received.get(number);
            }
            return known;
        }

        @Override
        public void close() throws SQLException {
            connection.abort(Runnable::run);
        }
    }
}
