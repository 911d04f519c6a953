// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import java.time.Duration;
import java.time.Instant;
import java.util.function.LongSupplier;

/**
 * The store's clock as this process can know it: the store's own time from the last read, carried on by the monotonic
 * clock. Counting from the start of that read makes it run ahead by at most the read's duration, never behind, so that
 * nothing is served after it expired; this process's wall clock plays no part.
 *
 * <p>It may be less ahead after one read than after the one before. Then it stands still instead of going back, so that what
 * has expired does not come back.
 */
final class StoreClock {

    private static final long NANOS_PER_SECOND = 1_000_000_000;

    /** No read takes that long: a clock that is further back was set back. */
    private static final Duration LONGEST_READ = Duration.ofSeconds(35);

    /** @param floor what was shown before this reading, and is not gone below */
    private record Reading(Instant storeTime, long nanos, Instant floor) {

        Instant now(long nanoTime) {
            Instant carriedOn = storeTime.plusNanos(nanoTime - nanos);
            return carriedOn.isBefore(floor) ? floor : carriedOn;
        }
    }

    private final LongSupplier nanoTime;
    private volatile Reading reading;

    /** Whether the store was heard at all; before, the time was a guess. */
    private boolean store;

    StoreClock(Instant initial, LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.reading = new Reading(initial, nanoTime.getAsLong(), Instant.MIN);
    }

    /** @param startNanos the monotonic time at which the read began that returned this store time */
    synchronized void observed(Instant storeTime, long startNanos) {
        long nanos = nanoTime.getAsLong();
        Instant shown = reading.now(nanos);
        Instant carriedOn = storeTime.plusNanos(nanos - startNanos);
        boolean less = store && Duration.between(carriedOn, shown).compareTo(LONGEST_READ) < 0;
        reading = new Reading(storeTime, startNanos, less ? shown : Instant.MIN);
        store = true;
    }

    Instant now() {
        return reading.now(nanoTime.getAsLong());
    }

    /** Called by every read of an entry that expires, so it allocates nothing. */
    boolean isPast(Instant time) {
        Reading last = reading;
        if (!time.isAfter(last.floor)) {
            return true;
        }
        long nanos = last.storeTime.getNano() + nanoTime.getAsLong() - last.nanos;
        long second = last.storeTime.getEpochSecond() + Math.floorDiv(nanos, NANOS_PER_SECOND);
        return second == time.getEpochSecond()
                ? Math.floorMod(nanos, NANOS_PER_SECOND) >= time.getNano()
                : second > time.getEpochSecond();
    }

    /** Time since a moment of the store's clock, never negative. */
    Duration since(Instant storeTime) {
        Duration elapsed = Duration.between(storeTime, now());
        return elapsed.isNegative() ? Duration.ZERO : elapsed;
    }
}
