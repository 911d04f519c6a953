// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.util.List;

/** Keys that are required have no usable value and no default. */
final class MissingConfigException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient List<String> missing;

    /** @param missing one line for every key and target */
    MissingConfigException(List<String> missing) {
        super("Required configuration is missing or cannot be used: " + String.join("; ", missing));
        this.missing = List.copyOf(missing);
    }

    List<String> missing() {
        return missing;
    }
}
