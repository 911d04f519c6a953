// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigObserver;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
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
    public Ending storeCalling(String operation) {
        return begin(observer -> observer.storeCalling(operation));
    }

    @Override
    public Ending applying(long revision, int changes) {
        return begin(observer -> observer.applying(revision, changes));
    }

    /** Does what has begun, and tells its end. */
    static <T> T around(Ending ending, Supplier<T> work) {
        Throwable failure = null;
        try {
            return work.get();
        } catch (RuntimeException | Error e) {
            failure = e;
            throw e;
        } finally {
            ending.ended(failure);
        }
    }

    /** Ends in the opposite order, as what is nested must. */
    private Ending begin(Function<ConfigObserver, Ending> beginning) {
        Deque<Ending> begun = new ArrayDeque<>();
        tell(observer -> {
            Ending ending = beginning.apply(observer);
            if (ending != Ending.UNTOLD) {
                begun.push(ending);
            }
        });
        return begun.isEmpty() ? Ending.UNTOLD : failure -> tell(begun, ending -> ending.ended(failure));
    }

    private void tell(Consumer<ConfigObserver> event) {
        tell(observers, event);
    }

    private static <T> void tell(Iterable<T> all, Consumer<T> event) {
        for (T each : all) {
            try {
                event.accept(each);
            } catch (Throwable e) {
                log.warn("{} failed", each.getClass().getName(), e);
            }
        }
    }
}
