// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.ConfigEntry;
import io.configmanager.LogEntry;
import java.time.Instant;
import java.util.List;

/**
 * What a commit did.
 *
 * @param revision the revision of the commit; 0 if it is part of a surrounding transaction that has yet to commit, or if
 *     nothing changed
 * @param changes what was stored, in the order of the operations; a delete of an absent key is left out
 * @param storeTime the store's clock during the commit
 */
public record CommitResult(long revision, List<LogEntry> changes, Instant storeTime) {

    public CommitResult {
        changes = List.copyOf(changes);
    }

    /** The same as part of a surrounding transaction that has yet to commit: with revision 0 everywhere. */
    public CommitResult pending() {
        return new CommitResult(
                0, changes.stream().map(CommitResult::unnumbered).toList(), storeTime);
    }

    private static LogEntry unnumbered(LogEntry change) {
        ConfigEntry entry = change.entry();
        return new LogEntry(
                change.kind(),
                change.namespace(),
                change.key(),
                change.version(),
                0,
                change.at(),
                change.author(),
                change.comment(),
                entry == null
                        ? null
                        : new ConfigEntry(
                                entry.namespace(),
                                entry.key(),
                                entry.value(),
                                entry.codec(),
                                entry.type(),
                                entry.version(),
                                0,
                                entry.createdAt(),
                                entry.updatedAt(),
                                entry.expiresAt(),
                                entry.author()));
    }
}
