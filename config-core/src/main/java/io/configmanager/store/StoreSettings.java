// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.InvalidConfigException;
import java.time.Duration;

/**
 * What can be set of any store on a database.
 *
 * @param pollInterval how often a feed reads although nothing was announced
 * @param pollOnlyInterval how often a feed reads where nothing can be announced
 * @param callTimeout how long a call may take, repetitions included
 * @param retention how long history is kept at least
 * @param retainedRevisions how many revisions are kept at least
 * @param retainedVersions how many versions of each key are kept at least
 * @param operationRetention how long the id of a commit is remembered
 * @param auditInterval how often all entries are compared with the log, once for all instances
 */
public record StoreSettings(
        Duration pollInterval,
        Duration pollOnlyInterval,
        Duration callTimeout,
        Duration retention,
        long retainedRevisions,
        int retainedVersions,
        Duration operationRetention,
        Duration auditInterval) {

    /**
     * The part that builders of stores have in common; every setting has a default that works.
     *
     * @param <B> the builder itself
     */
    public abstract static class Builder<B extends Builder<B>> {

        private Duration pollInterval = Duration.ofSeconds(5);
        private Duration pollOnlyInterval = Duration.ofSeconds(1);
        private Duration callTimeout = Duration.ofSeconds(5);
        private Duration retention = Duration.ofHours(24);
        private long retainedRevisions = 10_000;
        private int retainedVersions = 10;
        private Duration operationRetention = Duration.ofDays(7);
        private Duration auditInterval = Duration.ofMinutes(5);

        protected Builder() {}

        protected abstract B self();

        /** What was set so far. */
        public final StoreSettings settings() {
            return new StoreSettings(
                    pollInterval,
                    pollOnlyInterval,
                    callTimeout,
                    retention,
                    retainedRevisions,
                    retainedVersions,
                    operationRetention,
                    auditInterval);
        }

        /**
         * How often a feed reads although nothing was announced, and how often it does where nothing can be announced; some
         * stores vary it by a fifth. 5 s and 1 s by default.
         */
        public final B pollIntervals(Duration withPush, Duration withoutPush) {
            pollInterval = requirePositive("poll interval", withPush);
            pollOnlyInterval = requirePositive("poll-only interval", withoutPush);
            return self();
        }

        /** How long a call may take once it has a connection, repetitions included; 5 s by default. */
        public final B callTimeout(Duration timeout) {
            callTimeout = requirePositive("call timeout", timeout);
            return self();
        }

        /**
         * How much history to keep: at least this long, at least this many revisions, and of each key at least this many
         * versions. 24 hours, 10,000 and 10 by default. A feed that was away for longer needs a snapshot.
         */
        public final B retention(Duration time, long revisions, int versions) {
            if (time.isNegative() || time.compareTo(Operation.LONGEST_TTL) > 0 || revisions < 0 || versions < 1) {
                throw new InvalidConfigException(
                        "Invalid retention: " + time + ", " + revisions + " revisions, " + versions + " versions");
            }
            retention = time;
            retainedRevisions = revisions;
            retainedVersions = versions;
            return self();
        }

        /** How long the id of a commit is remembered, so that a repeated call has no second effect; 7 days by default. */
        public final B operationRetention(Duration time) {
            operationRetention = requirePositive("operation retention", time);
            return self();
        }

        /**
         * How often housekeeping compares all entries with the log, to find what was changed by hand and escaped everybody;
         * once for all instances. 5 minutes by default.
         */
        public final B auditInterval(Duration interval) {
            auditInterval = requirePositive("audit interval", interval);
            return self();
        }

        protected static Duration requirePositive(String what, Duration duration) {
            if (duration.isNegative() || duration.isZero() || duration.compareTo(Operation.LONGEST_TTL) > 0) {
                throw new InvalidConfigException(
                        "Invalid " + what + " " + duration + ": it must be positive and at most 36,500 days");
            }
            return duration;
        }
    }
}
