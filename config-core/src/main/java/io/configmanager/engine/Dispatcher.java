// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigObserver;
import io.configmanager.StoreException;
import io.configmanager.Subscription;
import io.configmanager.SubscriptionStats;
import io.configmanager.engine.ConfigManagerBuilder.Applier;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells of change sets that the cache already shows: first the appliers, on the watch thread, then every subscriber that
 * wants one of the keys. Subscriptions to other keys cost a change nothing.
 */
final class Dispatcher implements Audience {

    private static final Logger log = LoggerFactory.getLogger(Dispatcher.class);
    private static final long START_RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final List<Applier> appliers;
    private final ConfigObserver observer;
    private final LongSupplier nanoTime;
    private final Map<String, Subscribers> namespaces = new ConcurrentHashMap<>();
    private final ReferenceQueue<Object> forgotten = new ReferenceQueue<>();
    private final LongAdder coalesced = new LongAdder();
    private final Map<Subscriber, Unstarted> unstarted = new ConcurrentHashMap<>();
    private volatile @Nullable Throwable failure;
    private volatile boolean closed;

    /** The subscribers of a namespace: those of single keys by key, so that they need not be searched. */
    private static final class Subscribers {

        final Map<String, Set<Subscriber>> byKey = new ConcurrentHashMap<>();
        final Set<Subscriber> others = ConcurrentHashMap.newKeySet();
        final Map<Subscriber, Registration> all = new ConcurrentHashMap<>();

        void add(Subscriber subscriber, Registration registration) {
            all.put(subscriber, registration);
            if (subscriber.filter() instanceof ConfigFilter.Keys named) {
                for (String key : named.keys()) {
                    byKey.compute(key, (k, set) -> {
                        Set<Subscriber> some = set == null ? ConcurrentHashMap.newKeySet() : set;
                        some.add(subscriber);
                        return some;
                    });
                }
            } else {
                others.add(subscriber);
            }
        }

        void remove(Subscriber subscriber) {
            all.remove(subscriber);
            others.remove(subscriber);
            if (subscriber.filter() instanceof ConfigFilter.Keys named) {
                for (String key : named.keys()) {
                    byKey.computeIfPresent(key, (k, set) -> {
                        set.remove(subscriber);
                        return set.isEmpty() ? null : set;
                    });
                }
            }
        }

        void tell(ConfigChangeSet changes) {
            if (changes.changes().size() == 1) {
                byKey.getOrDefault(changes.changes().get(0).key(), Set.of())
                        .forEach(subscriber -> subscriber.offer(changes));
            } else {
                Set<Subscriber> told = new HashSet<>();
                for (ConfigChange change : changes.changes()) {
                    for (Subscriber subscriber : byKey.getOrDefault(change.key(), Set.of())) {
                        if (told.add(subscriber)) {
                            subscriber.offer(changes);
                        }
                    }
                }
            }
            for (Subscriber subscriber : others) {
                if (changes.changes().stream()
                        .anyMatch(change -> subscriber.filter().matches(change.key()))) {
                    subscriber.offer(changes);
                }
            }
        }
    }

    /** Ends a subscription when its holder is garbage. */
    private static final class Forgettable extends WeakReference<Object> {

        final Subscription subscription;

        Forgettable(Object holder, ReferenceQueue<Object> queue, Subscription subscription) {
            super(holder, queue);
            this.subscription = subscription;
        }
    }

    Dispatcher(List<Applier> appliers, ConfigObserver observer, LongSupplier nanoTime) {
        this.appliers = List.copyOf(appliers);
        this.observer = observer;
        this.nanoTime = nanoTime;
    }

    @Override
    public void accept(ConfigChangeSet changes) {
        dropForgotten();
        for (Applier applier : appliers) {
            try {
                applier.accept(changes);
            } catch (Throwable e) {
                // Whatever it is, also undeclared: the watch and the subscribers must not suffer.
                observer.listenerFailed();
                log.error("An applier failed at revision {}", changes.revision(), e);
            }
        }
        Subscribers subscribers = namespaces.get(changes.namespace());
        if (subscribers != null) {
            subscribers.tell(changes);
        }
    }

    @Override
    public void reloaded(String namespace, @Nullable Set<String> compared) {
        for (Applier applier : appliers) {
            try {
                applier.reloaded(namespace);
            } catch (StoreException e) {
                throw e;
            } catch (Throwable e) {
                observer.listenerFailed();
                log.error("What follows namespace '{}' could not be read again", namespace, e);
            }
        }
        Subscribers subscribers = namespaces.get(namespace);
        if (subscribers != null) {
            subscribers.all.keySet().forEach(subscriber -> subscriber.reload(compared));
        }
    }

    @Override
    public void failed(Throwable cause) {
        if (failure == null) {
            failure = cause;
            namespaces.values().forEach(some -> some.all.keySet().forEach(subscriber -> subscriber.failed(cause)));
        }
    }

