// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One line of a store's log: what happened to one key at one revision.
 *
 * @param kind what happened
 * @param version the key's version after a put; a deletion takes a version of its own too
 * @param revision the revision of the transaction that did it
 * @param at store time of the change
 * @param author who did it, or null if unknown
 * @param comment why, as the author said, or null
 * @param entry the entry as it was stored; null for a deletion or expiry
 */
public record LogEntry(
        Kind kind,
        String namespace,
        String key,
        long version,
        long revision,
        Instant at,
        @Nullable String author,
        @Nullable String comment,
        @Nullable ConfigEntry entry) {

    /** What happened to a key. */
    public enum Kind {
        PUT,
        DELETE,
        /** Removed because its time was over. */
        EXPIRE
    }
}
