// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

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
}
