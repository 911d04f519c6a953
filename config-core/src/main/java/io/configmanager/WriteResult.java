// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.List;
import java.util.UUID;

/**
 * What became of a write.
 *
 * @param status whether the store has it, or the outbox
 * @param operationId names the write, in the outbox too
 * @param revision the revision of the commit; 0 if it is queued, if it is part of a surrounding transaction that has yet to
 *     commit, or if nothing changed
 * @param changed whether there was anything to do: false for a delete of a key that does not exist
 * @param entries the entries that were set, in the order of the writes; those of a queued write are {@linkplain
 *     ConfigEntry#pending() pending}, with the version that they will have if nobody else changes the key
 */
public record WriteResult(Status status, UUID operationId, long revision, boolean changed, List<ConfigEntry> entries) {

    public WriteResult {
        entries = List.copyOf(entries);
    }

    /** Where the write is. */
    public enum Status {
        /** In the store, or in the surrounding transaction that will commit it. */
        APPLIED,
        /** Durable on this machine, to be applied when the store is there again, unless somebody else was faster. */
        QUEUED
    }

    public boolean queued() {
        return status == Status.QUEUED;
    }

    /**
     * The entry of a write that set one.
     *
     * @throws IllegalStateException if it set none or several
     */
    public ConfigEntry entry() {
        if (entries.size() != 1) {
            throw new IllegalStateException("The write set " + entries.size() + " entries");
        }
        return entries.get(0);
    }
}
