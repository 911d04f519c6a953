// SPDX-License-Identifier: Apache-2.0
package io.configmanager.value;

import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watchers as a {@link Flow.Publisher} by the rules of Reactive Streams: each subscriber gets a watcher of its own, and from
 * it as many results as it has requested. What it has not requested stays in the watcher, where the newest replaces the
 * older. Completes when the watcher is closed by somebody else; fails when the executor takes no more
 * work.
 */
public final class WatcherPublisher<T> implements Flow.Publisher<T> {

    private static final Logger log = LoggerFactory.getLogger(WatcherPublisher.class);

    private final Supplier<? extends AbstractWatcher<T>> watchers;
    private final Executor executor;

    /** @param executor runs the subscribers' methods */
    public WatcherPublisher(Supplier<? extends AbstractWatcher<T>> watchers, Executor executor) {
        this.watchers = watchers;
        this.executor = executor;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super T> subscriber) {
        Objects.requireNonNull(subscriber, "subscriber");
        AbstractWatcher<T> watcher;
        try {
            watcher = watchers.get();
        } catch (RuntimeException e) {
            subscriber.onSubscribe(new Nothing());
            subscriber.onError(e);
            return;
        }
        Delivery<T> delivery = new Delivery<>(watcher, subscriber, executor);
        try {
            subscriber.onSubscribe(delivery);
        } catch (RuntimeException | Error e) {
            delivery.cancel();
            throw e;
        }
        delivery.start();
    }

    /** What a subscriber holds that could not be served. */
    private static final class Nothing implements Flow.Subscription {
        @Override
        public void request(long n) {}

        @Override
        public void cancel() {}
    }

    private static final class Delivery<T> implements Flow.Subscription {

        private final AbstractWatcher<T> watcher;
        private final AtomicLong requested = new AtomicLong();
        private final SerialTask task;
        private volatile Flow.@Nullable Subscriber<? super T> subscriber;
        private volatile @Nullable RuntimeException wrong;
        private volatile boolean started;

        Delivery(AbstractWatcher<T> watcher, Flow.Subscriber<? super T> subscriber, Executor executor) {
            this.watcher = watcher;
            this.subscriber = subscriber;
            this.task = new SerialTask(this::deliver, executor, this::refused);
        }

        /** Not before {@code onSubscribe} has returned, because the subscriber's methods must not overlap. */
        void start() {
            started = true;
            watcher.onReady(task);
        }

        @Override
        public void request(long n) {
            if (n > 0) {
                requested.accumulateAndGet(n, (before, more) -> before + more < 0 ? Long.MAX_VALUE : before + more);
            } else {
                wrong = new IllegalArgumentException("A subscriber must request at least 1, not " + n + " (rule 3.9)");
            }
            task.run();
        }

        /** From here on the subscriber is not held any more. */
        @Override
        public void cancel() {
            subscriber = null;
            watcher.close();
        }

        /** The end is told on this thread, because there is no other one any more. */
        private void refused(Throwable e) {
            Flow.Subscriber<? super T> to = subscriber;
            if (to == null || !started) {
                return;
            }
            boolean complete = wrong == null && watcher.isClosed();
            RuntimeException failure = wrong;
            cancel();
            try {
                if (complete) {
                    to.onComplete();
                } else {
                    to.onError(failure == null ? e : failure);
                }
            } catch (Throwable thrown) {
                log.error("A subscriber has failed at its end", thrown);
            }
        }

        private void deliver() {
            if (!started) {
                return;
            }
            try {
                Flow.Subscriber<? super T> to = subscriber;
                while (to != null && wrong == null && requested.get() > 0) {
                    Optional<T> next = watcher.pollReadable();
                    if (next.isEmpty()) {
                        break;
                    }
                    if (requested.get() != Long.MAX_VALUE) {
                        requested.decrementAndGet();
                    }
                    to.onNext(next.get());
                    watcher.delivered();
                    to = subscriber;
                }
                RuntimeException failure = wrong;
                if (to != null && failure != null) {
                    cancel();
                    to.onError(failure);
                } else if (to != null && watcher.isClosed()) {
                    cancel();
                    to.onComplete();
                }
            } catch (Throwable e) {
                log.error("A subscriber has failed, so its subscription ends", e);
                cancel();
            }
        }
    }
}
