// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import io.configmanager.InvalidConfigException;
import io.configmanager.QueuedWrite.State;
import io.configmanager.StoreException;
import io.configmanager.VersionConflictException;
import io.configmanager.outbox.Queued.Done;
import io.configmanager.outbox.Queued.Item;
import io.configmanager.outbox.Queued.Name;
import io.configmanager.store.Position;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Applies pending writes, pass after pass: each at most once in a pass, those of one key in their order, and none that
 * fails holds up other keys. Only a store that is away ends a pass early.
 */
final class Replay implements Runnable {

    private static final Logger log = LoggerFactory.getLogger(Replay.class);
    private static final Duration FIRST_RETRY = Duration.ofSeconds(1);
    private static final Duration AFTER_REFUSALS = Duration.ofSeconds(5);
    private static final Duration STOP_TIMEOUT = Duration.ofMillis(500);

    /** So many transient failures in a row are no longer about single writes. */
    private static final int FAILURES_OF_A_STORE_AWAY = 3;

    private final DiskOutbox outbox;
    private final Surroundings surroundings;
    private final OutboxSettings settings;
    private final LongSupplier nanoTime;
    private final RandomGenerator random;
    private final Map<Long, Attempts> attempts = new ConcurrentHashMap<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private boolean woken;
    private volatile boolean stopping;
    private @Nullable Thread thread;

    /** @param sinceBack how many of them failed since the store was back last */
    private record Attempts(int count, int sinceBack, long notBefore, String failure) {}

    Replay(
            DiskOutbox outbox,
            Surroundings surroundings,
            OutboxSettings settings,
            LongSupplier nanoTime,
            RandomGenerator random) {
        this.outbox = outbox;
        this.surroundings = surroundings;
        this.settings = settings;
        this.nanoTime = nanoTime;
        this.random = random;
    }

    void start() {
        Thread replay = new Thread(this, "config-replay");
        replay.setDaemon(true);
        thread = replay;
        replay.start();
    }

    @Override
    public void run() {
        while (!stopping) {
            Duration wait = settings.pendingInterval();
            try {
                wait = pass();
            } catch (Throwable e) {
                log.warn("Applying queued writes failed; it will be tried again", e);
            }
            try {
                await(wait);
            } catch (InterruptedException e) {
                log.debug("Interrupted; going on", e);
            }
        }
    }

