// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.Locale;

/**
 * What kind of value an entry holds, for people and for masking. It is advice, not a schema: a row edited by hand may
 * say otherwise than its value.
 */
public enum ValueType {
    STRING,
    INTEGER,
    DECIMAL,
    BOOLEAN,
    LIST,
    OBJECT,
    /** Masked wherever it is shown. Sticky: later writes of the key stay secret until it is deleted. */
    SECRET;

    /** The name used in stores, endpoints and docs: lower case. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The type with this label; {@link #OBJECT} for any other text, which only a hand-made row can hold. */
    public static ValueType ofLabel(String label) {
        for (ValueType type : values()) {
            if (type.label().equals(label)) {
                return type;
            }
        }
        return OBJECT;
    }
}
