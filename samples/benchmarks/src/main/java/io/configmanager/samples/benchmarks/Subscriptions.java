// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.Config;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.ConfigStore;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.options.WatchOption;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.IntFunction;

/** More and more listeners in one instance: until the last is told of a change, and what one costs. */
final class Subscriptions implements Part {

    static final String ONE_KEY = "all on one key: change → last one told, p50, ms";
    static final int TARGET = 10_000;

    private static final String OWN_KEYS = "each on its own key: change → its one told, p50, ms";

    /** A watch of etcd is a stream of its own, which is not what it is made for in larger numbers. */
    private static final int ETCD_LIMIT = 1_000;

    private static final int CHANGES = 30;

    /** Makes a change, by its number. */
    @FunctionalInterface
    private interface Change {
        void make(int number) throws Exception;
    }

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        int[] counts = quick ? new int[] {1, 1_000} : new int[] {1, 10, 100, 1_000, 10_000, 100_000};
        Optional<Etcd> etcd = Etcd.start(figures);
        try (Database database = Database.start(figures);
                ConfigStore writer = database.newStore()) {
            Figures warmUp = Figures.unread();
            ours(warmUp, database, writer, ONE_KEY, 100, number -> "bench/key");
            for (int count : counts) {
                ours(figures, database, writer, ONE_KEY, count, number -> "bench/key");
                ours(figures, database, writer, OWN_KEYS, count, number -> "bench/key-" + number);
                bare(figures, database, count);
                if (etcd.isPresent() && count <= ETCD_LIMIT) {
                    etcd(figures, etcd.get(), count);
                }
            }
            figures.note(
                    "Bare: a list of callbacks, called one after the other on the listening thread; etcd: one watch"
                            + " each, up to " + ETCD_LIMIT + ".");
        } finally {
            if (etcd.isPresent()) {
                etcd.get().close();
            }
        }
    }

    private static void ours(
            Figures figures, Database database, ConfigStore writer, String what, int count, IntFunction<String> keys)
            throws Exception {
        try (ConfigManager manager =
                ConfigManagerBuilder.forStore(database.newStore()).preload("").build()) {
            manager.connect();
            Config config = manager.namespace("");
            Semaphore told = new Semaphore(0);
            long before = Heap.used();
            for (int i = 0; i < count; i++) {
                config.listen(ConfigFilter.keys(keys.apply(i)), changes -> told.release());
            }
            if (count >= 1_000) {
                figures.add(
                        what.equals(ONE_KEY) ? "on one key: bytes each" : "on own keys: bytes each",
                        Figures.OURS,
                        count,
                        (Heap.used() - before) / (double) count);
            }
            measure(
                    figures,
                    what,
                    Figures.OURS,
                    count,
                    what.equals(ONE_KEY) ? count : 1,
                    told,
                    number -> writer.commit(Database.commit("", keys.apply(0), number)));
        }
    }

    private static void bare(Figures figures, Database database, int count) throws Exception {
        Semaphore told = new Semaphore(0);
        List<Runnable> callbacks = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            callbacks.add(told::release);
        }
        try (Connection writer = database.connect()) {
            Connection listener = BareRoute.listen(database, number -> callbacks.forEach(Runnable::run));
            measure(
                    figures,
                    ONE_KEY,
                    Figures.BARE,
                    count,
                    count,
                    told,
                    number -> BareRoute.write(writer, "bench/key", number));
            listener.abort(Runnable::run);
        }
    }

    private static void etcd(Figures figures, Etcd etcd, int count) throws Exception {
        try (Client writer = etcd.client();
                Client watcher = etcd.client()) {
            Semaphore told = new Semaphore(0);
            for (int i = 0; i < count; i++) {
                Etcd.watch(watcher, "fan-out", WatchOption.builder(), events -> told.release(events.size()));
            }
            measure(
                    figures,
                    ONE_KEY,
                    Figures.ETCD,
                    count,
                    count,
                    told,
                    number -> EtcdRoute.write(writer, "fan-out", number));
        }
    }

    private static void measure(
            Figures figures, String what, String who, int count, int expected, Semaphore told, Change change)
            throws Exception {
        Samples samples = new Samples();
        for (int i = -CHANGES / 3; i < CHANGES; i++) {
            long start = System.nanoTime();
            change.make(i);
            Instances.await(told, expected);
            if (i >= 0) {
                samples.add(System.nanoTime() - start);
            }
        }
        figures.add(what, who, count, samples.millis(50));
    }
}
