// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What the library tells about itself, for metrics and traces. Called on the thread that does the work, which is one of the
 * library's own or one that writes: implementations must be quick and must not throw. Reads from memory are never told.
 */
public interface ConfigObserver {

    /** A feed was opened again after it had been lost. */
    default void reconnected() {}

    /** Changes were applied to the cache. */
    default void applied(int changes) {}

    /** Time from a commit in the store until it was applied here, by the store's clock. */
    default void propagated(Duration delay) {}

    /** A poll found changes that no notification had announced. */
    default void hintsMissed(int count) {}

    /** Namespaces were loaded anew and compared, instead of following the log. */
    default void resynced(String reason) {}

    /** A stored value cannot be used; the key keeps its last good one. */
    default void rejected(String namespace, String key) {}

    /** A listener threw. */
    default void listenerFailed() {}

    /** A call of the store begins; its end is told on the same thread. */
    default Ending storeCalling(String operation) {
        return Ending.UNTOLD;
    }

    /**
     * The changes of one revision go into the cache and to what was injected; that this is done is told on the same thread.
     * Listeners have threads of their own and are no part of it.
     */
    default Ending applying(long revision, int changes) {
        return Ending.UNTOLD;
    }

    /** Is told once that what had begun has ended. */
    @FunctionalInterface
    interface Ending {

        /** For who does not want to know. */
        Ending UNTOLD = failure -> {};

        /** @param failure why it did not succeed; null if it did */
        void ended(@Nullable Throwable failure);
    }
}
