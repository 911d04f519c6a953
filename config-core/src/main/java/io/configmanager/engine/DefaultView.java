// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigNames;
import io.configmanager.ConfigView;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** A {@link CacheState} as readers see it at one moment of the store's clock. */
record DefaultView(String namespace, long revision, CacheState state, Instant asOf, Codecs codecs)
        implements ConfigView {

    @Override
    public Optional<ConfigEntry> entry(String key) {
        Slot slot = state.committed(ConfigNames.requireKey(key));
        return slot == null ? Optional.empty() : Optional.ofNullable(slot.entry).filter(this::alive);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> Optional<T> get(String key, Class<T> type) {
        Slot slot = state.committed(ConfigNames.requireKey(key));
        return slot == null || slot.entry == null || !alive(slot.entry)
                ? Optional.empty()
                : Optional.of((T) slot.value(type, codecs));
    }

    @Override
    public Collection<ConfigEntry> entries() {
        List<ConfigEntry> all = state.entries();
        return all.stream().allMatch(this::alive)
                ? all
                : all.stream().filter(this::alive).toList();
    }

    private boolean alive(ConfigEntry entry) {
        Instant expiresAt = entry.expiresAt();
        return expiresAt == null || asOf.isBefore(expiresAt);
    }

    @Override
    public String toString() {
        return "ConfigView[" + namespace + " at revision " + revision + "]";
    }
}