    /** There may be something to do. */
    void wake() {
        lock.lock();
        try {
            woken = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** The store is back: what had to wait after failures need not wait longer, nor long after the next one. */
    void wakeAll() {
        attempts.replaceAll(
                (sequence, failed) -> new Attempts(failed.count(), 0, nanoTime.getAsLong(), failed.failure()));
        wake();
    }

    void stop() {
        stopping = true;
        wake();
    }

    boolean stopped() {
        return stopping;
    }

    void awaitEnd() {
        Thread replay = thread;
        if (replay == null || replay == Thread.currentThread()) {
            return;
        }
        try {
            replay.join(STOP_TIMEOUT.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    int attempts(long sequence) {
        Attempts failed = attempts.get(sequence);
        return failed == null ? 0 : failed.count();
    }

    @Nullable
    String lastFailure(long sequence) {
        Attempts failed = attempts.get(sequence);
        return failed == null ? null : failed.failure();
    }

    private void await(Duration wait) throws InterruptedException {
        long left = wait.toNanos();
        lock.lock();
        try {
            while (!woken && !stopping && left > 0) {
                left = changed.awaitNanos(left);
            }
            woken = false;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Tries each pending write once, if its time has come and no earlier one of its keys is left.
     *
     * @return how long to wait until the next pass
     */
    Duration pass() {
        long start = nanoTime.getAsLong();
        Set<Name> held = new HashSet<>();
        Map<Position, Boolean> replaced = new HashMap<>();
        Duration wait = settings.idleInterval();
        int failuresInRow = 0;
        int refusalsInRow = 0;
        for (Queued write : outbox.pending()) {
            if (stopping
                    || nanoTime.getAsLong() - start >= settings.passTimeout().toNanos()) {
                return Duration.ZERO;
            }
            if (write.items().stream().map(Item::name).anyMatch(held::contains)) {
                wait = shorter(wait, settings.pendingInterval());
                write.items().forEach(item -> held.add(item.name()));
                continue;
            }
            Duration left = notBefore(write);
            if (left.isZero()) {
                Outcome outcome = claimAndAttempt(write.sequence(), replaced);
                if (outcome == Outcome.SETTLED) {
                    attempts.remove(write.sequence());
                    failuresInRow = 0;
                    refusalsInRow = 0;
                    continue;
                }
                failuresInRow = outcome == Outcome.UNREACHED ? failuresInRow + 1 : 0;
                refusalsInRow = outcome == Outcome.HELD ? refusalsInRow + 1 : 0;
                if (refusalsInRow >= FAILURES_OF_A_STORE_AWAY) {
                    // A wrong password must not become ten thousand refused logins.
                    return shorter(AFTER_REFUSALS, settings.pendingInterval());
                }
                if (failuresInRow >= FAILURES_OF_A_STORE_AWAY || (failuresInRow > 0 && outbox.storeIsAway())) {
                    outbox.storeWasAway();
                    return settings.pendingInterval();
                }
                left = outcome == Outcome.NOT_YET ? settings.pendingInterval() : notBefore(write);
            }
            write.items().forEach(item -> held.add(item.name()));
            wait = shorter(wait, shorter(left, settings.pendingInterval()));
        }
        return wait;
    }

    private Outcome claimAndAttempt(long sequence, Map<Position, Boolean> replaced) {
        Queued write = outbox.claim(sequence);
        if (write == null) {
            return outbox.isPending(sequence) ? Outcome.NOT_YET : Outcome.SETTLED;
        }
        try {
            return attempt(write, replaced);
        } finally {
            outbox.release(write);
        }
    }

    private enum Outcome {
        /** Applied, or waiting for somebody to decide. */
        SETTLED,
        /** It is not on disk yet, or somebody is deciding about it. */
        NOT_YET,
        /** The store answers, and refuses for now. */
        HELD,
        /** The store did not answer, or not in time. */
        UNREACHED
    }

    private Outcome attempt(Queued write, Map<Position, Boolean> replaced) {
        try {
            if (outbox.isExpired(write)) {
                outbox.park(
                        write,
                        State.EXPIRED,
                        "its deadline " + write.deadline() + " has passed"
                                + (lastFailure(write.sequence()) == null ? "" : ": " + lastFailure(write.sequence())));
                return Outcome.SETTLED;
            }
            Position basis = write.basis();
            if (basis != null && replaced.computeIfAbsent(basis, surroundings::isOfAnotherHistory)) {
                settleInAnotherHistory(write);
                return Outcome.SETTLED;
            }
            outbox.applied(write, Done.of(surroundings.commit(write.commit())));
            return Outcome.SETTLED;
        } catch (VersionConflictException e) {
            outbox.park(write, State.CONFLICT, String.valueOf(e.getMessage()));
            return Outcome.SETTLED;
        } catch (InvalidConfigException e) {
            outbox.park(write, State.DEAD, String.valueOf(e.getMessage()));
            return Outcome.SETTLED;
        } catch (StoreException e) {
            deferred(write, e);
            return e.isTransient() ? Outcome.UNREACHED : Outcome.HELD;
        } catch (RuntimeException e) {
            log.warn("Queued write {} failed in a way that is not known; it will be tried again", write.id(), e);
            deferred(write, e);
            return Outcome.HELD;
        }
    }

    /** It may have been stored before, if only the answer was lost. */
    private void settleInAnotherHistory(Queued write) {
        try {
            outbox.applied(write, Done.of(surroundings.commit(write.question())));
        } catch (VersionConflictException e) {
            outbox.park(write, State.CONFLICT, "the store's history was replaced after it was queued");
        }
    }

    private void deferred(Queued write, RuntimeException failure) {
        Attempts before = attempts.get(write.sequence());
        int sinceBack = before == null ? 0 : before.sinceBack();
        double pause = Math.min((double) FIRST_RETRY.toNanos() * Math.pow(2, sinceBack), (double)
                settings.pendingInterval().toNanos());
        long wait = (long) (pause * random.nextDouble(0.5, 1.5));
        String message = failure.getMessage() == null ? failure.getClass().getName() : failure.getMessage();
        attempts.put(
                write.sequence(),
                new Attempts(attempts(write.sequence()) + 1, sinceBack + 1, nanoTime.getAsLong() + wait, message));
    }

    private Duration notBefore(Queued write) {
        Attempts failed = attempts.get(write.sequence());
        long left = failed == null ? 0 : failed.notBefore() - nanoTime.getAsLong();
        return left <= 0 ? Duration.ZERO : Duration.ofNanos(left);
    }

    private static Duration shorter(Duration a, Duration b) {
        return a.compareTo(b) < 0 ? a : b;
    }
}
