// SPDX-License-Identifier: Apache-2.0
package io.configmanager.value;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.configmanager.Subscription;
import io.configmanager.Watcher;
import io.configmanager.WatcherStateException;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class ValueTest {

    private static final Duration SOON = Duration.ofSeconds(5);

    private final Logger log = (Logger) org.slf4j.LoggerFactory.getLogger("io.configmanager.value");
    private final Value<String> value = new Value<>();
    private final Watcher<String> watcher = value.watch();
    private final Deque<Runnable> tasks = new ArrayDeque<>();
    private final List<Thread> threads = new ArrayList<>();

    @BeforeEach
    void quiet() {
        log.setLevel(Level.OFF);
    }

    @AfterEach
    void stop() {
        log.setLevel(null);
        threads.forEach(Thread::interrupt);
    }

    @Nested
    class Setting {

        @Test
        void ev1HoldsOneValueOrNoneYet() {
            assertThat(value.get()).isEmpty();
            value.set("a");
            value.set("b");
            assertThat(value.get()).contains("b");
            assertThat(new Value<>("c").get()).contains("c");
            assertThatThrownBy(() -> value.set(null)).isInstanceOf(NullPointerException.class);
        }

        @Test
        void ev1EqualIsAChangeToo() {
            value.set("a");
            assertThat(watcher.poll()).contains("a");
            value.set("a");
            assertThat(watcher.poll()).contains("a");
        }

        @Test
        void ev1NeverWaitsForAConsumer() {
            Deque<Runnable> stuck = new ArrayDeque<>();
            watcher.pipe(new SynchronousQueue<>(), stuck::add);
            value.watch();
            for (int i = 0; i < 1_000; i++) {
                value.set("v" + i);
            }
            assertThat(value.get()).contains("v999");
            assertThat(stuck).as("asked once").hasSize(1);
        }
    }

    @Nested
    class Getting {

        @Test
        void ev2FirstIsTheValueOfTheWatchOrANewerOne() throws Exception {
            value.set("a");
            Watcher<String> late = value.watch();
            assertThat(late.get()).isEqualTo("a");
            Watcher<String> later = value.watch();
            value.set("b");
            assertThat(later.get()).isEqualTo("b");
        }

        @Test
        void ev2WaitsForTheFirstSetAndThenForEachNext() throws Exception {
            CompletableFuture<String> first = async(watcher::get);
            awaitWaiting();
            assertThat(first).isNotDone();
            value.set("a");
            assertThat(first.get(5, TimeUnit.SECONDS)).isEqualTo("a");

            CompletableFuture<String> second = async(watcher::get);
            awaitWaiting();
            value.set("b");
            assertThat(second.get(5, TimeUnit.SECONDS)).isEqualTo("b");
        }

        /** Forced: the value is set by the look itself, after it has found nothing. */
        @Test
        void ev2ASetBetweenTheLookAndTheWaitIsNotMissed() throws Exception {
            Signal signal = new Signal();
            AtomicInteger looks = new AtomicInteger();
            Watcher<String> racing = new AbstractWatcher<>(signal) {
                @Override
                protected String next() {
                    if (looks.getAndIncrement() > 0) {
                        return "a";
                    }
                    signal.give();
                    return null;
                }

                @Override
                protected int atHand() {
                    return 1;
                }

                @Override
                protected void putBack() {}
            };
            assertThat(async(racing::get).get(5, TimeUnit.SECONDS)).isEqualTo("a");
            assertThat(looks).hasValue(2);
        }

        @Test
        void ev3OnlyTheNewestIsReturnedAndItIsNeverLost() throws Exception {
            for (int i = 0; i < 10; i++) {
                value.set("v" + i);
            }
            assertThat(watcher.get()).isEqualTo("v9");
            assertThat(watcher.poll()).isEmpty();
        }

        @Test
        void ev3EveryWatcherGetsTheNewest() throws Exception {
            Watcher<String> other = value.watch();
            value.set("a");
            assertThat(watcher.get()).isEqualTo("a");
            value.set("b");
            assertThat(watcher.get()).isEqualTo("b");
            assertThat(other.get()).isEqualTo("b");
        }

        @Test
        void ev5ATimeoutLosesNothing() throws Exception {
            assertThat(watcher.get(Duration.ofMillis(1))).isEmpty();
            assertThat(watcher.get(Duration.ZERO)).isEmpty();
            assertThat(watcher.get(Duration.ofSeconds(-1))).isEmpty();
            value.set("a");
            assertThat(watcher.get(Duration.ZERO)).contains("a");
            value.set("b");
            assertThat(watcher.get(Duration.ofSeconds(Long.MAX_VALUE))).contains("b");
        }

        @Test
        void ev5AnInterruptLeavesItUsable() throws Exception {
            CompletableFuture<String> waiting = async(watcher::get);
            awaitWaiting();
            threads.get(0).interrupt();
            assertThatThrownBy(() -> waiting.get(5, TimeUnit.SECONDS))
                    .isInstanceOf(ExecutionException.class)
                    .hasCauseInstanceOf(InterruptedException.class);
            value.set("a");
            assertThat(watcher.get()).isEqualTo("a");
        }

        @Test
        void ev5CancelLeavesItUsableAndConcernsNoLaterGet() throws Exception {
            Watcher<String> other = value.watch();
            CompletableFuture<String> waiting = async(watcher::get);
            CompletableFuture<String> alsoWaiting = async(other::get);
            awaitWaiting();
            watcher.cancel();
            assertThatThrownBy(() -> waiting.get(5, TimeUnit.SECONDS)).isInstanceOf(CancellationException.class);

            watcher.cancel();
            assertThat(watcher.get(Duration.ofMillis(1))).isEmpty();
            value.set("a");
            assertThat(watcher.get()).isEqualTo("a");
            assertThat(alsoWaiting.get(5, TimeUnit.SECONDS))
                    .as("another watcher's get")
                    .isEqualTo("a");
        }

        @Test
        void ev6ASecondGetAtTheSameTimeFailsAtOnce() throws Exception {
            CompletableFuture<String> waiting = async(watcher::get);
            awaitWaiting();
            assertThatThrownBy(watcher::get)
                    .isInstanceOf(WatcherStateException.class)
                    .hasMessageContaining("one consumer");
            assertThatThrownBy(() -> watcher.get(SOON)).isInstanceOf(WatcherStateException.class);
            assertThatThrownBy(watcher::poll).isInstanceOf(WatcherStateException.class);
            assertThatThrownBy(() -> watcher.filter(text -> true).poll())
                    .as("a filtered form is the same watcher")
                    .isInstanceOf(WatcherStateException.class);
            value.set("a");
            assertThat(waiting.get(5, TimeUnit.SECONDS)).isEqualTo("a");
        }

        @Test
        void ev7BacklogOnlyIsForValuesInMemoryToo() {
            assertThat(watcher.poll()).isEmpty();
            value.set("a");
            assertThat(watcher.poll()).contains("a");
            assertThat(watcher.poll()).isEmpty();
        }
    }

    @Nested
    class Filtering {

        @Test
        void ev7WhatDoesNotMatchIsForgottenSilentlyAndWaitingGoesOn() throws Exception {
            Watcher<String> filtered = watcher.filter(text -> text.startsWith("a"));
            value.set("b");
            assertThat(filtered.get(Duration.ZERO)).isEmpty();
            CompletableFuture<String> waiting = async(filtered::get);
            awaitWaiting();
            value.set("c");
            value.set("a1");
            assertThat(waiting.get(5, TimeUnit.SECONDS)).isEqualTo("a1");
        }

        @Test
        void ev7FiltersAddUp() {
            Watcher<String> filtered =
                    watcher.filter(text -> text.startsWith("a")).filter(text -> text.endsWith("z"));
            for (String text : List.of("ab", "bz", "b")) {
                value.set(text);
                assertThat(filtered.poll()).isEmpty();
            }
            value.set("az");
            assertThat(filtered.poll()).contains("az");
        }

        @Test
        void ev7APredicateThatThrowsIsHeardOnceAndTheWatcherGoesOn() {
            Watcher<String> filtered = watcher.filter(text -> {
                if (text.equals("bad")) {
                    throw new IllegalStateException("expected");
                }
                return true;
            });
            value.set("bad");
            assertThatThrownBy(filtered::poll).hasMessage("expected");
            assertThat(filtered.poll()).isEmpty();
            value.set("good");
            assertThat(filtered.poll()).contains("good");
        }

        /** The predicate itself sets the next value: the worst case of a producer that is faster than the consumer. */
        @Test
        void ev5WhatNeverMatchesAndNeverEndsDoesNotOutliveTheTimeout() throws Exception {
            Watcher<String> filtered = watcher.filter(text -> {
                value.set("next");
                return false;
            });
            value.set("first");
            assertThat(filtered.poll()).isEmpty();
            assertThat(filtered.get(Duration.ofMillis(5))).isEmpty();
        }

        @Test
        void ev5WhatNeverMatchesAndNeverEndsCanBeCancelledAndClosed() throws Exception {
            AtomicInteger seen = new AtomicInteger();
            Watcher<String> filtered = watcher.filter(text -> {
                value.set("next");
                if (seen.incrementAndGet() == 3) {
                    watcher.cancel();
                } else if (seen.get() == 6) {
                    watcher.close();
                }
                return false;
            });
            value.set("first");
            assertThatThrownBy(filtered::get).isInstanceOf(CancellationException.class);
            assertThatThrownBy(filtered::get).isInstanceOf(WatcherStateException.class);
        }
    }

    @Nested
    class Closing {

        @Test
        void ev8AfterCloseNothingComesAndEveryCallSaysSo() {
            value.set("a");
            watcher.close();
            watcher.close();
            assertThatThrownBy(watcher::get)
                    .isInstanceOf(WatcherStateException.class)
                    .hasMessageContaining("closed");
            assertThatThrownBy(() -> watcher.get(Duration.ZERO)).isInstanceOf(WatcherStateException.class);
            assertThatThrownBy(watcher::poll).isInstanceOf(WatcherStateException.class);
            watcher.cancel();
            value.set("b");
        }

        @Test
        void ev8CloseEndsAGetThatWaits() throws Exception {
            CompletableFuture<String> waiting = async(watcher::get);
            awaitWaiting();
            watcher.close();
            assertThatThrownBy(() -> waiting.get(5, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(WatcherStateException.class)
                    .hasMessageContaining("closed");
        }

        @Test
        void ev8ClosingAFilteredFormClosesTheWatcherAndTheOtherWayRound() {
            watcher.filter(text -> true).close();
            assertThatThrownBy(watcher::poll).isInstanceOf(WatcherStateException.class);

            Watcher<String> other = value.watch();
            Watcher<String> filtered = other.filter(text -> true);
            other.close();
            assertThatThrownBy(filtered::poll).isInstanceOf(WatcherStateException.class);
        }

        @Test
        void ev9AForgottenWatcherIsGarbageWithoutClose() {
            WeakReference<Watcher<String>> forgotten = new WeakReference<>(value.watch());
            assertGarbage(forgotten);
        }

        @Test
        void ev9WhatAClosedWatcherWouldHaveCalledIsGarbage() {
            byte[] large = new byte[1000];
            WeakReference<byte[]> held = new WeakReference<>(large);
            Watcher<String> other = value.watch();
            AtomicReference<byte[]> holder = new AtomicReference<>(large);
            other.onReady(holder::get);
            large = null;
            holder = null;
            other.close();
            other = null;
            assertGarbage(held);
        }
    }

    @Nested
    class WakingUp {

        private final AtomicInteger calls = new AtomicInteger();

        @Test
        void comesNowAndWithEverySet() {
            watcher.onReady(calls::incrementAndGet);
            assertThat(calls).hasValue(1);
            value.set("a");
            assertThat(calls).hasValue(2);
        }

        @Test
        void isReplacedByTheNext() {
            watcher.onReady(calls::incrementAndGet);
            watcher.onReady(() -> {});
            value.set("a");
            assertThat(calls).hasValue(1);
        }

        @Test
        void endsWithCloseWhichIsToldToo() {
            watcher.onReady(calls::incrementAndGet);
            watcher.close();
            assertThat(calls).hasValue(2);
            value.set("a");
            assertThat(calls).hasValue(2);
        }

        @Test
        void ofOneWatcherIsNotEndedByAnotherOneWithTheSameAction() {
            Runnable same = calls::incrementAndGet;
            Watcher<String> other = value.watch();
            watcher.onReady(same);
            other.onReady(same);
            other.close();
            calls.set(0);
            value.set("a");
            assertThat(calls).hasValue(1);
        }

        @Test
        void thatThrowsDisturbsNeitherTheSetterNorTheOthers() {
            for (int i = 0; i < 5; i++) {
                value.watch().onReady(() -> {
                    throw new StackOverflowError("expected");
                });
                value.watch().onReady(calls::incrementAndGet);
            }
            calls.set(0);
            assertThatCode(() -> value.set("a")).doesNotThrowAnyException();
            assertThat(calls).hasValue(5);
        }
    }

    @Nested
    class Piping {

        private final List<Runnable> retries = new ArrayList<>();
        private final List<Long> waits = new ArrayList<>();

        @Test
        void ev10ForwardsToAQueueUntilClosedAndLeavesTheQueueOpen() {
            BlockingQueue<String> queue = new LinkedBlockingQueue<>();
            Subscription pipe = watcher.pipe(queue, Runnable::run);
            value.set("a");
            value.set("b");
            assertThat(queue).containsExactly("a", "b");
            pipe.close();
            pipe.close();
            value.set("c");
            assertThat(queue).containsExactly("a", "b");
            assertThat(queue.offer("still open")).isTrue();
        }

        @Test
        void ev10AFullQueueGetsTheNewestWhenItHasRoom() {
            BlockingQueue<String> queue = new ArrayBlockingQueue<>(1);
            pipe(queue);
            value.set("a");
            value.set("b");
            value.set("c");
            retry();
            assertThat(queue).containsExactly("a");
            queue.clear();
            retry();
            assertThat(queue).containsExactly("c");
            queue.clear();
            retry();
            assertThat(queue).as("handed over once").isEmpty();
        }

        @Test
        void wCn3AFullQueueIsTriedAgainWithGrowingWaits() {
            BlockingQueue<String> queue = new ArrayBlockingQueue<>(1);
            pipe(queue);
            value.set("a");
            value.set("b");
            for (int i = 0; i < 9; i++) {
                retry();
            }
            assertThat(waits).containsExactly(1L, 2L, 4L, 8L, 16L, 32L, 64L, 64L, 64L, 64L);
            queue.clear();
            retry();
            value.set("c");
            assertThat(waits).as("from the start again").endsWith(64L, 1L);
        }

        @Test
        void wCn3OneRetryIsUnderWayHoweverMuchComesMeanwhile() {
            BlockingQueue<String> queue = new ArrayBlockingQueue<>(1);
            pipe(queue);
            for (int i = 0; i < 1_000; i++) {
                value.set("v" + i);
            }
            assertThat(retries).hasSize(1);
            retry();
            assertThat(retries).hasSize(1);
        }

        @Test
        void ev10CloseEndsAPipeInFrontOfAFullQueue() {
            BlockingQueue<String> queue = new ArrayBlockingQueue<>(1);
            Subscription pipe = pipe(queue);
            value.set("a");
            value.set("b");
            pipe.close();
            queue.clear();
            retry();
            assertThat(queue).isEmpty();
            assertThat(retries).isEmpty();
        }

        @Test
        void ev10AQueueWithoutRoomIsServedToo() throws Exception {
            SynchronousQueue<String> queue = new SynchronousQueue<>();
            watcher.pipe(queue, Runnable::run);
            value.set("a");
            value.set("b");
            assertThat(queue.poll(5, TimeUnit.SECONDS)).isEqualTo("b");
        }

        @Test
        void wCn2AQueueThatThrowsEndsThePipeAndNobodyElseSuffers() {
            AtomicInteger calls = new AtomicInteger();
            watcher.pipe(
                    new LinkedBlockingQueue<String>() {
                        private static final long serialVersionUID = 1L;

                        @Override
                        public boolean offer(String text) {
                            calls.incrementAndGet();
                            throw new IllegalStateException("expected");
                        }
                    },
                    Runnable::run);
            BlockingQueue<String> other = new LinkedBlockingQueue<>();
            value.watch().pipe(other, Runnable::run);
            assertThatCode(() -> value.set("a")).doesNotThrowAnyException();
            value.set("b");
            assertThat(calls).hasValue(1);
            assertThat(other).containsExactly("a", "b");
            assertThatThrownBy(watcher::poll).isInstanceOf(WatcherStateException.class);
        }

        @Test
        void ev10AConsumerIsCalledOneAtATimeAndMaySetItself() {
            List<String> order = new ArrayList<>();
            watcher.pipe(
                    text -> {
                        order.add("+" + text);
                        if (text.equals("a")) {
                            value.set("b");
                        }
                        order.add("-" + text);
                    },
                    Runnable::run);
            value.set("a");
            assertThat(order).containsExactly("+a", "-a", "+b", "-b");
        }

        @Test
        void ev10AConsumerThatThrowsEndsIt() {
            AtomicInteger calls = new AtomicInteger();
            watcher.pipe(
                    text -> {
                        calls.incrementAndGet();
                        throw new AssertionError("expected");
                    },
                    Runnable::run);
            value.set("a");
            value.set("b");
            assertThat(calls).hasValue(1);
        }

        @Test
        void ev10NoThreadIsHeldWhileNothingHappens() {
            watcher.pipe(new LinkedBlockingQueue<>(), tasks::add);
            runTasks();
            assertThat(tasks).isEmpty();
            value.set("a");
            value.set("b");
            assertThat(tasks).hasSize(1);
        }

        @Test
        void ev10FiltersApply() {
            BlockingQueue<String> queue = new LinkedBlockingQueue<>();
            watcher.filter(text -> !text.equals("b")).pipe(queue, Runnable::run);
            value.set("a");
            value.set("b");
            value.set("c");
            assertThat(queue).containsExactly("a", "c");
        }

        @Test
        void anExecutorThatIsClosedEndsIt() {
            watcher.pipe(new LinkedBlockingQueue<>(), task -> {
                throw new RejectedExecutionException("expected");
            });
            assertThatThrownBy(watcher::poll).isInstanceOf(WatcherStateException.class);
        }

        @Test
        void anExecutorWithoutThreadsIsTriedAgainAndNothingIsLost() {
            BlockingQueue<String> queue = new LinkedBlockingQueue<>();
            AtomicInteger failures = new AtomicInteger(2);
            Executor executor = task -> {
                if (failures.getAndDecrement() > 0) {
                    throw new StackOverflowError("expected");
                }
                task.run();
            };
            value.set("a");
            new Pipe<>((AbstractWatcher<String>) watcher, queue::offer, executor, this::later).start();
            retry();
            assertThat(queue).isEmpty();
            retry();
            assertThat(queue).containsExactly("a");
        }

        private Subscription pipe(BlockingQueue<String> queue) {
            return new Pipe<>((AbstractWatcher<String>) watcher, queue::offer, Runnable::run, this::later).start();
        }

        private Executor later(long millis) {
            return task -> {
                waits.add(millis);
                retries.add(task);
            };
        }

        private void retry() {
            List<Runnable> due = List.copyOf(retries);
            retries.clear();
            due.forEach(Runnable::run);
        }
    }

    @Nested
    class Publishing {

        private final List<String> told = new ArrayList<>();

        @Test
        void aSubscriberWhoseExecutorTakesNoMoreWorkIsTold() {
            value.publisher(task -> {
                        throw new RejectedExecutionException("no more");
                    })
                    .subscribe(subscriber());
            value.set("a");
            assertThat(told).containsExactly("error no more");
        }

        /** As when a manager closes: the end asks for a thread while the subscriber's request asks for one, in vain. */
        @Test
        void theEndIsToldAlsoWhenTheExecutorEndsMeanwhile() {
            List<Watcher<String>> watchers = new ArrayList<>();
            new WatcherPublisher<>(
                            () -> {
                                watchers.add(value.watch());
                                return (AbstractWatcher<String>) watchers.get(0);
                            },
                            task -> {
                                watchers.get(0).close();
                                throw new RejectedExecutionException("no more");
                            })
                    .subscribe(subscriber());
            assertThat(told).containsExactly("complete");
        }

        private Flow.Subscriber<String> subscriber() {
            return new Flow.Subscriber<>() {
                @Override
                public void onSubscribe(Flow.Subscription subscription) {
                    subscription.request(Long.MAX_VALUE);
                    assertThat(told).isEmpty();
                }

                @Override
                public void onNext(String item) {
                    told.add("next " + item);
                }

                @Override
                public void onError(Throwable failure) {
                    told.add("error " + failure.getMessage());
                }

                @Override
                public void onComplete() {
                    told.add("complete");
                }
            };
        }
    }

    private void runTasks() {
        while (!tasks.isEmpty()) {
            tasks.removeFirst().run();
        }
    }

    private interface Taking {
        String take() throws InterruptedException;
    }

    private CompletableFuture<String> async(Taking taking) {
        CompletableFuture<String> result = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                result.complete(taking.take());
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
        return result;
    }

    /** Until every thread that was started waits. */
    private void awaitWaiting() {
        await().atMost(SOON)
                .until(() -> threads.stream()
                        .allMatch(thread -> thread.getState() == Thread.State.WAITING
                                || thread.getState() == Thread.State.TIMED_WAITING
                                || thread.getState() == Thread.State.TERMINATED));
    }

    static void assertGarbage(WeakReference<?> reference) {
        await().atMost(SOON).until(() -> {
            System.gc();
            return reference.get() == null;
        });
    }
}
