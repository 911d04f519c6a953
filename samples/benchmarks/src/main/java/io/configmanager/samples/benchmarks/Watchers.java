// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.Config;
import io.configmanager.ConfigEvent;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import io.configmanager.KeyState;
import io.configmanager.Subscription;
import io.configmanager.Watcher;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.ConfigStore;
import io.configmanager.value.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Notifications, watchers and values: how soon many are told, what is left of a million, and whom a bad one disturbs. */
final class Watchers implements Part {

    static final String NOTIFIED = "10,000 notifications on one key: change → last one told, p50, ms";
    static final String LEFT_OF_WATCHERS = "heap left by 1,000,000 watchers of a key, opened and closed, MB";
    static final String LEFT_OF_FORGOTTEN = "heap left by 1,000,000 watchers of a key, forgotten, MB";
    static final String LEFT_OF_VALUES = "heap left by 1,000,000 watchers of a value, forgotten, MB";
    static final String HEALTHY = "1,000 healthy listeners: change → last one told, p50, ms";
    static final String DISTURBED = "… beside one that sleeps, one that throws and one with a full queue";

    private static final int CHANGES = 50;

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        int many = quick ? 10_000 : 1_000_000;
        try (Database database = Database.start(figures);
                ConfigStore writer = database.newStore();
                ConfigManager manager = ConfigManagerBuilder.forStore(database.newStore())
                        .preload("")
                        .build()) {
            manager.connect();
            Config config = manager.namespace("");
            writer.commit(Database.commit("", "bench/key", 0));
            notified(figures, config, writer, quick ? 1_000 : 10_000);
            disturbed(figures, config, writer, quick ? 100 : 1_000);
            left(figures, LEFT_OF_WATCHERS, many, () -> {}, () -> {
                try (Watcher<KeyState<String>> watcher = config.watch("bench/key", String.class)) {
                    watcher.poll();
                }
            });
            left(
                    figures,
                    LEFT_OF_FORGOTTEN,
                    many,
                    () -> awaitNone(manager),
                    () -> config.watch("bench/key", String.class).poll());
            figures.add(
                    "subscriptions still open then",
                    Figures.OURS,
                    manager.subscriptionStats().open());
            Value<Integer> value = new Value<>(1);
            left(figures, LEFT_OF_VALUES, many, () -> {}, () -> value.watch().poll());
        }
    }

    private static void notified(Figures figures, Config config, ConfigStore writer, int count) throws Exception {
        Semaphore told = new Semaphore(0);
        List<Subscription> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(config.notify(ConfigFilter.keys("bench/key"), String.class, "n" + i, event -> told.release()));
        }
        Instances.await(told, count);
        figures.add(NOTIFIED, Figures.OURS, measure(writer, told, count));
        all.forEach(Subscription::close);
    }

    private static void disturbed(Figures figures, Config config, ConfigStore writer, int count) throws Exception {
        Semaphore told = new Semaphore(0);
        List<Subscription> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(config.listen(ConfigFilter.keys("bench/key"), changes -> told.release()));
        }
        figures.add(HEALTHY, Figures.OURS, measure(writer, told, count));
        CountDownLatch end = new CountDownLatch(1);
        all.add(config.listen(ConfigFilter.keys("bench/key"), changes -> {
            try {
                end.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        all.add(config.listen(ConfigFilter.keys("bench/key"), changes -> {
            throw new IllegalStateException("as a bad listener does");
        }));
        ArrayBlockingQueue<ConfigEvent<?>> full = new ArrayBlockingQueue<>(1);
        all.add(config.notify(ConfigFilter.keys("bench/key"), String.class, "full", full));
        figures.add(DISTURBED, Figures.OURS, measure(writer, told, count));
        end.countDown();
        all.forEach(Subscription::close);
    }

    private static double measure(ConfigStore writer, Semaphore told, int count) throws Exception {
        Samples samples = new Samples();
        for (int i = -CHANGES / 2; i < CHANGES; i++) {
            long start = System.nanoTime();
            writer.commit(Database.commit("", "bench/key", 1_000 + i));
            Instances.await(told, count);
            if (i >= 0) {
                samples.add(System.nanoTime() - start);
            }
        }
        return samples.millis(50);
    }

    /** The JVM tells of garbage little by little, and each question closes what it has told of. */
    private static void awaitNone(ConfigManager manager) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (manager.subscriptionStats().open() > 0 && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
    }

    private static void left(Figures figures, String what, int many, Runnable opportunity, Runnable once) {
        for (int i = 0; i < 1_000; i++) {
            once.run();
        }
        long before = Heap.used();
        for (int i = 0; i < many; i++) {
            once.run();
        }
        // Who was forgotten is closed at the next opportunity after that was noticed, such as this question.
        Heap.used();
        opportunity.run();
        figures.add(what, Figures.OURS, Math.max(0, Heap.used() - before) / 1e6);
    }
}
