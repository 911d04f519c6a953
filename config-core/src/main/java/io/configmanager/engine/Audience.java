// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChangeSet;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Is told by the watch thread what the cache already shows, and how the watch itself fares. */
@FunctionalInterface
interface Audience extends Consumer<ConfigChangeSet> {

    /**
     * More has happened to the namespace, which is or was on demand, than is known; throws if the store cannot be read.
     *
     * @param compared the keys of which the difference was told; null if of everything that exists
     */
    default void reloaded(String namespace, @Nullable Set<String> compared) {}

    /** The watch has failed, once more perhaps. */
    default void failed(Throwable failure) {}

    /** The watch is live; what had changed meanwhile was told before. */
    default void live() {}
}
