// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.Condition;
import io.configmanager.Config;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigView;
import io.configmanager.ValueType;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import io.configmanager.store.Commit;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.Operation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Readers and writers on real threads. */
class ReaderStressTest {

    private static final long DURATION = TimeUnit.MILLISECONDS.toNanos(700);

    private final MemoryConfigStore memory = new MemoryConfigStore();
    private final MemoryConfigStore others = memory.another();
    private final FaultyStore store = new FaultyStore(memory);
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private ConfigManager manager;

    @AfterEach
    void stop() {
        threads.shutdownNow();
        manager.close();
    }

    private Config connected(int maximumEntries) {
        manager = ConfigManagerBuilder.forStore(store)
                .startup(StartupPolicy.FAIL, Duration.ofSeconds(5))
                .retry(Duration.ofMillis(1), Duration.ofMillis(5), Duration.ofMillis(20))
                .maximumEntries(maximumEntries)
                .preload("app")
                .build();
        manager.connect();
        return manager.namespace("app");
    }

    private void put(String... keysAndValues) {
        List<Operation> operations = new ArrayList<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            operations.add(new Operation.Put(
                    "app", keysAndValues[i], keysAndValues[i + 1], "json", ValueType.INTEGER, null, Condition.ALWAYS));
        }
        others.commit(Commit.of(operations, null, null));
    }

    /** Every job runs again and again for the duration; the first failure is thrown. */
    private void run(List<Callable<Void>> jobs) throws Exception {
        long end = System.nanoTime() + DURATION;
        List<Future<Void>> running = new ArrayList<>();
        for (Callable<Void> job : jobs) {
            running.add(threads.submit(() -> {
                while (System.nanoTime() < end) {
                    job.call();
                }
                return null;
            }));
        }
        for (Future<Void> job : running) {
            job.get(30, TimeUnit.SECONDS);
        }
    }

    @Test
    void viewsAreWholeAndNeverGoBackAndOwnWritesAreReadable() throws Exception {
        put("a", "0", "b", "0");
        Config config = connected(1_000);
        assertThat(config.view().entries()).hasSize(2);
        List<Callable<Void>> jobs = new ArrayList<>();
        AtomicInteger value = new AtomicInteger();
        jobs.add(() -> {
            String next = String.valueOf(value.incrementAndGet());
            put("a", next, "b", next);
            return null;
        });
        jobs.add(() -> {
            memory.cutFeeds();
            others.compact();
            Thread.onSpinWait();
            return null;
        });
        for (int i = 0; i < 3; i++) {
            jobs.add(new Callable<>() {
                private long revision;
                private long version;

                @Override
                public Void call() {
                    ConfigView view = config.view();
                    ConfigEntry a = view.entry("a").orElseThrow();
                    ConfigEntry b = view.entry("b").orElseThrow();
                    assertThat(a.value()).isEqualTo(b.value());
                    assertThat(a.revision()).isLessThanOrEqualTo(view.revision());
                    assertThat(view.revision()).isGreaterThanOrEqualTo(revision);
                    revision = view.revision();
                    long read = config.entry("a").orElseThrow().version();
                    assertThat(read).isGreaterThanOrEqualTo(Math.max(version, a.version()));
                    version = read;
                    return null;
                }
            });
        }
        for (int i = 0; i < 2; i++) {
            String key = "own" + i;
            jobs.add(() -> {
                ConfigEntry set = config.set(key, 1).entry();
                assertThat(config.entry(key).orElseThrow().version()).isGreaterThanOrEqualTo(set.version());
                config.delete(key);
                assertThat(config.entry(key)).isEmpty();
                return null;
            });
        }
        run(jobs);
        assertThat(manager.sync(Duration.ofSeconds(5))).isTrue();
        assertThat(config.view().get("a", Integer.class)).contains(value.get());
    }

    @Test
    void onDemandReadsNeverGoBackAndOwnWritesAreReadable() throws Exception {
        for (int i = 0; i < 30; i++) {
            put("k" + i, "0");
        }
        Config config = connected(4);
        List<Callable<Void>> jobs = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            String key = "k" + i;
            jobs.add(() -> {
                ConfigEntry set = config.set(key, 1).entry();
                assertThat(config.entry(key).orElseThrow().version()).isGreaterThanOrEqualTo(set.version());
                return null;
            });
            jobs.add(() -> {
                for (int j = 0; j < 30; j++) {
                    assertThat(config.entry("k" + j)).isPresent();
                }
                return null;
            });
        }
        run(jobs);
    }

    @Test
    void manyReadersOfOneKeyAskTheStoreOnce() throws Exception {
        put("k0", "0", "k1", "0", "k2", "0");
        Config config = connected(2);
        config.entry("k0");
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        store.beforeAnswer = call -> {
            if (call.equals("get")) {
                asked.countDown();
                await(answer);
            }
        };
        store.gets.set(0);
        List<Future<Integer>> readers = new ArrayList<>();
        List<Thread> blocked = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            readers.add(threads.submit(() -> {
                synchronized (blocked) {
                    blocked.add(Thread.currentThread());
                }
                return config.get("k1", Integer.class);
            }));
        }
        await(asked);
        org.awaitility.Awaitility.await().until(() -> {
            synchronized (blocked) {
                return blocked.size() == 4
                        && blocked.stream().allMatch(thread -> thread.getState() == Thread.State.WAITING);
            }
        });
        answer.countDown();
        for (Future<Integer> reader : readers) {
            assertThat(reader.get(5, TimeUnit.SECONDS)).isZero();
        }
        assertThat(store.gets).hasValue(1);
    }

    /** An own write while another thread's read of the key is under way, and the key is evicted before it is read again. */
    @Test
    void readAfterAnOwnWriteDoesNotJoinAnEarlierRead() throws Exception {
        put("k0", "0", "k1", "0", "k2", "0");
        Config config = connected(2);
        DefaultConfigManager engine = (DefaultConfigManager) manager;
        config.entry("k0");
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        AtomicInteger gets = new AtomicInteger();
        store.beforeAnswer = call -> {
            if (call.equals("get") && gets.getAndIncrement() == 0) {
                asked.countDown();
                await(answer);
            }
        };
        Future<Integer> early = threads.submit(() -> config.get("k1", Integer.class));
        await(asked);
        long written = config.set("k1", 7).revision();
        assertThat(manager.awaitRevision(written, Duration.ofSeconds(5))).isTrue();
        engine.reconciler.active().iterator().next().state().onDemand.invalidate("k1");
        Future<Integer> late = threads.submit(() -> config.get("k1", Integer.class));
        org.awaitility.Awaitility.await()
                .pollDelay(Duration.ZERO)
                .until(() -> late.isDone()
                        || early.isDone()
                        || Thread.getAllStackTraces().values().stream()
                                        .filter(stack -> java.util.Arrays.stream(stack)
                                                .anyMatch(frame ->
                                                        frame.getClassName().equals(KeyLoads.class.getName())))
                                        .count()
                                == 2);
        answer.countDown();
        assertThat(late.get(5, TimeUnit.SECONDS)).isEqualTo(7);
        early.get(5, TimeUnit.SECONDS);
        assertThat(config.get("k1", Integer.class)).isEqualTo(7);
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
