// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.store.Lookup;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;

/** Reads of keys that are not in memory: one at a time for each key, however many threads ask. */
final class KeyLoads {

    private record Key(String namespace, String key) {}

    /** @param revision the revision that the store answered for */
    private record Answer(Slot slot, long revision) {}

    private final Map<Key, CompletableFuture<Answer>> running = new ConcurrentHashMap<>();

    /**
     * What the store has.
     *
     * @param atLeast what the caller has seen already: an answer for an earlier revision will not do
     */
    Slot load(DefaultConfig config, String key, long atLeast) {
        Key name = new Key(config.namespace(), key);
        boolean joined = false;
        while (true) {
            CompletableFuture<Answer> mine = new CompletableFuture<>();
            CompletableFuture<Answer> other = running.putIfAbsent(name, mine);
            if (other == null) {
                return ask(config, name, mine).slot();
            }
            Answer answer = join(other);
            // A second read to join began after this call, so nothing that was seen before can be missing in it.
            if (joined || answer.revision() >= atLeast) {
                return answer.slot();
            }
            joined = true;
        }
    }

    private Answer ask(DefaultConfig config, Key name, CompletableFuture<Answer> mine) {
        // Whoever comes after the read must not join it any more when its answer is out.
        try {
            Lookup lookup = config.ask(name.key());
            Slot held = config.cache().state().known(name.key());
            Slot slot = held != null ? held : new Slot(lookup.entry(), lookup.revision(), null);
            Answer answer = new Answer(slot, lookup.revision());
            running.remove(name, mine);
            mine.complete(answer);
            return answer;
        } catch (RuntimeException | Error e) {
            running.remove(name, mine);
            mine.completeExceptionally(e);
            throw e;
        }
    }

    private static Answer join(CompletableFuture<Answer> other) {
        try {
            return other.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException failure ? failure : e;
        }
    }
}
