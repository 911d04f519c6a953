// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What happened to one key, as this instance saw it: never an update or delete of something not inserted before, and
 * between two inserts exactly one delete.
 *
 * @param kind what happened
 * @param key the key
 * @param before what the cache showed before; null for an insert
 * @param after what the cache shows now; null for a delete
 */
public record ConfigChange(
        Kind kind,
        String key,
        @Nullable ConfigEntry before,
        @Nullable ConfigEntry after) {

    /** What happened to a key. */
    public enum Kind {
        INSERT,
        UPDATE,
        DELETE
    }

    /** The change from one state to another, at least one of which exists. */
    public static ConfigChange between(@Nullable ConfigEntry before, @Nullable ConfigEntry after) {
        ConfigEntry known = Objects.requireNonNull(after != null ? after : before);
        Kind kind = before == null ? Kind.INSERT : after == null ? Kind.DELETE : Kind.UPDATE;
        return new ConfigChange(kind, known.key(), before, after);
    }
}
