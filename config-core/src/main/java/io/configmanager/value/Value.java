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
    private volatile @Nullable Setting<T> current;

    /** One call of {@code set}: who has seen it knows it again, and no two are the same. */
    private static final class Setting<T> {

        final T value;

        Setting(T value) {
            this.value = value;
        }
    }

    /** A value that is not set yet. */
    public Value() {}

    /** A value that is set. */
    public Value(T initial) {
        set(initial);
    }

    /** Sets the value. A change also if it is equal to the one before. Never waits for a watcher. */
    public void set(T value) {
        Objects.requireNonNull(value, "value");
        current = new Setting<>(value);
        signal.give();
    }

    /** The value, or empty if it was never set. */
    public Optional<T> get() {
        Setting<T> now = current;
        return now == null ? Optional.empty() : Optional.of(now.value);
    }

    /** A watcher that first returns the value of now or a newer one. */
    public Watcher<T> watch() {
        return watcher();
    }

    private AbstractWatcher<T> watcher() {
        return new AbstractWatcher<>(signal) {
            private @Nullable Setting<T> seen;
            private @Nullable Setting<T> seenBefore;

            @Override
            protected @Nullable T next() {
                Setting<T> now = current;
                if (now == null || now == seen) {
                    return null;
                }
                seenBefore = seen;
                seen = now;
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
