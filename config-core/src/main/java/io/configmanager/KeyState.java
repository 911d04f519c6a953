// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a watcher learns of one key.
 *
 * @param key the key
 * @param kind whether it exists, and if not, whether this watcher has seen it before
 * @param value the decoded value; null unless the key exists
 * @param entry the entry with its metadata; null unless the key exists
 * @param epoch how often the store's history has been replaced since the manager was made; revisions can be compared only
 *     within one epoch
 * @param revision the store's clock at which this was so
 * @param collapsed how many earlier states of the key were skipped because newer ones had arrived before they were taken
 */
public record KeyState<T>(
        String key,
        Kind kind,
        @Nullable T value,
        @Nullable ConfigEntry entry,
        long epoch,
        long revision,
        int collapsed) {

    /** Whether the key exists. */
    public enum Kind {
        /** It exists. */
        PRESENT,
        /** It did not exist when the watch began. */
        ABSENT,
        /** This watcher has seen it, and now it does not exist any more. */
        DELETED
    }

    public boolean isPresent() {
        return kind == Kind.PRESENT;
    }

    /** The value, or empty if the key does not exist. */
    public Optional<T> toOptional() {
        return Optional.ofNullable(value);
    }

    /** Everything but the value, so that no log line can leak it. */
    @Override
    public String toString() {
        return "KeyState[" + key + " " + kind + ", epoch=" + epoch + ", revision=" + revision + "]";
    }
}
