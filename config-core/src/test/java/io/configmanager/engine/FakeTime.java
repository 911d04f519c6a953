// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import java.time.Duration;
import java.time.Instant;

/** A monotonic clock and a wall clock that move only when told to, each on its own. */
final class FakeTime {

    static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

    private long nanos = 42;
    private Instant wall = START;

    long nanoTime() {
        return nanos;
    }

    Instant instant() {
        return wall;
    }

    /** Time goes by. */
    void pass(Duration duration) {
        nanos += duration.toNanos();
        wall = wall.plus(duration);
    }

    /** Somebody sets the wall clock. */
    void setWallClock(Duration by) {
        wall = wall.plus(by);
    }
}
