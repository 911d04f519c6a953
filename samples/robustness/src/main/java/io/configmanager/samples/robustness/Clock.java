// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The two clocks of this machine. The monotonic one is the same for all its processes; the wall clock is the one by which the
 * server says when a transaction committed.
 */
final class Clock {

    private Clock() {}

    static long wallMicros() {
        return ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
    }

    /** Waits until a moment of the monotonic clock. */
    static void awaitNanos(long moment) {
        for (long left = moment - System.nanoTime(); left > 0; left = moment - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    static void awaitMillis(long millis) {
        awaitNanos(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis));
    }
}
