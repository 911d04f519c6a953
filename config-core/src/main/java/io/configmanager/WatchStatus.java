// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How the watch is, at one moment.
 *
 * @param state what it is doing
 * @param since when it began to do that
 * @param connected whether a feed is open
 * @param consecutiveFailures failures since the watch was last stable; success alone does not reset it, a stable period
 *     does
 * @param lastError the newest failure, kept after recovery; null if there never was one
 * @param lastAttempt when the watch last tried to reach the store; null before the first time
 * @param lastSuccess when it last succeeded; null before the first time
 * @param position where it is in the store's history, for people; null before the first success
 * @param revision everything up to this revision is in the cache
 * @param staleness upper bound of how old the cache may be, on the monotonic clock: the time since the start of the last
 *     read that proved the cache current; null before the first one
 * @param pushAvailable whether the store announces changes by itself; otherwise it is polled
 */
public record WatchStatus(
        WatchState state,
        Instant since,
        boolean connected,
        int consecutiveFailures,
        @Nullable String lastError,
        @Nullable Instant lastAttempt,
        @Nullable Instant lastSuccess,
        @Nullable String position,
        long revision,
        @Nullable Duration staleness,
        boolean pushAvailable) {}
