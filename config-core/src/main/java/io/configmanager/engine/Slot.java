// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigValueException;
import java.lang.reflect.Type;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What is known of one key: the entry that readers see, and the revision up to which that is the truth. Immutable but for
 * the remembered decoded value, which is published safely by its final fields.
 */
final class Slot {

    private record Decoded(Type type, Object value) {}

    /** What readers see; null if the key does not exist. */
    final @Nullable ConfigEntry entry;

    final long revision;

    /** Why the newest stored value cannot be used; the entry is then the last good one. Null if it can. */
    final @Nullable String rejection;

    private @Nullable Decoded decoded;

    Slot(@Nullable ConfigEntry entry, long revision, @Nullable String rejection) {
        this.entry = entry;
        this.revision = revision;
        this.rejection = rejection;
    }

    static Slot absent(long revision) {
        return new Slot(null, revision, null);
    }

    /** Whether dropping the slot loses nothing: the key does not exist and nothing is to be reported about it. */
    boolean empty() {
        return entry == null && rejection == null;
    }

    /** The entry's value as this type, decoded at most once for the type that was asked for last. */
    Object value(Type type, Codecs codecs) {
        Decoded known = decoded;
        if (known != null && known.type.equals(type)) {
            return known.value;
        }
        ConfigEntry present = Objects.requireNonNull(entry);
        Object value;
        try {
            value = codecs.named(present.codec()).decode(present.value(), type);
        } catch (RuntimeException e) {
            throw new ConfigValueException(present.namespace(), present.key(), String.valueOf(e.getMessage()), null);
        } catch (StackOverflowError | LinkageError | AssertionError e) {
            // The value's doing, or that of the code that makes it; its text was not written with secrets in mind.
            throw new ConfigValueException(
                    present.namespace(), present.key(), e.getClass().getName(), null);
        }
        decoded = new Decoded(type, value);
        return value;
    }
}
