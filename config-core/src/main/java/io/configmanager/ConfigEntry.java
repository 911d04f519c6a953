// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One key with its value and everything the store knows about it. Immutable.
 *
 * @param namespace isolation unit; {@code ""} is the default one
 * @param key hierarchical name
 * @param value the encoded value, text in the form of {@code codec}
 * @param codec name of the codec that encoded the value, usually {@code json}
 * @param type kind of value
 * @param version 1, 2, 3 … of this key, never restarting after delete and re-creation
 * @param revision the store's logical clock at the last change; 0 while it is not committed
 * @param createdAt store time of the creation
 * @param updatedAt store time of the last change
 * @param expiresAt store time from which the entry no longer exists, or null
 * @param author who made the last change, or null if unknown
 */
public record ConfigEntry(
        String namespace,
        String key,
        String value,
        String codec,
        ValueType type,
        long version,
        long revision,
        Instant createdAt,
        Instant updatedAt,
        @Nullable Instant expiresAt,
        @Nullable String author) {

    /** Whether the value must be masked wherever it is shown. */
    public boolean secret() {
        return type == ValueType.SECRET;
    }

    /** Whether it is not committed yet: part of a surrounding transaction, or in the outbox. */
    public boolean pending() {
        return revision == 0;
    }

    /** Whether the other entry of the same key has the same content: value, codec, type and expiry. */
    public boolean sameContent(ConfigEntry other) {
        return value.equals(other.value)
                && codec.equals(other.codec)
                && type == other.type
                && Objects.equals(expiresAt, other.expiresAt);
    }

    /** Everything but the value, so that no log line can leak it. */
    @Override
    public String toString() {
        return "ConfigEntry[" + namespace + ":" + key + ", codec=" + codec + ", type=" + type.label() + ", version="
                + version + ", revision=" + revision + "]";
    }
}
