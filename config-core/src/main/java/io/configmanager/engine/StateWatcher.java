// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEntry;
import io.configmanager.KeyState;
import io.configmanager.Subscription;
import org.jspecify.annotations.Nullable;

/** A watcher of keys: what the {@link Backlog} has, decoded. */
final class StateWatcher<T> extends BacklogWatcher<KeyState<T>> {

    private final Decoder<T> decoder;

    /** Reads an entry's value; throws a {@link io.configmanager.ConfigValueException} if it cannot. */
    @FunctionalInterface
    interface Decoder<T> {
        T decode(ConfigEntry entry);
    }

    StateWatcher(Backlog backlog, Decoder<T> decoder, Subscription subscription) {
        super(backlog, subscription);
        this.decoder = decoder;
    }

    @Override
    protected @Nullable KeyState<T> next() {
        Backlog.News news = backlog.poll();
        return news instanceof Backlog.Change change ? state(change, decoder) : null;
    }

    static <T> KeyState<T> state(Backlog.Change change, Decoder<T> decoder) {
        ConfigEntry entry = change.entry();
        T value = entry == null ? null : decoder.decode(entry);
        return new KeyState<>(
                change.key(), change.kind(), value, entry, change.epoch(), change.revision(), change.collapsed());
    }
}
