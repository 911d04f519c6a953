// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.ConfigManager;
import io.configmanager.ConfigObserver;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.Commit;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Operation;
import io.configmanager.store.postgres.PostgresConfigStore;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.op.Op;
import io.etcd.jetcd.options.PutOption;
import io.etcd.jetcd.options.WatchOption;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;

/**
 * What it costs to come back: the connection is cut, entries change, and the clock runs from when the server can be
 * reached again until all changes are there. It should follow what changed, not what exists.
 */
final class Reconnect implements Part {

    static final String BY_ENTRIES = "100 changes while away";
    static final String BY_CHANGES = "10,000 entries exist";
    static final String BYTES = ", kB received";

    static final String TIME = ", caught up after, ms";
    static final String READ_ALL = "bare driver, reading all again";
    private static final int ETCD_BATCH = 128;

    private final AtomicInteger resyncs = new AtomicInteger();
    private int reconnects;
    private int value;

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        int[] existing = quick ? new int[] {100, 1_000} : new int[] {100, 1_000, 10_000, 100_000};
        int[] changes = quick ? new int[] {1, 100} : new int[] {1, 10, 100, 1_000, 10_000};
        int fixed = quick ? 1_000 : 10_000;
        int repetitions = quick ? 2 : 9;
        Optional<Etcd> etcd = Etcd.start(figures);
        try (Database database = Database.start(figures)) {
            for (int entries : existing) {
                database.fill("n" + entries, entries);
            }
            database.vacuum();
            postgres(Figures.unread(), database, BY_ENTRIES, 100, 100, 100, 5);
            for (int entries : existing) {
                postgres(figures, database, BY_ENTRIES, entries, entries, 100, repetitions);
                if (etcd.isPresent()) {
                    etcd(figures, etcd.get(), BY_ENTRIES, entries, entries, 100, repetitions);
                }
            }
            for (int count : changes) {
                postgres(figures, database, BY_CHANGES, count, fixed, count, repetitions);
                if (etcd.isPresent()) {
                    etcd(figures, etcd.get(), BY_CHANGES, count, fixed, count, repetitions);
                }
            }
            figures.add("reconnects, all together", Figures.OURS, reconnects);
            figures.add("namespaces loaded anew", Figures.OURS, resyncs.get());
            figures.note(
                    "Times hold the connect and, of ours, a wait of up to 15 ms between attempts (100 ms doubling to"
                            + " 30 s by default, so that a server that comes back is not overrun). The bare driver does not"
                            + " know what it missed and reads everything. etcd: a new client that watches from the next revision; most of its time goes into making the client, so look at the bytes.");
        } finally {
            if (etcd.isPresent()) {
                etcd.get().close();
            }
        }
    }

    private void postgres(
            Figures figures, Database database, String what, int at, int existing, int changes, int repetitions)
            throws Exception {
        String namespace = "n" + existing;
        Samples ours = new Samples();
        Samples bare = new Samples();
        long oursBytes = 0;
        long bareBytes = 0;
        try (Link link = new Link(database.port());
                ConfigStore writer = database.newStore()) {
            DataSource connections = PostgresConfigStore.unpooled(Database.url(link.port()), null, null);
            try (ConfigManager manager = ConfigManagerBuilder.forStore(
                            PostgresConfigStore.builder(connections).build())
                    .preload(namespace)
                    .retry(Duration.ofMillis(10), Duration.ofMillis(10), Duration.ofSeconds(2))
                    .observer(new Counter())
                    .build()) {
                manager.connect();
                for (int i = 0; i < repetitions; i++) {
                    link.cut();
                    reconnects++;
                    long revision = change(writer, namespace, existing, changes);
                    long bytes = link.received();
                    long start = System.nanoTime();
                    link.restore();
                    if (!manager.awaitRevision(revision, Duration.ofMinutes(1))) {
                        throw new IllegalStateException("Not caught up within a minute");
                    }
                    ours.add(System.nanoTime() - start);
                    oursBytes += link.received() - bytes;
                }
            }
            for (int i = 0; i < repetitions; i++) {
                long bytes = link.received();
                long start = System.nanoTime();
                if (readAll(connections, namespace).size() != existing) {
                    throw new IllegalStateException("Not all was read");
                }
                bare.add(System.nanoTime() - start);
                bareBytes += link.received() - bytes;
            }
        }
        figures.add(what + TIME, Figures.OURS, at, ours.millis(50));
        figures.add(what + BYTES, Figures.OURS, at, oursBytes / 1e3 / repetitions);
        figures.add(what + TIME, READ_ALL, at, bare.millis(50));
        figures.add(what + BYTES, READ_ALL, at, bareBytes / 1e3 / repetitions);
    }

    /** Changes entries one by one, or many in commits of a hundred; answers the last revision. */
    private long change(ConfigStore writer, String namespace, int existing, int changes) {
        int size = changes <= 100 ? 1 : 100;
        long revision = 0;
        for (int from = 0; from < changes; from += size) {
            List<Operation> operations = new ArrayList<>();
            for (int i = from; i < from + size; i++) {
                operations.add(Database.put(namespace, Database.key(i % existing), value++));
            }
            revision = writer.commit(Commit.of(operations, null, null)).revision();
        }
        return revision;
    }

    private static Map<String, String> readAll(DataSource connections, String namespace) throws SQLException {
        Map<String, String> all = new HashMap<>();
        try (Connection connection = connections.getConnection();
                Statement listen = connection.createStatement();
                PreparedStatement query =
                        connection.prepareStatement("SELECT key, value FROM config_entry WHERE namespace = ?")) {
            listen.execute("LISTEN bare");
            query.setString(1, namespace);
            try (ResultSet rows = query.executeQuery()) {
                while (rows.next()) {
                    all.put(rows.getString(1), rows.getString(2));
                }
            }
        }
        return all;
    }

    private void etcd(Figures figures, Etcd etcd, String what, int at, int existing, int changes, int repetitions)
            throws Exception {
        String prefix = "n" + existing + "/";
        Samples samples = new Samples();
        long received = 0;
        try (Link link = new Link(etcd.port());
                Client writer = etcd.client()) {
            etcdPut(writer, prefix, existing, existing);
            for (int i = 0; i < repetitions; i++) {
                long revision = writer.getKVClient()
                        .get(Etcd.bytes(prefix))
                        .get()
                        .getHeader()
                        .getRevision();
                etcdPut(writer, prefix, existing, changes);
                long bytes = link.received();
                Semaphore told = new Semaphore(0);
                long start = System.nanoTime();
                try (Client client = Etcd.client(link.port())) {
                    Etcd.watch(
                            client,
                            prefix,
                            WatchOption.builder().isPrefix(true).withRevision(revision + 1),
                            events -> told.release(events.size()));
                    Instances.await(told, changes);
                    samples.add(System.nanoTime() - start);
                }
                received += link.received() - bytes;
            }
        }
        figures.add(what + TIME, Figures.ETCD, at, samples.millis(50));
        figures.add(what + BYTES, Figures.ETCD, at, received / 1e3 / repetitions);
    }

    private static void etcdPut(Client writer, String prefix, int existing, int count) throws Exception {
        for (int from = 0; from < count; from += ETCD_BATCH) {
            List<Op> puts = new ArrayList<>();
            for (int i = from; i < Math.min(count, from + ETCD_BATCH); i++) {
                puts.add(Op.put(
                        Etcd.bytes(prefix + Database.key(i % existing)), Etcd.bytes("value " + i), PutOption.DEFAULT));
            }
            writer.getKVClient().txn().Then(puts.toArray(new Op[0])).commit().get();
        }
    }

    private final class Counter implements ConfigObserver {

        @Override
        public void resynced(String reason) {
            resyncs.incrementAndGet();
        }
    }
}
