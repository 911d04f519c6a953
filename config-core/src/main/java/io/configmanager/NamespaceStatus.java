// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.Map;

/**
 * An active namespace.
 *
 * @param name the namespace
 * @param loading how its entries come into memory
 * @param entries entries in memory
 * @param revision everything up to this revision is in memory
 * @param rejected keys whose newest stored value cannot be used, with the reason; they keep their last good value
 */
public record NamespaceStatus(String name, Loading loading, int entries, long revision, Map<String, String> rejected) {

    /** How entries come into memory. */
    public enum Loading {
        /** All of them, by a snapshot at first use. */
        PRELOADED,
        /** One by one when they are read, because the namespace is larger than the cache. */
        ON_DEMAND
    }
}
