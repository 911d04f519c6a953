// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigFilter;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One subscription, as the {@link Dispatcher} sees it. Called on the watch thread: quick, and never throws. */
interface Subscriber {

    /** Which keys this wants to hear of. */
    ConfigFilter filter();

    /** A change set that holds at least one key that the filter means, and others perhaps. */
    void offer(ConfigChangeSet changes);

    /**
     * More has changed than could be offered, so that what is followed must be read; throws if the store cannot.
     *
     * @param compared the keys of which the difference was offered; null if of everything that exists
     */
    default void reload(@Nullable Set<String> compared) {}

    /** The watch has failed. */
    default void failed(Throwable failure) {}

    /** The watch has recovered. */
    default void recovered() {}

    /** When that was offered which has been waiting longest to be dealt with, monotonic; null if nothing waits. */
    @Nullable
    Long waitingSince();

    /** Ends this, for the reason given if it is not the subscriber's own. */
    void close(@Nullable String reason);
}
