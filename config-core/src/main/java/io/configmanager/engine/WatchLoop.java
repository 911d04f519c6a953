// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigObserver;
import io.configmanager.StoreException;
import io.configmanager.engine.NamespaceCache.Answers;
import io.configmanager.engine.Reconciler.Jump;
import io.configmanager.engine.Reconciler.Ticket;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Feed;
import io.configmanager.store.Position;
import io.configmanager.store.PositionLostException;
import io.configmanager.store.Snapshot;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the cache coherent: one thread, {@link #turn()} after turn. A turn either opens the feed (after a snapshot where
 * there is no position to continue from) or polls it once and applies what came. A failed turn ends with a pause; no error
 * is retried without one.
 *
 * <p>List, then watch from there, and list again only when history is lost: the method of the Kubernetes reflector, with
 * the position proved by the store instead of a bare number.
 */
final class WatchLoop implements Runnable {

    private static final Logger log = LoggerFactory.getLogger(WatchLoop.class);
    private static final int KEYS_PER_READ = 1_000;

    private final ConfigStore store;
    private final Reconciler reconciler;
    private final StatusTracker status;
    private final StoreClock storeClock;
    private final Audience audience;
    private final ConfigObserver observer;
    private final Backoff backoff;
    private final Duration pollTimeout;
    private final int bound;
    private final Pause pause;
    private final RandomGenerator random;
    private final LongSupplier nanoTime;

    private @Nullable Position position;

    /** The last position; unlike that one not forgotten when it is lost, because it tells one history from another. */
    private volatile @Nullable Position reached;

    private Jump jump;
    private String resyncReason = "start";
    private boolean wasLive;
    private int lostInRow;

    /** Namespaces whose reload not everybody was told, with the keys of which the difference was; null for all of them. */
    private final Map<String, @Nullable Set<String>> reloaded = new LinkedHashMap<>();

    private volatile boolean stopping;
    private volatile @Nullable Feed feed;

    /** Everything a loop needs to know of time: measured, waited for and chosen at random only through these. */
    record Timing(Backoff backoff, Duration pollTimeout, Pause pause, RandomGenerator random, LongSupplier nanoTime) {}

    WatchLoop(
            ConfigStore store,
            Reconciler reconciler,
            StatusTracker status,
            StoreClock storeClock,
            Audience audience,
            ConfigObserver observer,
            int bound,
            Timing timing) {
        this.store = store;
        this.reconciler = reconciler;
        this.status = status;
        this.storeClock = storeClock;
        this.audience = audience;
        this.observer = observer;
        this.bound = bound;
        this.backoff = timing.backoff();
        this.pollTimeout = timing.pollTimeout();
        this.pause = timing.pause();
        this.random = timing.random();
        this.nanoTime = timing.nanoTime();
        // What an earlier watch has applied may be from before a restore.
        this.jump = reconciler.applied() > 0 ? Jump.NEW_HISTORY : Jump.SAME_HISTORY;
    }

    @Override
    public void run() {
        while (!stopping) {
            try {
                turn();
            } catch (InterruptedException e) {
                // Only stop() ends the watch: who interrupted meant something else, a listener's work perhaps.
                log.debug("Interrupted", e);
            } catch (Throwable e) {
                // Such as no memory to say what has failed.
                log.error("The watch goes on after a failure that could not be dealt with", e);
            }
        }
    }

    /** Ends the loop: the current turn returns soon, no other follows. From any thread. */
    void stop() {
        stopping = true;
        closeFeed();
    }

    /** Where the watch is, or was last; null before its first snapshot. From any thread. */
    @Nullable
    Position reached() {
        return reached;
    }

    void turn() throws InterruptedException {
        try {
            if (feed == null) {
                status.attempting();
                open();
            }
            tellReloaded();
            poll();
            if (status.failures() == 0) {
                lostInRow = 0;
            }
        } catch (Throwable e) {
            // Whatever a store throws, also undeclared.
            closeFeed();
            if (!stopping) {
                recover(e);
            }
        }
    }

    private void recover(Throwable e) throws InterruptedException {
        int failures = status.failures() + 1;
        if (e instanceof PositionLostException lost) {
            position = null;
            if (lost.reason() == PositionLostException.Reason.HISTORY_REPLACED) {
                jump = Jump.NEW_HISTORY;
            }
            resyncReason = lost.reason().name().toLowerCase(Locale.ROOT);
            // The store answers, so this does not wait as long as an outage had made it. The pause also spreads the
            // snapshots of many instances that lose their positions at the same moment.
            failures = ++lostInRow;
        } else if (!(e instanceof StoreException)) {
            // Not the store's fault, so what is in the cache may be half done: start from a snapshot.
            position = null;
            resyncReason = "error";
        }
        try {
            status.failed(e);
            audience.failed(e);
        } finally {
            pause.await(backoff.delay(failures, random));
        }
    }

    private void open() {
        Position from = position;
        if (from == null) {
            from = resync();
            moveTo(from);
        }
        Feed opened = store.openFeed(from);
        feed = opened;
        if (stopping) {
            closeFeed();
        }
    }

    private void poll() {
        Feed open = feed;
        if (open == null) {
            return;
        }
        Feed.Batch batch = open.poll(pollTimeout);
        long answered = nanoTime.getAsLong();
        if (stopping) {
            return;
        }
        storeClock.observed(batch.storeTime(), answered - batch.provedAgo().toNanos());
        proveLoads(batch.position());
        int changes = 0;
        for (ChangeSet changeSet : batch.changeSets()) {
            boolean news = changeSet.revision() > reconciler.applied();
            apply(changeSet);
            if (news) {
                observer.propagated(storeClock.since(changeSet.committedAt()));
                changes += changeSet.changes().size();
            }
        }
        reconciler.advanceTo(batch.position().revision());
        moveTo(batch.position());
        if (changes > 0) {
            observer.applied(changes);
        }
        if (batch.hintsMissed() > 0) {
            observer.hintsMissed(batch.hintsMissed());
        }
        loadWaiting();
        boolean becameLive = status.caughtUp(batch, answered);
        if (becameLive && wasLive) {
            observer.reconnected();
        }
        wasLive = true;
        audience.live();
    }

