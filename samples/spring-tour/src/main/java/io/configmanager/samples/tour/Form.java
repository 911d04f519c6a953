// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.tour;

import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * One way to have a value. A new one is a bean more; the tour shows and tests it like the others.
 *
 * @param key the key that it follows
 * @param json what is stored for a text
 * @param now the text as this form has it now; {@link #DEFAULT} while there is no such key
 */
record Form(String key, UnaryOperator<String> json, Supplier<String> now) {

    static final String DEFAULT = "default";

    /** A form whose value is the text itself. */
    static Form of(String key, Supplier<String> now) {
        return new Form(key, text -> '"' + text + '"', now);
    }
}
