// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEvent;
import io.configmanager.ConfigException;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigValueException;
import io.configmanager.KeyState;
import io.configmanager.StoreException;
import io.configmanager.Subscription;
import io.configmanager.WatchStatus;
import io.configmanager.engine.Reconciler.Ticket;
import io.configmanager.engine.StateWatcher.Decoder;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What the {@link Backlog} has as events: also what cannot be read, and how the watch fares. */
final class EventWatcher<T> extends BacklogWatcher<ConfigEvent<T>> {

    private final String correlationId;
    private final Decoder<T> decoder;
    private final Supplier<WatchStatus> status;
    private final Supplier<Ticket> position;
    private final boolean wasInMemory;
    private final boolean single;

    /** The last good state of each key that was told. */
    private final Map<String, KeyState<T>> good = new HashMap<>();

    private @Nullable String changedLast;
    private @Nullable KeyState<T> goodBeforeLast;

    /** @param wasInMemory whether what is there at the beginning did not have to be read for this */
    EventWatcher(
            String correlationId,
            Backlog backlog,
            Decoder<T> decoder,
            Supplier<WatchStatus> status,
            Supplier<Ticket> position,
            boolean wasInMemory,
            Subscription subscription) {
        super(backlog, subscription);
        this.correlationId = correlationId;
        this.decoder = decoder;
        this.status = status;
        this.position = position;
        this.wasInMemory = wasInMemory;
        this.single = backlog.filter() instanceof ConfigFilter.Keys named
                && named.keys().size() == 1;
    }

    @Override
    protected @Nullable ConfigEvent<T> next() {
        Backlog.News news = backlog.poll();
        changedLast = null;
        if (news instanceof Backlog.Change change) {
            return changed(change);
        }
        if (news instanceof Backlog.Failed failed) {
            return event(ConfigEvent.Kind.FAILED, onlyState(), asConfigException(failed.failure()), true);
        }
        if (news instanceof Backlog.Recovered) {
            return event(ConfigEvent.Kind.RECOVERED, onlyState(), null, false);
        }
        return null;
    }

    private ConfigEvent<T> changed(Backlog.Change change) {
        changedLast = change.key();
        goodBeforeLast = good.get(change.key());
        boolean fromCache = change.first() && wasInMemory;
        KeyState<T> state;
        try {
            state = StateWatcher.state(change, decoder);
        } catch (ConfigValueException e) {
            return event(ConfigEvent.Kind.CHANGED, good.get(change.key()), e, fromCache);
        }
        if (state.isPresent() || single) {
            good.put(change.key(), state);
        } else {
            good.remove(change.key());
        }
        return event(ConfigEvent.Kind.CHANGED, state, null, fromCache);
    }

    private @Nullable KeyState<T> onlyState() {
        return single && !good.isEmpty() ? good.values().iterator().next() : null;
    }

    private ConfigEvent<T> event(
            ConfigEvent.Kind kind, @Nullable KeyState<T> result, @Nullable ConfigException error, boolean fromCache) {
        Ticket now = position.get();
        return new ConfigEvent<>(
                correlationId, kind, result, error, fromCache, status.get().staleness(), now.epoch(), now.applied());
    }

    private static ConfigException asConfigException(Throwable failure) {
        return failure instanceof ConfigException known
                ? known
                : new StoreException("The watch has failed: " + failure, true, failure);
    }

    @Override
    protected void putBack() {
        if (changedLast != null && goodBeforeLast != null) {
            good.put(changedLast, goodBeforeLast);
        } else if (changedLast != null) {
            good.remove(changedLast);
        }
        changedLast = null;
        super.putBack();
    }
}
