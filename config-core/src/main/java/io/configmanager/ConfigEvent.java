// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a subscription made with {@code notify} is told. Result and error may both be there: the last good state, and what
 * went wrong since.
 *
 * @param correlationId tells subscriptions apart that share a queue
 * @param kind what this is about
 * @param result the state of a key; for {@code FAILED} and {@code RECOVERED} the last one that was told, and null if the
 *     subscription is not for a single key
 * @param error what went wrong; null if nothing did. For {@code CHANGED} it says that the newest value cannot be read
 * @param fromCache whether the result was in memory already when it was wanted; false when the store has just told it
 * @param age upper bound of how old the result may be: the time since the store was last proved to have nothing newer; null
 *     if it has not been reached yet
 * @param epoch as in {@link KeyState}
 * @param revision everything up to this revision was applied when this event was made
 */
public record ConfigEvent<T>(
        String correlationId,
        Kind kind,
        @Nullable KeyState<T> result,
        @Nullable ConfigException error,
        boolean fromCache,
        @Nullable Duration age,
        long epoch,
        long revision) {

    /** What an event is about. */
    public enum Kind {
        /** The state of a key: the current one at first, then each newer one. */
        CHANGED,
        /** The watch has failed, and values may be old from now on. Told once, until it recovers. */
        FAILED,
        /** The watch is live again, and what had changed meanwhile has been told. */
        RECOVERED
    }
}
