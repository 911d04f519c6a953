// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChangeSet;
import java.util.function.Consumer;

/** Is told by the watch thread what the cache already shows, and how the watch itself fares. */
@FunctionalInterface
interface Audience extends Consumer<ConfigChangeSet> {

    /** More has happened to the namespace, which is on demand, than is known; throws if the store cannot be read. */
    default void reloaded(String namespace) {}

    /** The watch has failed, once more perhaps. */
    default void failed(Throwable failure) {}

    /** The watch is live; what had changed meanwhile was told before. */
    default void live() {}
}
