// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * How long to wait before trying again: {@code first}, doubled with each failure up to {@code last}, times a random
 * factor of 0.5 (inclusive) to 1.5 (exclusive), so that many instances do not come back at once.
 */
record Backoff(Duration first, Duration last) {

    /** @param failures how many attempts have failed in a row, at least 1 */
    Duration delay(int failures, RandomGenerator random) {
        double doubled = (double) first.toNanos() * Math.pow(2, Math.max(0, failures - 1));
        return jittered(Duration.ofNanos((long) Math.min(doubled, (double) last.toNanos())), random);
    }

    private static Duration jittered(Duration duration, RandomGenerator random) {
        return Duration.ofNanos((long) (duration.toNanos() * random.nextDouble(0.5, 1.5)));
    }
}
