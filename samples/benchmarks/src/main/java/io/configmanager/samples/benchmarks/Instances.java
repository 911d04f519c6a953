// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.ConfigManager;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.ConfigStore;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.options.WatchOption;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** More and more instances on one server: until the last one shows a change, and what they cost the server idle. */
final class Instances implements Part {

    private static final String LAST = "change → last instance shows it";

    /** A change, by its number. */
    @FunctionalInterface
    private interface Change {
        void make(int number) throws Exception;
    }

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        int[] counts = quick ? new int[] {1, 10} : new int[] {1, 10, 50, 100, 250};
        int changes = quick ? 10 : 200;
        Optional<Etcd> etcd = Etcd.start(figures);
        try (Database database = Database.start(figures)) {
            ours(Figures.unread(), database, 1, changes, false);
            for (int count : counts) {
                boolean idle = !quick && (count == 1 || count == counts[counts.length - 1]);
                ours(figures, database, count, changes, idle);
                bare(figures, database, count, changes);
                if (etcd.isPresent()) {
                    etcd(figures, etcd.get(), count, changes);
                }
            }
            figures.note(
                    "All instances run in one JVM beside the server, on the same cores; each has a connection and the"
                            + " two threads of its own, and all share a pool of 8 for the rest. Bare: a connection and a thread"
                            + " each. etcd: a watch each, on clients of their own.");
        } finally {
            if (etcd.isPresent()) {
                etcd.get().close();
            }
        }
    }

    private static void ours(Figures figures, Database database, int count, int changes, boolean idle)
            throws Exception {
        Semaphore told = new Semaphore(0);
        List<ConfigManager> managers = new ArrayList<>();
        try (ConfigStore writer = database.newStore()) {
            for (int i = 0; i < count; i++) {
                ConfigManager manager = ConfigManagerBuilder.forStore(database.newStore())
                        .preload("")
                        .onApplied(change -> told.release())
                        .build();
                managers.add(manager);
                manager.connect();
            }
            measure(
                    figures,
                    Figures.OURS,
                    count,
                    changes,
                    told,
                    number -> writer.commit(Database.commit("", "bench/key", number)));
            if (idle) {
                idle(figures, database, count);
            }
        } finally {
            managers.forEach(ConfigManager::close);
        }
    }

    private static void bare(Figures figures, Database database, int count, int changes) throws Exception {
        Semaphore told = new Semaphore(0);
        List<Connection> listeners = new ArrayList<>();
        try (Connection writer = database.connect()) {
            for (int i = 0; i < count; i++) {
                listeners.add(BareRoute.listen(database, number -> told.release()));
            }
            measure(
                    figures,
                    Figures.BARE,
                    count,
                    changes,
                    told,
                    number -> BareRoute.write(writer, "bench/key", number));
        } finally {
            for (Connection listener : listeners) {
                listener.abort(Runnable::run);
            }
        }
    }

    private static void etcd(Figures figures, Etcd etcd, int count, int changes) throws Exception {
        Semaphore told = new Semaphore(0);
        List<Client> clients = new ArrayList<>();
        try (Client writer = etcd.client()) {
            for (int i = 0; i < count; i++) {
                Client client = etcd.client();
                clients.add(client);
                Etcd.watch(client, "instances", WatchOption.builder(), events -> told.release(events.size()));
            }
            measure(
                    figures,
                    Figures.ETCD,
                    count,
                    changes,
                    told,
                    number -> EtcdRoute.write(writer, "instances", number));
        } finally {
            clients.forEach(Client::close);
        }
    }

    private static void measure(Figures figures, String who, int count, int changes, Semaphore told, Change change)
            throws Exception {
        Samples samples = new Samples();
        for (int i = -5; i < changes; i++) {
            long start = System.nanoTime();
            change.make(i);
            await(told, count);
            if (i >= 0) {
                samples.add(System.nanoTime() - start);
            }
            LockSupport.parkNanos(5_000_000);
        }
        figures.add(LAST + ", p50, ms", who, count, samples.millis(50));
        figures.add(LAST + ", p99, ms", who, count, samples.millis(99));
    }

    /** Waits for the last one to be told. */
    static void await(Semaphore told, int count) throws InterruptedException {
        if (!told.tryAcquire(count, 60, TimeUnit.SECONDS)) {
            throw new IllegalStateException("Not all " + count + " were told within a minute");
        }
    }

    /** Housekeeping and safety polls, as the server counts them. */
    private static void idle(Figures figures, Database database, int count) throws Exception {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            // An idle session reports what it did before within ten seconds.
            TimeUnit.SECONDS.sleep(11);
            long before = transactions(statement);
            long start = System.nanoTime();
            TimeUnit.SECONDS.sleep(10);
            double seconds = (System.nanoTime() - start) / 1e9;
            figures.add(
                    "idle: transactions per second, all together",
                    Figures.OURS,
                    count,
                    (transactions(statement) - before) / seconds);
        }
    }

    private static long transactions(Statement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery("SELECT pg_stat_clear_snapshot(), xact_commit + xact_rollback"
                + " FROM pg_stat_database WHERE datname = current_database()")) {
            row.next();
            return row.getLong(2);
        }
    }
}
