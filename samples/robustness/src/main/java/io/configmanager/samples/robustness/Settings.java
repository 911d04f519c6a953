// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.time.Duration;

/**
 * What a run is made of. The product's settings are real ones, only shorter, so that much happens in little time.
 *
 * @param store which server it is about
 * @param seed decides every operation and fault
 * @param load how long there are writes and faults
 */
record Settings(Store store, long seed, Duration load) {

    static final int CLIENTS = 3;
    static final int WRITERS_PER_CLIENT = 2;
    static final int OPERATORS = 2;

    static final Duration POLL = Duration.ofSeconds(2);
    static final Duration POLL_ONLY = Duration.ofMillis(400);
    static final Duration CALL_TIMEOUT = Duration.ofSeconds(1);
    static final Duration FIRST_RETRY = Duration.ofMillis(50);
    static final Duration LAST_RETRY = Duration.ofMillis(500);
    static final Duration STABLE_AFTER = Duration.ofSeconds(1);
    static final Duration MAINTENANCE = Duration.ofMillis(500);
    static final Duration AUDIT = Duration.ofSeconds(7);
    static final Duration RETENTION = Duration.ofSeconds(3);
    static final long RETAINED_REVISIONS = 100;
    static final int RETAINED_VERSIONS = 3;

    /** How often the outbox tries what is pending. */
    static final Duration PENDING = Duration.ofSeconds(1);

    /** How often an instance tells what it has applied, if nothing changes, and how long that counts. */
    static final Duration FLEET_INTERVAL = Duration.ofSeconds(2);

    static final Duration FLEET_EXPIRY = Duration.ofSeconds(6);

    /** How long MongoDB lets a transaction be open. */
    static final Duration TRANSACTION = Duration.ofSeconds(2);

    /** Longest wait for a clean stop that the product promises. */
    static final Duration STOP = Duration.ofSeconds(2);

    /** What a machine that is busy with other things may add to any time. */
    static final Duration BUSY = Duration.ofSeconds(4);

    /** A writer's usual pause. On MongoDB writers meet each other at their first step and repeat, so they get more room. */
    int writeGapMillis() {
        return store == Store.MONGO ? 250 : 110;
    }

    /** The longest a poll may be away, with its jitter. */
    static Duration longestPoll() {
        return POLL.multipliedBy(6).dividedBy(5);
    }

    static String describe() {
        return "poll " + POLL + ", without push " + POLL_ONLY + ", call timeout " + CALL_TIMEOUT + ", retry "
                + FIRST_RETRY
                + " to " + LAST_RETRY + ", retention " + RETENTION + " and " + RETAINED_REVISIONS + " revisions and "
                + RETAINED_VERSIONS + " versions, housekeeping " + MAINTENANCE + ", outbox " + PENDING + ", fleet "
                + FLEET_INTERVAL + " and "
                + FLEET_EXPIRY + ", audit "
                + AUDIT;
    }
}
