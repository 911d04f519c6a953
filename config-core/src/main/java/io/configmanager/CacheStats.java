// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

/**
 * Counters of the cache since the manager was created.
 *
 * @param size entries held now
 * @param hits reads answered from memory, known absence included
 * @param misses reads that had to ask the store
 * @param evictions entries dropped because a namespace is larger than the cache
 */
public record CacheStats(long size, long hits, long misses, long evictions) {

    /** Hits per read, 0 to 1; 0 before the first read. */
    public double hitRate() {
        long reads = hits + misses;
        return reads == 0 ? 0 : (double) hits / reads;
    }
}
