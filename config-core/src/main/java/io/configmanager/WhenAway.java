// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

/**
 * What becomes of a write that cannot reach the store, if the manager has an outbox; without one, such a write fails. Of
 * several writes in a commit, the one that asks for {@link #FAIL} decides, else the one that asks for {@link #QUEUE}.
 */
public enum WhenAway {
    /** It is queued, and applied later if the key still is as this instance knew it; else it becomes a conflict. */
    QUEUE,
    /** It is queued, and applied later whatever the key has become, unless it has a condition of its own. */
    OVERWRITE,
    /** It fails with a {@link StoreException}, as without an outbox. */
    FAIL
}
