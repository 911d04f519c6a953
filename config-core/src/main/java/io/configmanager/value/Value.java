// SPDX-License-Identifier: Apache-2.0
package io.configmanager.value;

import io.configmanager.Watcher;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/**
 * A value in memory that any number of watchers follow. Safe for any thread. It does not know its watchers: only those that
 * wait at the moment cost it anything.
 */
public final class Value<T> {

    private final Signal signal = new Signal();
    private volatile @Nullable Numbered<T> current;

    private record Numbered<T>(long number, T value) {}

    /** A value that is not set yet. */
    public Value() {}

    /** A value that is set. */
    public Value(T initial) {
        set(initial);
    }

    /** Sets the value. A change also if it is equal to the one before. Never waits for a watcher. */
    public void set(T value) {
        Objects.requireNonNull(value, "value");
        synchronized (signal) {
            Numbered<T> before = current;
            current = new Numbered<>(before == null ? 1 : before.number + 1, value);
        }
        signal.give();
    }

    /** The value, or empty if it was never set. */
    public Optional<T> get() {
        Numbered<T> now = current;
        return now == null ? Optional.empty() : Optional.of(now.value);
    }

    /** A watcher that first returns the value of now or a newer one. */
    public Watcher<T> watch() {
        return watcher();
    }

    private AbstractWatcher<T> watcher() {
        return new AbstractWatcher<>(signal) {
            private long seen;
            private long seenBefore;

            @Override
            protected @Nullable T next() {
                Numbered<T> now = current;
                if (now == null || now.number == seen) {
                    return null;
                }
                seenBefore = seen;
                seen = now.number;
                return now.value;
            }

            @Override
            protected int atHand() {
                return 1;
            }

            @Override
            protected void putBack() {
                seen = seenBefore;
            }
        };
    }

    /** The values for reactive libraries: each subscriber gets the newest whenever it asks for one more. Never completes. */
    public Flow.Publisher<T> publisher(Executor executor) {
        return new WatcherPublisher<>(this::watcher, executor);
    }
}
