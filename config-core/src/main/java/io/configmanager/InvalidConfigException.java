// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import org.jspecify.annotations.Nullable;

/** The caller's input breaks a rule: a key, a namespace, a cursor, a limit, or a value that cannot be stored. */
public final class InvalidConfigException extends ConfigException {

    private static final long serialVersionUID = 1L;

    public InvalidConfigException(String message) {
        super(message);
    }

    public InvalidConfigException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
