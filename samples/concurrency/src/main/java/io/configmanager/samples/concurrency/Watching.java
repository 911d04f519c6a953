// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.concurrency;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.configmanager.Watcher;
import io.configmanager.value.Value;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** What must hold when two calls on a value, its watchers and its subscribers meet. */
public final class Watching {

    private static final Duration LONG = Duration.ofSeconds(10);

    private Watching() {}

    /** EV-2: what is set is returned once, whoever is first. */
    @JCStressTest
    @Description("a set meets a poll")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "seen at once")
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "seen afterwards")
    @Outcome(expect = FORBIDDEN, desc = "lost, or returned twice")
    @State
    public static class SetAndPoll {

        private final Value<Integer> value = new Value<>();
        private final Watcher<Integer> watcher = value.watch();

        @Actor
        public void set() {
            value.set(1);
        }

        @Actor
        public void poll(II_Result r) {
            r.r1 = watcher.poll().orElse(0);
        }

        @Arbiter
        public void afterwards(II_Result r) {
            r.r2 = watcher.poll().orElse(0);
        }
    }

    /** EV-3: latest value, never an older one after a newer one, and the last one is not lost. */
    @JCStressTest
    @Description("two sets meet two polls")
    @Outcome(
            id = {"0, 0, 2", "0, 1, 2", "0, 2, 0", "1, 0, 2", "1, 2, 0", "2, 0, 0"},
            expect = ACCEPTABLE,
            desc = "in order")
    @Outcome(expect = FORBIDDEN, desc = "back, twice, or the last one lost")
    @State
    public static class SetsAndPolls {

        private final Value<Integer> value = new Value<>();
        private final Watcher<Integer> watcher = value.watch();

        @Actor
        public void set() {
            value.set(1);
            value.set(2);
        }

        @Actor
        public void poll(III_Result r) {
            r.r1 = watcher.poll().orElse(0);
            r.r2 = watcher.poll().orElse(0);
        }

        @Arbiter
        public void afterwards(III_Result r) {
            r.r3 = watcher.poll().orElse(0);
        }
    }

    /** EV-2: who is about to wait is woken. */
    @JCStressTest
    @Description("a set meets a get that waits")
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "woken")
    @Outcome(id = "0", expect = FORBIDDEN, desc = "not woken")
    @State
    public static class SetAndGet {

        private final Value<Integer> value = new Value<>();
        private final Watcher<Integer> watcher = value.watch();

        @Actor
        public void set() {
            value.set(1);
        }

        @Actor
        public void get(I_Result r) {
            long start = System.nanoTime();
            try {
                int found = watcher.get(LONG).orElse(0);
                r.r1 = System.nanoTime() - start < LONG.toNanos() ? found : 0;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** EV-5: a cancelled get has not taken the value with it. */
    @JCStressTest
    @Description("a set and a cancel meet a get")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "the value was first")
    @Outcome(id = "-1, 1", expect = ACCEPTABLE, desc = "the cancel was first, the value is still there")
    @Outcome(expect = FORBIDDEN, desc = "lost, or returned twice")
    @State
    public static class SetCancelAndGet {

        private final Value<Integer> value = new Value<>();
        private final Watcher<Integer> watcher = value.watch();

        @Actor
        public void cancelAndSet() {
            watcher.cancel();
            value.set(1);
        }

        @Actor
        public void get(II_Result r) {
            try {
                r.r1 = watcher.get(LONG).orElse(0);
            } catch (CancellationException e) {
                r.r1 = -1;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Arbiter
        public void afterwards(II_Result r) {
            r.r2 = watcher.poll().orElse(0);
        }
    }

    /** A subscriber is told its end exactly once, also when its executor refuses. */
    @JCStressTest
    @Description("two requests for a thread meet, and none is given")
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "told once")
    @Outcome(expect = FORBIDDEN, desc = "not told, or more than once")
    @State
    public static class EndAndRefusal {

        private final Value<Integer> value = new Value<>();
        private Flow.Subscription subscription;
        private volatile boolean refuses;
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicInteger ends = new AtomicInteger();

        public EndAndRefusal() {
            value.publisher(task -> {
                        if (refuses) {
                            throw new RejectedExecutionException();
                        }
                        task.run();
                    })
                    .subscribe(new Flow.Subscriber<>() {
                        @Override
                        public void onSubscribe(Flow.Subscription given) {
                            subscription = given;
                        }

                        @Override
                        public void onNext(Integer item) {
                            next.incrementAndGet();
                        }

                        @Override
                        public void onError(Throwable failure) {
                            ends.incrementAndGet();
                        }

                        @Override
                        public void onComplete() {
                            ends.incrementAndGet();
                        }
                    });
            refuses = true;
        }

        @Actor
        public void set() {
            value.set(1);
        }

        @Actor
        public void request() {
            subscription.request(1);
        }

        @Arbiter
        public void afterwards(II_Result r) {
            r.r1 = next.get();
            r.r2 = ends.get();
        }
    }
}
