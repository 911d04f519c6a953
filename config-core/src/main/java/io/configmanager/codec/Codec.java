// SPDX-License-Identifier: Apache-2.0
package io.configmanager.codec;

import io.configmanager.ValueType;
import java.lang.reflect.Type;

/**
 * Turns values into text and back. Stateless and safe for any thread. Failures are any {@link RuntimeException}; the
 * caller adds the key. Messages must not contain the value.
 */
public interface Codec {

    /** The name that is stored with every value, for example {@code json}. */
    String name();

    /** The text and kind of a value; never null. */
    Encoded encode(Object value);

    /** The value as this type. */
    Object decode(String text, Type type);

    /** Throws if the text cannot be read as any type, so that a bad row is noticed when it arrives. */
    void check(String text);

    /** An encoded value. */
    record Encoded(String text, ValueType type) {

        /** The type only, so that no log line can leak the value. */
        @Override
        public String toString() {
            return "Encoded[" + type.label() + "]";
        }
    }
}
