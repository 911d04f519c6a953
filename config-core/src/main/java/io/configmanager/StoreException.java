// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import org.jspecify.annotations.Nullable;

/**
 * The store did not do what it was asked for. {@link #isTransient()} tells whether the same call may succeed later
 * without anybody changing anything: a lost connection is transient, a missing table or privilege is not.
 */
public class StoreException extends ConfigException {

    private static final long serialVersionUID = 1L;

    private final boolean transientFailure;

    public StoreException(String message, boolean transientFailure, @Nullable Throwable cause) {
        super(message, cause);
        this.transientFailure = transientFailure;
    }

    /** Whether a retry can help. */
    public boolean isTransient() {
        return transientFailure;
    }
}
