// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import org.jspecify.annotations.Nullable;

/**
 * Whether the manager does its work.
 *
 * @param status the verdict
 * @param store what the store is, for people
 * @param problem why the status is not UP; null if it is
 */
public record ConfigHealth(
        Status status, String store, @Nullable String problem) {

    /** The verdict. */
    public enum Status {
        /** Serving values, and either live or within the allowed failures and grace period. */
        UP,
        /** Too many failures in a row for too long. Known values are still served. */
        DOWN,
        /** Not connected, or closed. */
        CLOSED
    }
}
