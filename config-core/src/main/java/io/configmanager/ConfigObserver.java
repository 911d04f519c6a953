// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What the library tells about itself, for metrics. Called on the library's own threads: implementations must be quick
 * and must not throw.
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

    /** A call of the store has ended. */
    default void storeCalled(String operation, Duration duration, @Nullable RuntimeException failure) {}
}
