// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEntry;
import io.configmanager.KeyState;
import io.configmanager.Subscription;
import io.configmanager.value.AbstractWatcher;
import io.configmanager.value.Signal;
import org.jspecify.annotations.Nullable;

/** A watcher of keys: what the {@link Backlog} has, decoded. */
final class StateWatcher<T> extends AbstractWatcher<KeyState<T>> {

    private final Backlog backlog;
    private final Decoder<T> decoder;
    private final Subscription subscription;

    /** Reads an entry's value; throws a {@link io.configmanager.ConfigValueException} if it cannot. */
    @FunctionalInterface
    interface Decoder<T> {
        T decode(ConfigEntry entry);
    }

    StateWatcher(Signal signal, Backlog backlog, Decoder<T> decoder, Subscription subscription) {
        super(signal);
        this.backlog = backlog;
        this.decoder = decoder;
        this.subscription = subscription;
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

    @Override
    protected int atHand() {
        return backlog.size();
    }

    @Override
    protected void putBack() {
        backlog.putBack();
    }

    @Override
    protected void delivered() {
        backlog.delivered();
    }

    @Override
    protected @Nullable String ended() {
        return backlog.closed();
    }

    @Override
    protected void closed() {
        subscription.close();
    }
}
