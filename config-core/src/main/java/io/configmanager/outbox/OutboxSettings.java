// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import io.configmanager.InvalidConfigException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * How an outbox works.
 *
 * @param directory where it is, made if it is not there; several processes of one application may share it, each has its
 *     own part
 * @param origin which store the writes are for, without credentials; writes for another one are left alone
 * @param readYourWrites whether reads of this instance show pending writes
 * @param maximumOperations most writes that it holds
 * @param maximumBytes most bytes of writes that it holds
 * @param deadline how long a write is tried
 * @param pendingInterval how often it is tried to apply what is pending, besides whenever the store comes back
 * @param idleInterval how often it is looked for work otherwise
 * @param passTimeout the longest time of one such attempt; the rest follows in the next
 */
public record OutboxSettings(
        Path directory,
        String origin,
        boolean readYourWrites,
        int maximumOperations,
        long maximumBytes,
        Duration deadline,
        Duration pendingInterval,
        Duration idleInterval,
        Duration passTimeout) {

    private static final Duration LONGEST = Duration.ofDays(365);

    public OutboxSettings {
        if (maximumOperations < 1 || maximumBytes < 1) {
            throw new InvalidConfigException("Invalid size of the outbox: it must be positive");
        }
        for (Duration each : new Duration[] {deadline, pendingInterval, idleInterval, passTimeout}) {
            if (each.isNegative() || each.isZero() || each.compareTo(LONGEST) > 0) {
                throw new InvalidConfigException("Invalid time " + each
                        + " of the outbox: it must be positive and at most " + LONGEST.toDays() + " days");
            }
        }
    }

    /** 10,000 writes of together 64 MiB, each tried for 24 hours, every 30 seconds; reads show them. */
    public static OutboxSettings in(Path directory, String origin) {
        return new OutboxSettings(
                directory,
                origin,
                true,
                10_000,
                64L * 1024 * 1024,
                Duration.ofHours(24),
                Duration.ofSeconds(30),
                Duration.ofMinutes(5),
                Duration.ofMinutes(2));
    }
}
