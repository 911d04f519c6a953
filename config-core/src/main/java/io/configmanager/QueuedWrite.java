// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A write in the {@link Outbox}.
 *
 * @param id the operation id that the writer was given
 * @param state what is to become of it
 * @param changes what it writes, all or nothing
 * @param queuedAt when it was acknowledged, by this machine's clock
 * @param deadline when it stops being applied by itself
 * @param attempts how often this process has tried to apply it
 * @param reason why it is not applied yet, or will not be; null if it was not tried
 * @param author who wrote it, or null
 * @param comment why it was written, or null
 */
public record QueuedWrite(
        UUID id,
        State state,
        List<Change> changes,
        Instant queuedAt,
        Instant deadline,
        int attempts,
        @Nullable String reason,
        @Nullable String author,
        @Nullable String comment) {

    public QueuedWrite {
        changes = List.copyOf(changes);
    }

    /** What is to become of a queued write. All but the first wait for somebody to decide. */
    public enum State {
        /** It will be applied. */
        PENDING,
        /** What it was based on has changed meanwhile, or an earlier queued write of its key was not applied. */
        CONFLICT,
        /** The store does not accept it, whenever it is tried. */
        DEAD,
        /** It could not be applied before its deadline. */
        EXPIRED
    }

    /**
     * One key of a queued write.
     *
     * @param entry what is to be stored; null if the key is to be deleted
     * @param expectedVersion the version that the key must have, 0 for none; null if it does not matter, or is decided by an
     *     earlier queued write
     */
    public record Change(
            String namespace,
            String key,
            @Nullable ConfigEntry entry,
            @Nullable Long expectedVersion) {}
}
