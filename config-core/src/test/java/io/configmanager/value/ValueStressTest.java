// SPDX-License-Identifier: Apache-2.0
package io.configmanager.value;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.configmanager.Watcher;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.Phaser;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Pairs of calls that meet, on real threads, in many short rounds. What must hold, holds after each. */
class ValueStressTest {

    private static final int ROUNDS = 50_000;
    private static final int SHIFTS = 64;
    private static final Duration LONG = Duration.ofSeconds(30);

    /** On a machine that has other work to do, not all rounds are run. */
    private static final Duration LONGEST_TEST = Duration.ofSeconds(5);

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Logger log = (Logger) LoggerFactory.getLogger("io.configmanager.value");

    @BeforeEach
    void quiet() {
        log.setLevel(Level.OFF);
    }

    @AfterEach
    void stop() {
        threads.shutdownNow();
        log.setLevel(null);
    }

    @Test
    void ev3ASetThatMeetsAGetIsReturnedByIt() throws Exception {
        Value<Integer> value = new Value<>();
        Watcher<Integer> watcher = value.watch();
        rounds(
                round -> {
                    long start = System.nanoTime();
                    assertThat(watcher.get(LONG)).contains(round);
                    assertThat(System.nanoTime() - start).as("woken").isLessThan(LONG.toNanos());
                },
                value::set,
                round -> assertThat(watcher.poll()).isEmpty());
    }

    @Test
    void ev5ACancelThatMeetsASetLosesNothingAndEndsTheGet() throws Exception {
        Value<Integer> value = new Value<>();
        Watcher<Integer> watcher = value.watch();
        int[] last = new int[1];
        rounds(
                round -> {
                    try {
                        last[0] = watcher.get(LONG).orElseThrow();
                    } catch (CancellationException e) {
                        // The value comes with the next call.
                    }
                },
                round -> {
                    watcher.cancel();
                    value.set(round);
                    watcher.cancel();
                },
                round -> assertThat(watcher.poll().orElse(last[0])).isEqualTo(round));
    }

    /** The watcher ends, its executor stops and something comes, all at once. */
    @Test
    void aSubscriberIsToldItsEndExactlyOnceAlsoIfTheExecutorRefuses() throws Exception {
        End[] end = new End[1];
        rounds(
                round -> {
                    end[0].ended = true;
                    end[0].signal.give();
                },
                round -> {
                    end[0].refuses = true;
                    end[0].signal.give();
                },
                round -> end[0] = new End(round % 2 == 0),
                round -> {
                    end[0].tasks.arriveAndAwaitAdvance();
                    assertThat(end[0].told).hasValue(1);
                    assertThat(end[0].overlaps).hasValue(0);
                });
    }

    private final class End implements Flow.Subscriber<Integer> {

        final Signal signal = new Signal();
        final AtomicInteger told = new AtomicInteger();
        final AtomicInteger overlaps = new AtomicInteger();
        final AtomicInteger inside = new AtomicInteger();
        final Phaser tasks = new Phaser(1);
        volatile boolean ended;
        volatile boolean refuses;

        End(boolean refusesAll) {
            new WatcherPublisher<>(this::watcher, this::execute).subscribe(this);
            tasks.arriveAndAwaitAdvance();
            refuses = refusesAll;
        }

        private void execute(Runnable task) {
            if (refuses) {
                throw new RejectedExecutionException("expected");
            }
            tasks.register();
            threads.execute(() -> {
                task.run();
                tasks.arriveAndDeregister();
            });
        }

        private AbstractWatcher<Integer> watcher() {
            return new AbstractWatcher<>(signal) {
                @Override
                protected Integer next() {
                    return 1;
                }

                @Override
                protected int atHand() {
                    return 1;
                }

                @Override
                protected void putBack() {}

                @Override
                protected String ended() {
                    return ended ? "ended" : null;
                }
            };
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            subscription.request(1);
        }

        @Override
        public void onNext(Integer item) {
            called();
        }

        @Override
        public void onError(Throwable failure) {
            called();
            told.incrementAndGet();
        }

        @Override
        public void onComplete() {
            called();
            told.incrementAndGet();
        }

        private void called() {
            if (inside.incrementAndGet() > 1) {
                overlaps.incrementAndGet();
            }
            Thread.yield();
            inside.decrementAndGet();
        }
    }

    @Test
    void ev2ASignalThatMeetsSomebodyWhoIsAboutToWaitWakesHim() throws Exception {
        Signal signal = new Signal();
        AtomicInteger given = new AtomicInteger();
        rounds(
                round -> {
                    long start = System.nanoTime();
                    for (long since = signal.given(); given.get() < round; since = signal.given()) {
                        signal.await(since, LONG.toNanos());
                    }
                    assertThat(System.nanoTime() - start).as("woken").isLessThan(LONG.toNanos());
                },
                round -> {
                    given.set(round);
                    signal.give();
                },
                round -> {});
    }

    private interface Step {
        void run(int round) throws Exception;
    }

    private void rounds(Step one, Step other, Step after) throws Exception {
        rounds(one, other, round -> {}, after);
    }

    /** Both begin within nanoseconds, one of them a little later from round to round, so that they meet at every place. */
    private void rounds(Step one, Step other, Step before, Step after) throws Exception {
        AtomicInteger arrived = new AtomicInteger();
        AtomicBoolean over = new AtomicBoolean();
        long start = System.nanoTime();
        List<Callable<Void>> both = new ArrayList<>();
        for (Step step : List.of(one, other)) {
            both.add(() -> {
                try {
                    for (int round = 1; round <= ROUNDS && !over.get(); round++) {
                        if (step == one) {
                            before.run(round);
                        }
                        meet(arrived, 4 * round - 2, over);
                        if (over.get()) {
                            break;
                        }
                        for (int delay = step == one ? round % SHIFTS : SHIFTS / 2; delay > 0; delay--) {
                            Thread.onSpinWait();
                        }
                        step.run(round);
                        meet(arrived, 4 * round, over);
                        if (step == one && !over.get()) {
                            after.run(round);
                            over.set(System.nanoTime() - start > LONGEST_TEST.toNanos());
                        }
                    }
                } finally {
                    over.set(true);
                }
                return null;
            });
        }
        for (Future<Void> each : threads.invokeAll(both)) {
            each.get();
        }
    }

    private static void meet(AtomicInteger arrived, int all, AtomicBoolean over) {
        arrived.incrementAndGet();
        for (int spins = 0; arrived.get() < all && !over.get(); spins++) {
            if (spins < 1_000) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
    }
}
