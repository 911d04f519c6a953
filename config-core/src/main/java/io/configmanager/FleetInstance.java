// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Duration;
import java.time.Instant;

/**
 * What an instance has last told the store of itself.
 *
 * @param id of this run of it; a process that is started again has another one
 * @param name for people; several instances may have the same
 * @param lineage of the history that it follows
 * @param revision what it has applied: its reads show at least this, and whatever follows the watch, such as injected values,
 *     was brought up to it; listeners have been handed the changes, and may still be working on them
 * @param ofThisHistory whether the store's history has that revision; false after a restore or a fail-over that took it
 *     back, until the instance has noticed, and for a revision that is older than the history that is kept
 * @param live whether its watch was live; otherwise it serves what it knows
 * @param rejected how many keys and injected targets keep an older value, because they cannot use the newest
 * @param startedAt when it connected, by the store's clock
 * @param age time since it told this, by the store's clock
 */
public record FleetInstance(
        String id,
        String name,
        String lineage,
        long revision,
        boolean ofThisHistory,
        boolean live,
        int rejected,
        Instant startedAt,
        Duration age) {

    /** Whether it has applied this revision of the store's history. */
    public boolean hasApplied(long wanted) {
        return ofThisHistory && revision >= wanted;
    }
}
