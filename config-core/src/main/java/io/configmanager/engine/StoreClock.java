// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import java.time.Duration;
import java.time.Instant;
import java.util.function.LongSupplier;

/**
 * The store's clock as this process can know it: the store's own time from the last read, carried on by the monotonic
 * clock. Counting from the start of that read makes it run ahead by at most the read's duration, never behind, so that
 * nothing is served after it expired; this process's wall clock plays no part.
 */
final class StoreClock {

    private static final long NANOS_PER_SECOND = 1_000_000_000;

    private record Reading(Instant storeTime, long nanos) {}

    private final LongSupplier nanoTime;
    private volatile Reading reading;

    StoreClock(Instant initial, LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.reading = new Reading(initial, nanoTime.getAsLong());
    }

    /** @param startNanos the monotonic time at which the read began that returned this store time */
    void observed(Instant storeTime, long startNanos) {
        reading = new Reading(storeTime, startNanos);
    }

    Instant now() {
        Reading last = reading;
        return last.storeTime.plusNanos(nanoTime.getAsLong() - last.nanos);
    }

    /** Called by every read of an entry that expires, so it allocates nothing. */
    boolean isPast(Instant time) {
        Reading last = reading;
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
