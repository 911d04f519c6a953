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
import java.util.function.Consumer;
import java.util.function.LongSupplier;
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

    /** What is known at one moment. Not changed any more once it is published. */
    private static final class Facts {
        WatchState state = WatchState.STARTING;
        Instant since;
        long sinceNanos;
        boolean connected;
        int failures;

        @Nullable
        String lastError;

        boolean lastErrorPermanent;

        @Nullable
        Instant lastAttempt;

        @Nullable
        Instant lastSuccess;

        @Nullable
        String position;

        @Nullable
        Long provedNanos;

        boolean pushAvailable;

        Facts(Instant since, long sinceNanos) {
            this.since = since;
            this.sinceNanos = sinceNanos;
        }

        Facts(Facts before) {
            this(before.since, before.sinceNanos);
            state = before.state;
            connected = before.connected;
            failures = before.failures;
            lastError = before.lastError;
            lastErrorPermanent = before.lastErrorPermanent;
            lastAttempt = before.lastAttempt;
            lastSuccess = before.lastSuccess;
            position = before.position;
            provedNanos = before.provedNanos;
            pushAvailable = before.pushAvailable;
        }

        void begin(WatchState newState, Instant now, long nowNanos) {
            state = newState;
            since = now;
            sinceNanos = nowNanos;
        }

        void disconnected() {
            connected = false;
            pushAvailable = false;
        }
    }

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
        this.facts = new Facts(clock.instant(), nanoTime.getAsLong());
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
        write(next -> {
            next.begin(WatchState.STARTING, clock.instant(), nanoTime.getAsLong());
            next.disconnected();
            next.failures = 0;
            next.lastErrorPermanent = false;
        });
    }

    void attempting() {
        write(next -> next.lastAttempt = clock.instant());
    }

    /**
     * A poll was answered and applied.
     *
     * @param answeredNanos the monotonic time of the answer
     * @return whether the watch has just become live
     */
    boolean caughtUp(Feed.Batch batch, long answeredNanos) {
        Instant now = clock.instant();
        Facts f = write(next -> {
            if (next.state != WatchState.LIVE) {
                next.begin(WatchState.LIVE, now, answeredNanos);
            } else if (answeredNanos - next.sinceNanos >= stableAfter.toNanos()) {
                next.failures = 0;
            }
            next.connected = true;
            next.lastErrorPermanent = false;
            next.lastAttempt = now;
            next.lastSuccess = now;
            next.position = batch.position().token();
            next.provedNanos = answeredNanos - batch.provedAgo().toNanos();
            next.pushAvailable = batch.pushAvailable();
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
        Facts f = write(next -> {
            if (next.state == WatchState.STARTING) {
                long nanos = nanoTime.getAsLong();
                next.begin(WatchState.STALE, now, nanos);
                next.disconnected();
                next.provedNanos = nanos - age;
            }
        });
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
        Facts f = write(next -> {
            lastFailure = failure;
            Instant now = clock.instant();
            if (next.state == WatchState.LIVE) {
                next.begin(WatchState.STALE, now, nanoTime.getAsLong());
            }
            next.connected = false;
            next.failures++;
            next.lastError = error;
            next.lastErrorPermanent = permanent;
            next.lastAttempt = now;
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
        write(next -> {
            next.begin(WatchState.STOPPED, clock.instant(), nanoTime.getAsLong());
            next.disconnected();
        });
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
    private Facts write(Consumer<Facts> change) {
        lock.lock();
        try {
            Facts before = facts;
            if (before.state != WatchState.STOPPED) {
                Facts next = new Facts(before);
                change.accept(next);
                facts = next;
                changed.signalAll();
            }
            return before;
        } finally {
            lock.unlock();
        }
    }
}
