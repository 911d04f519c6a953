// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.ConfigStore;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.options.WatchOption;
import java.sql.Connection;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.function.Predicate;

/** The threads that an instance has, whatever it follows. */
final class Threads implements Part {

    static final String ONE = "threads, 1 namespace and 1 subscription";
    static final String MANY_NAMESPACES = "threads, 1,000 namespaces";
    static final String MANY_SUBSCRIPTIONS = "threads, 10,000 subscriptions";

    private static final String LANES = "… and those that call listeners, for 10 s after the last call";

    private static final Predicate<Thread> LANE = thread -> thread.getName().equals("config-listener");

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        Optional<Etcd> etcd = Etcd.start(figures);
        try (Database database = Database.start(figures);
                ConfigStore writer = database.newStore()) {
            // What the pool and the driver start at their first use is not the manager's.
            try (ConfigManager first =
                    ConfigManagerBuilder.forStore(database.newStore()).build()) {
                first.connect();
                writer.commit(Database.commit("", "bench/key", 0));
            }
            Set<Thread> before = all();
            try (ConfigManager manager = ConfigManagerBuilder.forStore(database.newStore())
                    .preload("")
                    .build()) {
                manager.connect();
                Semaphore told = new Semaphore(0);
                manager.namespace("").listen(ConfigFilter.ALL, changes -> told.release());
                writer.commit(Database.commit("", "bench/key", 1));
                Instances.await(told, 1);
                figures.add(ONE, Figures.OURS, count(before, LANE.negate()));
                for (int i = 0; i < 1_000; i++) {
                    manager.namespace("n" + i).entry("bench/key");
                }
                figures.add(MANY_NAMESPACES, Figures.OURS, count(before, LANE.negate()));
                for (int i = 1; i < 10_000; i++) {
                    manager.namespace("").listen(ConfigFilter.ALL, changes -> told.release());
                }
                writer.commit(Database.commit("", "bench/key", 2));
                Instances.await(told, 10_000);
                figures.add(MANY_SUBSCRIPTIONS, Figures.OURS, count(before, LANE.negate()));
                figures.add(LANES, Figures.OURS, count(before, LANE));
            }
            Set<Thread> beforeBare = all();
            Connection listener = BareRoute.listen(database, number -> {});
            figures.add(ONE, Figures.BARE, count(beforeBare, thread -> true));
            listener.abort(Runnable::run);
            if (etcd.isPresent()) {
                etcd(figures, etcd.get());
            }
        } finally {
            if (etcd.isPresent()) {
                etcd.get().close();
            }
        }
    }

    private static void etcd(Figures figures, Etcd etcd) throws Exception {
        Set<Thread> before = all();
        try (Client client = etcd.client()) {
            Semaphore told = new Semaphore(0);
            Etcd.watch(client, "threads", WatchOption.builder(), events -> told.release(events.size()));
            EtcdRoute.write(client, "threads", 1);
            Instances.await(told, 1);
            figures.add(ONE, Figures.ETCD, count(before, thread -> true));
            for (int i = 1; i < 1_000; i++) {
                Etcd.watch(client, "threads", WatchOption.builder(), events -> told.release(events.size()));
            }
            EtcdRoute.write(client, "threads", 2);
            Instances.await(told, 1_000);
            figures.add("threads, 1,000 subscriptions", Figures.ETCD, count(before, thread -> true));
        }
    }

    private static Set<Thread> all() {
        return new HashSet<>(Thread.getAllStackTraces().keySet());
    }

    private static int count(Set<Thread> before, Predicate<Thread> which) {
        return (int) all().stream()
                .filter(thread ->
                        !before.contains(thread) && !thread.getName().startsWith("HikariPool") && which.test(thread))
                .count();
    }
}
