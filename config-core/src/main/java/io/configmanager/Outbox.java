// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.List;
import java.util.UUID;

/**
 * Writes that were made while the store was away: durable on this machine, and applied in order of each key when it is
 * back. What cannot be applied stays until somebody decides. Safe for any thread.
 *
 * <p>Decisions are durable when they return; they throw {@link StoreException} if the disk does not take them, and return
 * false if there is no such write, or it is no longer in a state for that.
 */
public interface Outbox {

    OutboxStats stats();

    /** Everything that it holds, oldest first. */
    List<QueuedWrite> writes();

    /** Tries a write that was not applied once more, on what it was based on then, with a new deadline. */
    boolean retry(UUID id);

    /** Applies a write that was not applied, whatever its keys have become, as a new operation. */
    boolean force(UUID id);

    /** Forgets a write, also a pending one; queued writes that are based on it become conflicts. */
    boolean discard(UUID id);
}
