// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import org.jspecify.annotations.Nullable;

/** Root of everything that this library throws on purpose. Messages name keys, versions and rules, never values. */
public abstract class ConfigException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    protected ConfigException(String message) {
        super(message);
    }

    protected ConfigException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
