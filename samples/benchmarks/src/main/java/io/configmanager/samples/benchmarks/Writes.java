// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.store.Commit;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Operation;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.op.Op;
import io.etcd.jetcd.options.PutOption;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Single writes and batches, one writer. */
final class Writes implements Part {

    static final String SINGLE = "single writes, per second";
    static final String BATCHED = "entries in batches, per second";

    static final int BATCH = 1_000;

    /** What one transaction of etcd takes by default. */
    private static final int ETCD_BATCH = 128;

    /** Writes entries with numbers from {@code first} on. */
    @FunctionalInterface
    interface Write {
        void run(int first, int count) throws Exception;
    }

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        Optional<Etcd> etcd = Etcd.start(figures);
        try (Database database = Database.start(figures);
                Connection bare = database.connect();
                ConfigStore ours = database.newStore()) {
            Map<String, Write> single = new LinkedHashMap<>();
            Map<String, Write> batched = new LinkedHashMap<>();
            single.put(Figures.OURS, (first, count) -> {
                for (int i = first; i < first + count; i++) {
                    ours.commit(Database.commit("", "bench/key-" + i % 100, i));
                }
            });
            single.put(Figures.BARE, (first, count) -> {
                for (int i = first; i < first + count; i++) {
                    BareRoute.write(bare, "bench/key-" + i % 100, i);
                }
            });
            batched.put(Figures.OURS, (first, count) -> {
                List<Operation> operations = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    operations.add(Database.put("", "batch/key-" + i, first + i));
                }
                ours.commit(Commit.of(operations, null, null));
            });
            batched.put(Figures.BARE, (first, count) -> bareBatch(bare, first, count));
            if (etcd.isPresent()) {
                Client client = etcd.get().client();
                single.put(Figures.ETCD, (first, count) -> {
                    for (int i = first; i < first + count; i++) {
                        EtcdRoute.write(client, "bench/key-" + i % 100, i);
                    }
                });
                batched.put(Figures.ETCD, (first, count) -> etcdBatch(client, first, count));
                figures.note("Batches hold 1,000 entries; of etcd 128, which is what one of its transactions takes.");
            }
            measure(figures, SINGLE, single, quick ? 100 : 500, quick ? 2 : 12);
            measure(figures, BATCHED, batched, BATCH, quick ? 2 : 12);
        } finally {
            if (etcd.isPresent()) {
                etcd.get().close();
            }
        }
    }

    /** In turns, so that whatever else the machine does meets all; the first sixth warms up. */
    static void measure(Figures figures, String what, Map<String, Write> writes, int count, int rounds)
            throws Exception {
        Map<String, Long> nanos = new LinkedHashMap<>();
        int counted = 0;
        for (int round = 0; round < rounds; round++) {
            boolean counts = round >= rounds / 6;
            counted += counts ? count : 0;
            for (var write : writes.entrySet()) {
                long start = System.nanoTime();
                write.getValue().run(round * count, count);
                nanos.merge(write.getKey(), counts ? System.nanoTime() - start : 0, Long::sum);
            }
        }
        for (var total : nanos.entrySet()) {
            figures.add(what, total.getKey(), counted * 1e9 / total.getValue());
        }
    }

    private static void bareBatch(Connection connection, int first, int count) throws SQLException {
        connection.setAutoCommit(false);
        try (PreparedStatement upsert = connection.prepareStatement(
                        "INSERT INTO bare VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value");
                Statement notify = connection.createStatement()) {
            for (int i = 0; i < count; i++) {
                upsert.setString(1, "batch/key-" + i);
                upsert.setString(2, "value " + (first + i));
                upsert.addBatch();
            }
            upsert.executeBatch();
            notify.execute("NOTIFY bare, '" + first + "'");
            connection.commit();
        } finally {
            connection.setAutoCommit(true);
        }
    }

    private static void etcdBatch(Client client, int first, int count) throws Exception {
        for (int from = 0; from < count; from += ETCD_BATCH) {
            List<Op> puts = new ArrayList<>();
            for (int i = from; i < Math.min(count, from + ETCD_BATCH); i++) {
                puts.add(Op.put(Etcd.bytes("batch/key-" + i), Etcd.bytes("value " + (first + i)), PutOption.DEFAULT));
            }
            client.getKVClient().txn().Then(puts.toArray(new Op[0])).commit().get();
        }
    }
}
