// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

/** It is not clear which store to use, or there is none of the configured kind. */
final class StoreSelectionException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String action;

    StoreSelectionException(String message, String action) {
        super(message);
        this.action = action;
    }

    String action() {
        return action;
    }
}
