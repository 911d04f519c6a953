// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

/** The store is away and the outbox holds as much as it may: the write was refused and nothing of it is kept. */
public final class OutboxFullException extends ConfigException {

    private static final long serialVersionUID = 1L;

    public OutboxFullException(String message) {
        super(message);
    }
}
