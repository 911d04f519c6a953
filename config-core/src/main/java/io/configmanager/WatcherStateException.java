// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

/** A watcher was asked for something while it is closed or another thread is taking from it. */
public final class WatcherStateException extends ConfigException {

    private static final long serialVersionUID = 1L;

    public WatcherStateException(String message) {
        super(message);
    }
}
