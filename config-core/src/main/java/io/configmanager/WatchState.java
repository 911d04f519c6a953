// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

/**
 * What the watch is doing.
 *
 * <pre>
 *   STARTING ──caught up──▶ LIVE ──failure──▶ STALE ──caught up──▶ LIVE
 *       └──────────────────── close ─────────────┴──────▶ STOPPED
 * </pre>
 */
public enum WatchState {
    /** Not caught up yet; a failure before the first success stays here. */
    STARTING,
    /** The feed is open and everything that it announced is in the cache. */
    LIVE,
    /** Serving from memory, retrying. */
    STALE,
    /** The manager is closed. Final. */
    STOPPED
}
