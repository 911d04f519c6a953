// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import org.jspecify.annotations.Nullable;

/** The manager is not connected, is closed, or could not be connected in time. */
public final class ManagerStateException extends ConfigException {

    private static final long serialVersionUID = 1L;

    public ManagerStateException(String message) {
        super(message);
    }

    public ManagerStateException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