    private void apply(ChangeSet changeSet) {
        int changes = changeSet.changes().size();
        Observers.around(observer.applying(changeSet.revision(), changes), () -> {
            reconciler.apply(changeSet).forEach(audience);
            return changes;
        });
    }

    /** Loads all active namespaces from one snapshot; the old state is served until it has succeeded. */
    private Position resync() {
        Snapshot snapshot;
        do {
            Set<String> names = new HashSet<>();
            reconciler.active().forEach(cache -> names.add(cache.namespace()));
            snapshot = load(names, jump);
        } while (snapshot == null);
        jump = Jump.SAME_HISTORY;
        if (wasLive) {
            observer.resynced(resyncReason);
        }
        return snapshot.position();
    }

    /** Loads namespaces that became active while the store was away. */
    private void loadWaiting() {
        Set<String> names = reconciler.waitingForLoad();
        if (!names.isEmpty()) {
            load(names, Jump.NONE);
        }
    }

    /** Reads everything first, so that a failure leaves things as they were; null if more must be read. */
    private @Nullable Snapshot load(Set<String> names, Jump how) {
        Ticket ticket = reconciler.ticket();
        long start = nanoTime.getAsLong();
        Snapshot snapshot = store.snapshot(names, bound);
        storeClock.observed(snapshot.storeTime(), start);
        Set<String> onDemand = new HashSet<>(snapshot.oversized());
        Map<String, Answers> answers = new HashMap<>();
        for (NamespaceCache cache : reconciler.active()) {
            if (cache.state().onDemand != null && names.contains(cache.namespace())) {
                onDemand.add(cache.namespace());
            }
            if (snapshot.oversized().contains(cache.namespace())) {
                answers.put(cache.namespace(), ask(cache.namespace(), cache.keysInMemory()));
            }
        }
        if (stopping) {
            throw new StoreException("The watch was stopped", true, null);
        }
        if (how == Jump.SAME_HISTORY && historyWasReplaced()) {
            // The snapshot may be from before or from after that; the next one is from after it.
            throw new PositionLostException(
                    PositionLostException.Reason.HISTORY_REPLACED, "The store's history was replaced");
        }
        List<ConfigChangeSet> differences = reconciler.load(ticket, names, snapshot, answers, how);
        if (differences == null) {
            return null;
        }
        differences.forEach(audience);
        onDemand.forEach(name -> {
            Answers asked = answers.get(name);
            Set<String> compared = asked == null ? null : asked.keys();
            Set<String> before = reloaded.get(name);
            reloaded.put(name, before == null ? compared : compared == null ? before : common(before, compared));
        });
        tellReloaded();
        return snapshot;
    }

    /** Before anything newer is told: whoever was told that does not look for what is older. Throws if the store cannot be read. */
    private void tellReloaded() {
        for (String name : List.copyOf(reloaded.keySet())) {
            audience.reloaded(name, reloaded.get(name));
            reloaded.remove(name);
        }
    }

    private static Set<String> common(Set<String> some, Set<String> others) {
        Set<String> both = new HashSet<>(some);
        both.retainAll(others);
        return both;
    }

    /**
     * Whether the last position, or one from which something was loaded ahead of it, is of another history; asked after a
     * snapshot, so that the snapshot is not newer.
     */
    private boolean historyWasReplaced() {
        Set<Position> known = new LinkedHashSet<>();
        Position last = reached;
        if (last != null) {
            known.add(last);
        }
        known.addAll(reconciler.unproved(Long.MAX_VALUE));
        return known.stream().anyMatch(this::isOfAnotherHistory);
    }

    boolean isOfAnotherHistory(Position of) {
        try (Feed proof = store.openFeed(of)) {
            proof.poll(Duration.ZERO);
            return false;
        } catch (PositionLostException e) {
            return e.reason() == PositionLostException.Reason.HISTORY_REPLACED;
        } catch (StoreException e) {
            throw e;
        } catch (RuntimeException | Error e) {
            log.debug("The feed itself may be what fails; a snapshot leaps over it", e);
            return false;
        }
    }

    /** What was loaded ahead of the feed is of the feed's history, or else everything is loaded anew. */
    private void proveLoads(Position next) {
        for (Position ahead : reconciler.unproved(next.revision())) {
            if (!ahead.equals(next)) {
                try (Feed proof = store.openFeed(ahead)) {
                    proof.poll(Duration.ZERO);
                }
            }
            reconciler.proved(ahead);
        }
    }

    private void moveTo(Position next) {
        position = next;
        reached = next;
    }

    private Answers ask(String namespace, Set<String> keys) {
        List<String> all = List.copyOf(keys);
        List<ConfigEntry> found = new ArrayList<>();
        for (int from = 0; from < all.size(); from += KEYS_PER_READ) {
            List<String> some = all.subList(from, Math.min(all.size(), from + KEYS_PER_READ));
            found.addAll(store.list(namespace, new ConfigFilter.Keys(Set.copyOf(some)), KEYS_PER_READ, null)
                    .items());
        }
        return new Answers(keys, found);
    }

    private void closeFeed() {
        Feed open = feed;
        feed = null;
        if (open != null) {
            try {
                open.close();
            } catch (Throwable e) {
                log.debug("A feed did not close", e);
            }
        }
    }
}
