// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * The changes after a position, in commit order. Used by one thread; only {@link #close()} may be called from another.
 * None is skipped, and none at or before the position is delivered: what cannot be delivered is a
 * {@link PositionLostException}. Who reopens a feed at an earlier position sees the same changes again.
 */
public interface Feed extends AutoCloseable {

    /**
     * Whole change sets after the position, in order. The first call reads the store and does not wait; later calls wait
     * up to the timeout for something to happen. An empty answer promises that the transport is alive.
     *
     * @throws PositionLostException if the feed cannot continue; the feed is of no more use
     * @throws io.configmanager.StoreException if the transport is dead, or the feed was closed; it is of no more use
     */
    Batch poll(Duration timeout);

    /** Ends the feed and makes a blocked poll return or throw at once. Idempotent, from any thread, does not throw. */
    @Override
    void close();

    /**
     * One answer.
     *
     * @param changeSets what happened, oldest first; may be empty
     * @param position where the feed is now; moves also when nothing happened
     * @param provedAgo how long before this answer the read began that proved that nothing else had happened
     * @param storeTime the store's clock during that read
     * @param pushAvailable whether the store announces changes by itself
     * @param hintsMissed change sets since the last answer that should have been announced and were not
     */
    record Batch(
            List<ChangeSet> changeSets,
            Position position,
            Duration provedAgo,
            Instant storeTime,
            boolean pushAvailable,
            int hintsMissed) {

        public Batch {
            changeSets = List.copyOf(changeSets);
        }
    }
}
