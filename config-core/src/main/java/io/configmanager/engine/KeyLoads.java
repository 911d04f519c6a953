// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.store.Lookup;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Reads of keys that are not in memory: one at a time for each key, however many threads ask. */
final class KeyLoads {

    private record Key(String namespace, String key) {}

    private final Map<Key, CompletableFuture<@Nullable Slot>> running = new ConcurrentHashMap<>();

    /** What the store has; null if the key does not exist. */
    @Nullable
    Slot load(DefaultConfig config, String key) {
        Key name = new Key(config.namespace(), key);
        CompletableFuture<@Nullable Slot> mine = new CompletableFuture<>();
        CompletableFuture<@Nullable Slot> other = running.putIfAbsent(name, mine);
        if (other != null) {
            try {
                return other.join();
            } catch (CompletionException e) {
                throw e.getCause() instanceof RuntimeException failure ? failure : e;
            }
        }
        try {
            Lookup lookup = config.ask(key);
            Slot slot = config.cache().state().read(key);
            if (slot == null && lookup.entry() != null) {
                slot = new Slot(lookup.entry(), lookup.revision(), null);
            }
            mine.complete(slot);
            return slot;
        } catch (RuntimeException | Error e) {
            mine.completeExceptionally(e);
            throw e;
        } finally {
            running.remove(name, mine);
        }
    }
}