    @Override
    public void live() {
        unstarted.values().forEach(Unstarted::tryAgain);
        if (failure != null) {
            failure = null;
            namespaces.values().forEach(some -> some.all.keySet().forEach(Subscriber::recovered));
        }
    }

    /** From now on the subscriber is told, of a failure that lasts at once. */
    Subscription add(String namespace, Subscriber subscriber) {
        dropForgotten();
        Registration registration = new Registration(namespace, subscriber);
        namespaces.compute(namespace, (name, some) -> {
            Subscribers known = some == null ? new Subscribers() : some;
            known.add(subscriber, registration);
            return known;
        });
        tellHowItFares(subscriber);
        if (closed) {
            subscriber.close("The manager is closed");
            remove(namespace, subscriber);
        }
        return registration;
    }

    /**
     * Starts the subscriber when the watch is live again, not on its thread: the store may be slow for this one only.
     *
     * @param start throws if the store cannot be read
     */
    void startLater(Subscriber subscriber, Runnable start, Executor executor) {
        unstarted.put(subscriber, new Unstarted(subscriber, start, executor));
        if (closed) {
            unstarted.clear();
        }
    }

    /** A subscriber that could not be started when it came. */
    private final class Unstarted implements Runnable {

        private final Subscriber subscriber;
        private final Runnable start;
        private final Executor executor;
        private final AtomicBoolean running = new AtomicBoolean();
        private volatile long notBefore = nanoTime.getAsLong();

        Unstarted(Subscriber subscriber, Runnable start, Executor executor) {
            this.subscriber = subscriber;
            this.start = start;
            this.executor = executor;
        }

        void tryAgain() {
            if (nanoTime.getAsLong() - notBefore < 0 || !running.compareAndSet(false, true)) {
                return;
            }
            try {
                executor.execute(this);
            } catch (RuntimeException | Error e) {
                running.set(false);
                log.debug("A subscriber cannot be started now", e);
            }
        }

        @Override
        public void run() {
            try {
                start.run();
                unstarted.remove(subscriber);
                if (failure == null) {
                    subscriber.recovered();
                }
                tellHowItFares(subscriber);
            } catch (Throwable e) {
                notBefore = nanoTime.getAsLong() + START_RETRY_NANOS;
                log.debug("A subscriber cannot be started now", e);
            } finally {
                running.set(false);
            }
        }
    }

    private final class Registration implements Subscription {

        private final String namespace;
        private final Subscriber subscriber;

        /** Held here, because a reference that is garbage itself tells of nothing. */
        @SuppressWarnings("UnusedVariable")
        private volatile @Nullable Forgettable forgettable;

        Registration(String namespace, Subscriber subscriber) {
            this.namespace = namespace;
            this.subscriber = subscriber;
        }

        @Override
        public void close() {
            subscriber.close(null);
            remove(namespace, subscriber);
            unstarted.remove(subscriber);
        }
    }

    /** Again if that changes meanwhile, because the watch may have told this subscriber in between. */
    private void tellHowItFares(Subscriber subscriber) {
        Throwable told = null;
        while (failure != told) {
            told = failure;
            if (told != null) {
                subscriber.failed(told);
            } else {
                subscriber.recovered();
            }
        }
    }

    /** Without subscribers nothing is kept of a namespace, not even the tables, which never shrink. */
    private void remove(String namespace, Subscriber subscriber) {
        namespaces.computeIfPresent(namespace, (name, some) -> {
            some.remove(subscriber);
            return some.all.isEmpty() ? null : some;
        });
    }

    /** Closes the subscription when the holder is garbage; the subscriber must not lead to it. */
    void closeWhenForgotten(Object holder, Subscription subscription) {
        if (subscription instanceof Registration registration) {
            registration.forgettable = new Forgettable(holder, forgotten, subscription);
        }
    }

    private void dropForgotten() {
        for (Object garbage = forgotten.poll(); garbage != null; garbage = forgotten.poll()) {
            if (garbage instanceof Forgettable known) {
                known.subscription.close();
            }
        }
    }

    /** Whether nothing is left of any subscription. */
    boolean isEmpty() {
        return namespaces.isEmpty() && unstarted.isEmpty();
    }

    /** The counter of change sets that were merged. */
    LongAdder coalesced() {
        return coalesced;
    }

    SubscriptionStats stats() {
        dropForgotten();
        long now = nanoTime.getAsLong();
        int open = 0;
        int behind = 0;
        long lag = 0;
        for (Subscribers some : namespaces.values()) {
            for (Subscriber subscriber : some.all.keySet()) {
                open++;
                Long since = subscriber.waitingSince();
                if (since != null) {
                    behind++;
                    lag = Math.max(lag, now - since);
                }
            }
        }
        return new SubscriptionStats(open, behind, Duration.ofNanos(lag), coalesced.sum());
    }

    void close() {
        closed = true;
        namespaces
                .values()
                .forEach(some -> some.all.keySet().forEach(subscriber -> subscriber.close("The manager is closed")));
        namespaces.clear();
        unstarted.clear();
    }
}
