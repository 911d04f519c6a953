// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigObserver;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Several observers as one that never throws. */
final class Observers implements ConfigObserver {

    private static final Logger log = LoggerFactory.getLogger(Observers.class);

    private final List<ConfigObserver> observers;

    Observers(List<ConfigObserver> observers) {
        this.observers = List.copyOf(observers);
    }

    @Override
    public void reconnected() {
        tell(ConfigObserver::reconnected);
    }

    @Override
    public void applied(int changes) {
        tell(observer -> observer.applied(changes));
    }

    @Override
    public void propagated(Duration delay) {
        tell(observer -> observer.propagated(delay));
    }

    @Override
    public void hintsMissed(int count) {
        tell(observer -> observer.hintsMissed(count));
    }

    @Override
    public void resynced(String reason) {
        tell(observer -> observer.resynced(reason));
    }

    @Override
    public void rejected(String namespace, String key) {
        tell(observer -> observer.rejected(namespace, key));
    }

    @Override
    public void listenerFailed() {
        tell(ConfigObserver::listenerFailed);
    }

    @Override
    public void storeCalled(String operation, Duration duration, @Nullable RuntimeException failure) {
        tell(observer -> observer.storeCalled(operation, duration, failure));
    }

    private void tell(Consumer<ConfigObserver> event) {
        for (ConfigObserver observer : observers) {
            try {
                event.accept(observer);
            } catch (Throwable e) {
                log.warn("{} failed", observer.getClass().getName(), e);
            }
        }
    }
}
