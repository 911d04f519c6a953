// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import io.configmanager.QueuedWrite;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.Position;
import org.jspecify.annotations.Nullable;

/** What an outbox needs of the manager that it belongs to. */
public interface Surroundings {

    /** Commits to the store; what it stored is readable when this returns. */
    CommitResult commit(Commit commit);

    /**
     * Whether the store's history is not the one that the position belongs to.
     *
     * @throws io.configmanager.StoreException if the store cannot be asked
     */
    boolean isOfAnotherHistory(Position position);

    /**
     * What reads of a key are to show above what is committed. Called under the outbox's lock: must not call it.
     *
     * @param pending the last pending write of the key; null if there is none any more
     */
    void pending(String namespace, String key, QueuedWrite.@Nullable Change pending);
}
