// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.ConfigManager;
import java.util.function.BooleanSupplier;
import org.springframework.context.SmartLifecycle;

/**
 * Closes the manager when the application ends: after the web server and everything else that may still read or be told of
 * changes, and before beans are destroyed. A context that is only stopped or paused keeps it, because a closed manager
 * cannot be started again.
 */
final class ConfigManagerLifecycle implements SmartLifecycle {

    private static final int BEFORE_ALL_OTHERS = Integer.MIN_VALUE + 1_000;

    private final ConfigManager manager;
    private final BooleanSupplier contextIsClosed;
    private volatile boolean running;

    ConfigManagerLifecycle(ConfigManager manager, BooleanSupplier contextIsClosed) {
        this.manager = manager;
        this.contextIsClosed = contextIsClosed;
    }

    @Override
    public void start() {
        manager.connect();
        running = true;
    }

    @Override
    public void stop() {
        if (contextIsClosed.getAsBoolean()) {
            manager.close();
        }
        running = false;
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    @Override
    public boolean isPauseable() {
        return false;
    }

    @Override
    public int getPhase() {
        return BEFORE_ALL_OTHERS;
    }
}
