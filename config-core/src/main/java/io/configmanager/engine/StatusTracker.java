// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.StoreException;
import io.configmanager.WatchState;
import io.configmanager.WatchStatus;
import io.configmanager.store.Feed;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The only writer of the watch status, and the only one that logs what the watch does: each transition once.
 *
 * <p>Durations are measured on the monotonic clock; the wall clock only labels moments for people.
 */
final class StatusTracker {

    private static final Logger log = LoggerFactory.getLogger(StatusTracker.class);

    private record Facts(
            WatchState state,
            Instant since,
            long sinceNanos,
            boolean connected,
            int failures,
            @Nullable String lastError,
            boolean lastErrorPermanent,
            @Nullable Instant lastAttempt,
            @Nullable Instant lastSuccess,
            @Nullable String position,
            @Nullable Long provedNanos,
            boolean pushAvailable) {}

    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final Duration stableAfter;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private volatile Facts facts;
    private @Nullable RuntimeException lastFailure;

    StatusTracker(InstantSource clock, LongSupplier nanoTime, Duration stableAfter) {
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.stableAfter = stableAfter;
        this.facts = new Facts(
                WatchState.STARTING,
                clock.instant(),
                nanoTime.getAsLong(),
                false,
                0,
                null,
                false,
                null,
                null,
                null,
                null,
                false);
    }

    WatchState state() {
        return facts.state;
    }

    int failures() {
        return facts.failures;
    }

    /** A watch begins, perhaps after one that could not be connected: what held of that one holds no more. */
    void starting() {
        Facts f = facts;
        write(new Facts(
                WatchState.STARTING,
                clock.instant(),
                nanoTime.getAsLong(),
                false,
                0,
                f.lastError,
                false,
                f.lastAttempt,
                f.lastSuccess,
                f.position,
                f.provedNanos,
                false));
    }

    void attempting() {
        Facts f = facts;
        write(new Facts(
                f.state,
                f.since,
                f.sinceNanos,
                f.connected,
                f.failures,
                f.lastError,
                f.lastErrorPermanent,
                clock.instant(),
                f.lastSuccess,
                f.position,
                f.provedNanos,
                f.pushAvailable));
    }

    /**
     * A poll was answered and applied.
     *
     * @param answeredNanos the monotonic time of the answer
     * @return whether the watch has just become live
     */
    boolean caughtUp(Feed.Batch batch, long answeredNanos) {
        Facts f = facts;
        boolean becomesLive = f.state != WatchState.LIVE;
        boolean stable = !becomesLive && answeredNanos - f.sinceNanos >= stableAfter.toNanos();
        Instant now = clock.instant();
        write(new Facts(
                WatchState.LIVE,
                becomesLive ? now : f.since,
                becomesLive ? answeredNanos : f.sinceNanos,
                true,
                stable ? 0 : f.failures,
                f.lastError,
                false,
                now,
                now,
                batch.position().token(),
                answeredNanos - batch.provedAgo().toNanos(),
                batch.pushAvailable()));
        if (becomesLive && f.state == WatchState.STALE) {
            log.info("Watch is live again at revision {}", batch.position().revision());
        } else if (becomesLive) {
            log.info("Watch is live at revision {}", batch.position().revision());
        }
        if (!batch.pushAvailable() && (becomesLive || f.pushAvailable)) {
            log.warn("The store does not announce changes to this connection; it is polled instead");
        }
        return becomesLive;
    }

    /** The feed is lost or could not be opened. */
    void failed(RuntimeException failure) {
        Facts f = facts;
        boolean permanent = failure instanceof StoreException store && !store.isTransient();
        boolean interrupted = f.state == WatchState.LIVE;
        if (f.state == WatchState.STOPPED) {
            return;
        }
        lastFailure = failure;
        write(new Facts(
                interrupted ? WatchState.STALE : f.state,
                interrupted ? clock.instant() : f.since,
                interrupted ? nanoTime.getAsLong() : f.sinceNanos,
                false,
                f.failures + 1,
                failure.getMessage(),
                permanent,
                clock.instant(),
                f.lastSuccess,
                f.position,
                f.provedNanos,
                f.pushAvailable));
        if (interrupted) {
            log.warn("Watch is stale, serving from memory and retrying: {}", failure.getMessage());
        } else if (f.failures == 0) {
            log.warn("Watch cannot start yet, retrying: {}", failure.getMessage());
        }
        log.debug("Watch failure {}", f.failures + 1, failure);
    }

    void stopped() {
        Facts f = facts;
        write(new Facts(
                WatchState.STOPPED,
                clock.instant(),
                nanoTime.getAsLong(),
                false,
                f.failures,
                f.lastError,
                f.lastErrorPermanent,
                f.lastAttempt,
                f.lastSuccess,
                f.position,
                f.provedNanos,
                false));
    }

    WatchStatus status(long revision) {
        Facts f = facts;
        return new WatchStatus(
                f.state,
                f.since,
                f.connected,
                f.failures,
                f.lastError,
                f.lastAttempt,
                f.lastSuccess,
                f.position,
                revision,
                f.provedNanos == null ? null : Duration.ofNanos(nanoTime.getAsLong() - f.provedNanos),
                f.pushAvailable);
    }

    @Nullable
    RuntimeException lastFailure() {
        lock.lock();
        try {
            return lastFailure;
        } finally {
            lock.unlock();
        }
    }

    /** Waits until the watch is live; false if it takes too long, stops, or fails in a way that no retry can mend. */
    boolean awaitLive(Duration timeout, boolean untilPermanentFailure) throws InterruptedException {
        long left = timeout.toNanos();
        lock.lock();
        try {
            while (facts.state != WatchState.LIVE) {
                if (left <= 0
                        || facts.state == WatchState.STOPPED
                        || (untilPermanentFailure && facts.lastErrorPermanent)) {
                    return false;
                }
                left = changed.awaitNanos(left);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    private void write(Facts next) {
        lock.lock();
        try {
            if (facts.state != WatchState.STOPPED) {
                facts = next;
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }
}
