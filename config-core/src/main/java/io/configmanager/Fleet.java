// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * All instances that share a store and tell it what they have applied. An instance tells it within about a second after it
 * has applied something, else once in its interval, and counts until its expiry has passed by the store's clock, or until
 * it closes. Safe for any thread.
 */
public interface Fleet {

    /**
     * Reads the store.
     *
     * @throws StoreException if the store cannot be read
     */
    FleetStatus look();

    /**
     * What this instance saw when it looked last, about an interval ago at most; empty before the first time, and while the
     * store cannot be read. No I/O.
     */
    Optional<FleetStatus> lastLook();

    /**
     * Those that had not applied at the last look of this instance what had been stored at the look before, an interval
     * earlier: a change that is just on its way makes nobody a laggard. No I/O.
     */
    List<FleetInstance> laggards();

    /**
     * Waits until a share of the instances has applied a revision, and reads the store about five times a second meanwhile.
     * An instance whose report expires no longer counts. One that follows another history than the store's has not
     * applied anything of it.
     *
     * @param share more than 0, at most 1; 1 means all of them
     * @return false if that took longer than the timeout, or nobody is there
     * @throws InvalidConfigException for another share
     * @throws StoreException if the store could not be read when the time was over, or does not allow it
     * @throws ManagerStateException if the manager is closed
     */
    boolean awaitApplied(long revision, double share, Duration timeout);
}
