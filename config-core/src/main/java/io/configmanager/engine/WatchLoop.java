// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigObserver;
import io.configmanager.StoreException;
import io.configmanager.engine.Reconciler.Jump;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Feed;
import io.configmanager.store.Position;
import io.configmanager.store.PositionLostException;
import io.configmanager.store.Snapshot;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the cache coherent: one thread, {@link #turn()} after turn. A turn either opens the feed (after a snapshot where
 * there is no position to continue from) or polls it once and applies what came. A failed turn ends with a pause; no error
 * is retried without one. Only {@link #stop()} ends the loop: not an error, and not an interrupt, which can only come from
 * code that was called on this thread.
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
    private final Consumer<ConfigChangeSet> publisher;
    private final ConfigObserver observer;
    private final Backoff backoff;
    private final Duration pollTimeout;
    private final int bound;
    private final Pause pause;
    private final RandomGenerator random;
    private final LongSupplier nanoTime;

    private @Nullable Position position;
    /** The position given up for an unexpected failure; nobody knows yet whether history still has it. */
    private @Nullable Position unproved;

    private Jump jump;
    private String resyncReason = "start";
    private boolean wasLive;
    private int lostInRow;
    private volatile boolean stopping;
    private volatile @Nullable Feed feed;

    /** What the store has of the keys that an on-demand namespace holds in memory. */
    private record Reread(NamespaceCache cache, Set<String> keys, List<ConfigEntry> entries) {}

    /** Everything a loop needs to know of time: measured, waited for and chosen at random only through these. */
    record Timing(Backoff backoff, Duration pollTimeout, Pause pause, RandomGenerator random, LongSupplier nanoTime) {}

    WatchLoop(
            ConfigStore store,
            Reconciler reconciler,
            StatusTracker status,
            StoreClock storeClock,
            Consumer<ConfigChangeSet> publisher,
            ConfigObserver observer,
            int bound,
            Timing timing) {
        this.store = store;
        this.reconciler = reconciler;
        this.status = status;
        this.storeClock = storeClock;
        this.publisher = publisher;
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
                log.debug("Interrupted; going on", e);
            }
        }
        closeFeed();
    }

    /** Ends the loop: the current turn returns soon, no other follows. From any thread. */
    void stop() {
        stopping = true;
        closeFeed();
    }

    void turn() throws InterruptedException {
        try {
            if (feed == null) {
                status.attempting();
                open();
            }
            poll();
            if (status.failures() == 0) {
                lostInRow = 0;
            }
        } catch (RuntimeException | Error e) {
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
            unproved = null;
            if (lost.reason() == PositionLostException.Reason.HISTORY_REPLACED) {
                jump = Jump.NEW_HISTORY;
            }
            resyncReason = lost.reason().name().toLowerCase(Locale.ROOT);
            // The store answers, so this does not wait as long as an outage had made it. The pause also spreads the
            // snapshots of many instances that lose their positions at the same moment.
            failures = ++lostInRow;
        } else if (!(e instanceof StoreException)) {
            // Not the store's fault, so what is in the cache may be half done: start from a snapshot.
            unproved = position == null ? unproved : position;
            position = null;
            resyncReason = "error";
        }
        status.failed(e);
        pause.await(backoff.delay(failures, random));
    }

    private void open() {
        Position from = position;
        if (from == null) {
            from = resync();
            position = from;
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
        int changes = 0;
        for (ChangeSet changeSet : batch.changeSets()) {
            if (changeSet.revision() > reconciler.applied()) {
                reconciler.apply(changeSet).forEach(publisher);
                observer.propagated(storeClock.since(changeSet.committedAt()));
                changes += changeSet.changes().size();
            }
        }
        reconciler.advanceTo(batch.position().revision());
        position = batch.position();
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
    }

    /** Loads all active namespaces from one snapshot; the old state is served until it has succeeded. */
    private Position resync() {
        Position last = unproved;
        if (last != null) {
            prove(last);
        }
        Set<String> names = new HashSet<>();
        reconciler.active().forEach(cache -> names.add(cache.namespace()));
        Snapshot snapshot = load(names, jump);
        jump = Jump.SAME_HISTORY;
        unproved = null;
        if (wasLive) {
            observer.resynced(resyncReason);
        }
        return snapshot.position();
    }

    /** Has the store confirm that its history still holds the position. */
    private void prove(Position last) {
        try (Feed proof = store.openFeed(last)) {
            proof.poll(Duration.ZERO);
        } catch (StoreException e) {
            throw e;
        } catch (RuntimeException | Error e) {
            log.debug("The feed itself may be what fails; a snapshot leaps over it", e);
        }
    }

    /** Loads namespaces that became active while the store was away, or that a jump left behind. */
    private void loadWaiting() {
        Set<String> names = reconciler.waitingForLoad();
        if (!names.isEmpty()) {
            load(names, Jump.NONE);
        }
    }

    /** Reads everything first and shows it then, so that a failure half way changes nothing. */
    private Snapshot load(Set<String> names, Jump how) {
        long start = nanoTime.getAsLong();
        Snapshot snapshot = store.snapshot(names, bound);
        storeClock.observed(snapshot.storeTime(), start);
        List<Reread> rereads = new ArrayList<>();
        for (NamespaceCache cache : reconciler.active()) {
            if (snapshot.oversized().contains(cache.namespace())) {
                rereads.add(reread(cache));
            }
        }
        if (stopping) {
            throw new StoreException("The watch is stopped", true, null);
        }
        long revision = snapshot.position().revision();
        reconciler.load(names, snapshot, how).forEach(publisher);
        for (Reread reread : rereads) {
            ConfigChangeSet difference =
                    reconciler.reloadOnDemand(reread.cache(), reread.keys(), reread.entries(), revision);
            if (difference != null) {
                publisher.accept(difference);
            }
        }
        return snapshot;
    }

    private Reread reread(NamespaceCache cache) {
        List<String> keys = new ArrayList<>(cache.keysInMemory());
        List<ConfigEntry> entries = new ArrayList<>();
        for (int from = 0; from < keys.size(); from += KEYS_PER_READ) {
            List<String> some = keys.subList(from, Math.min(keys.size(), from + KEYS_PER_READ));
            entries.addAll(store.list(cache.namespace(), new ConfigFilter.Keys(Set.copyOf(some)), KEYS_PER_READ, null)
                    .items());
        }
        return new Reread(cache, Set.copyOf(keys), entries);
    }

    private void closeFeed() {
        Feed open = feed;
        feed = null;
        if (open != null) {
            try {
                open.close();
            } catch (RuntimeException e) {
                log.debug("A feed did not close", e);
            }
        }
    }
}
