// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.StoreException;
import io.configmanager.WatchState;
import io.configmanager.WatchStatus;
import io.configmanager.store.Feed;
import io.configmanager.store.PositionLostException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The only writer of the watch status, and the only one that logs what the watch does: each transition once. Told by the
 * watch thread, and by the one that connects or closes.
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
    private volatile @Nullable Throwable lastFailure;

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

    /** Whether the store could not be reached several times in a row; one that answers, whatever it says, is there. */
    boolean isAway() {
        Facts now = facts;
        return now.state != WatchState.LIVE
                && now.failures > 1
                && lastFailure instanceof StoreException failure
                && failure.isTransient()
                && !(failure instanceof PositionLostException);
    }

    /** A watch begins; what an earlier one had run into no longer counts. */
    void starting() {
        lastFailure = null;
        write(f -> new Facts(
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
        write(f -> new Facts(
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
        Instant now = clock.instant();
        Facts f = write(before -> {
            boolean live = before.state == WatchState.LIVE;
            boolean stable = live && answeredNanos - before.sinceNanos >= stableAfter.toNanos();
            return new Facts(
                    WatchState.LIVE,
                    live ? before.since : now,
                    live ? before.sinceNanos : answeredNanos,
                    true,
                    stable ? 0 : before.failures,
                    before.lastError,
                    false,
                    now,
                    now,
                    batch.position().token(),
                    answeredNanos - batch.provedAgo().toNanos(),
                    batch.pushAvailable());
        });
        if (f.state == WatchState.STOPPED) {
            return false;
        }
        boolean becomesLive = f.state != WatchState.LIVE;
        if (f.state == WatchState.STALE) {
            log.info("Watch is live again at revision {}", batch.position().revision());
        } else if (becomesLive) {
            log.info("Watch is live at revision {}", batch.position().revision());
        }
        if (!batch.pushAvailable() && (becomesLive || f.pushAvailable)) {
            log.warn("The store does not announce changes to this connection; it is polled instead");
        }
        return becomesLive;
    }

    /** What an earlier process knew is served; false if the watch has become live or was stopped meanwhile. */
    boolean servingBootSnapshot(Instant provedAt) {
        Instant now = clock.instant();
        long age = Math.max(0, Duration.between(provedAt, now).toNanos());
        Facts f = write(before -> before.state != WatchState.STARTING
                ? before
                : new Facts(
                        WatchState.STALE,
                        now,
                        nanoTime.getAsLong(),
                        false,
                        before.failures,
                        before.lastError,
                        before.lastErrorPermanent,
                        before.lastAttempt,
                        before.lastSuccess,
                        before.position,
                        nanoTime.getAsLong() - age,
                        false));
        return f.state == WatchState.STARTING;
    }

    /** When the cache was last proved current, by the wall clock; null before. */
    @Nullable
    Instant provedAt() {
        Long proved = facts.provedNanos;
        return proved == null ? null : clock.instant().minusNanos(nanoTime.getAsLong() - proved);
    }

    boolean lastErrorIsPermanent() {
        return facts.lastErrorPermanent;
    }

    /** The feed is lost or could not be opened. */
    void failed(Throwable failure) {
        boolean permanent = failure instanceof StoreException store && !store.isTransient();
        String error = failure.getMessage() == null ? failure.getClass().getName() : failure.getMessage();
        Facts f = write(before -> {
            lastFailure = failure;
            boolean interrupted = before.state == WatchState.LIVE;
            return new Facts(
                    interrupted ? WatchState.STALE : before.state,
                    interrupted ? clock.instant() : before.since,
                    interrupted ? nanoTime.getAsLong() : before.sinceNanos,
                    false,
                    before.failures + 1,
                    error,
                    permanent,
                    clock.instant(),
                    before.lastSuccess,
                    before.position,
                    before.provedNanos,
                    before.pushAvailable);
        });
        if (f.state == WatchState.STOPPED) {
            return;
        }
        if (f.state == WatchState.LIVE) {
            log.warn("Watch is stale, serving from memory and retrying: {}", error);
        } else if (f.failures == 0) {
            log.warn("Watch cannot start yet, retrying: {}", error);
        }
        log.debug("Watch failure {}", f.failures + 1, failure);
    }

    void stopped() {
        write(f -> new Facts(
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
    Throwable lastFailure() {
        return lastFailure;
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

    /** Writes the next facts, unless the watch was stopped, and returns those before. */
    private Facts write(UnaryOperator<Facts> next) {
        lock.lock();
        try {
            Facts before = facts;
            if (before.state != WatchState.STOPPED) {
                facts = next.apply(before);
                changed.signalAll();
            }
            return before;
        } finally {
            lock.unlock();
        }
    }
}
