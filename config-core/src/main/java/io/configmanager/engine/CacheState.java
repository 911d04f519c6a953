// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import com.github.benmanes.caffeine.cache.Cache;
import io.configmanager.ConfigEntry;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A whole namespace at one revision, immutable, so that one volatile reference publishes a change set at once and a view
 * is just a reference.
 *
 * <p>Changing a large namespace must not copy it: {@code base} is shared between states and {@code recent} holds what
 * changed since, until it is large enough that folding it into a new base costs no more than copying it. {@code own} lies
 * above both: own acknowledged writes that the feed has not brought yet. They are for single reads, not for views, which
 * show the fold of the log and nothing else.
 */
final class CacheState {

    /** Nothing was loaded yet. */
    static final CacheState UNLOADED = new CacheState(false, 0, Map.of(), Map.of(), Map.of(), null);

    final long revision;

    /** Whether this shows a snapshot; before that it holds nothing but own writes. */
    final boolean loaded;

    /** Where the entries are if the namespace is too large to be held whole; the maps are empty then. */
    final @Nullable Cache<String, Slot> onDemand;

    private final Map<String, Slot> base;
    private final Map<String, Slot> recent;
    private final Map<String, Slot> own;
    private final boolean plain;
    private @Nullable List<ConfigEntry> sorted;

    private CacheState(
            boolean loaded,
            long revision,
            Map<String, Slot> base,
            Map<String, Slot> recent,
            Map<String, Slot> own,
            @Nullable Cache<String, Slot> onDemand) {
        this.loaded = loaded;
        this.revision = revision;
        this.onDemand = onDemand;
        this.base = base;
        this.recent = recent;
        this.own = own;
        this.plain = recent.isEmpty() && own.isEmpty() && onDemand == null;
    }

    /** A state from scratch; the map must not change any more. Own writes above its revision are kept. */
    static CacheState of(long revision, Map<String, Slot> slots, Map<String, Slot> own) {
        return new CacheState(true, revision, slots, Map.of(), above(revision, own), null);
    }

    static CacheState onDemand(long revision, Cache<String, Slot> cache) {
        return new CacheState(true, revision, Map.of(), Map.of(), Map.of(), cache);
    }

    /** What a reader of this instance sees; null means absent, or not in memory if loading is on demand. */
    @Nullable
    Slot read(String key) {
        if (plain) {
            return base.get(key);
        }
        if (onDemand != null) {
            return onDemand.getIfPresent(key);
        }
        Slot slot = own.get(key);
        return slot != null ? slot : committed(key);
    }

    /** What a view shows. */
    @Nullable
    Slot committed(String key) {
        if (onDemand != null) {
            return onDemand.getIfPresent(key);
        }
        Slot slot = recent.get(key);
        return slot != null ? slot : base.get(key);
    }

    Map<String, Slot> own() {
        return own;
    }

    /** The state after some changes; own writes that it covers are dropped. */
    CacheState with(long newRevision, Map<String, Slot> changes) {
        Map<String, Slot> newRecent = new HashMap<>(recent);
        newRecent.putAll(changes);
        Map<String, Slot> newOwn = above(newRevision, own);
        // Copying recent costs r per change, folding costs n every r changes: the sum is least near sqrt(2n).
        if (newRecent.size() <= Math.max(64, Math.sqrt(2.0 * base.size()))) {
            return new CacheState(true, newRevision, base, newRecent, newOwn, null);
        }
        Map<String, Slot> folded = new HashMap<>(base);
        newRecent.forEach((key, slot) -> {
            if (slot.empty()) {
                folded.remove(key);
            } else {
                folded.put(key, slot);
            }
        });
        return new CacheState(true, newRevision, folded, Map.of(), newOwn, null);
    }

    /** The state with more own writes, seen together, as far as they are news. */
    CacheState withOwn(Map<String, Slot> writes) {
        Map<String, Slot> newOwn = new HashMap<>(own);
        writes.forEach((key, slot) -> {
            Slot known = own.get(key);
            if (slot.revision > revision && (known == null || slot.revision > known.revision)) {
                newOwn.put(key, slot);
            }
        });
        return newOwn.equals(own) ? this : new CacheState(loaded, revision, base, recent, newOwn, null);
    }

    /** The same state, known to be true up to a later revision. */
    CacheState advancedTo(long newRevision) {
        return newRevision <= revision || own.isEmpty() || !loaded
                ? this
                : new CacheState(true, newRevision, base, recent, above(newRevision, own), null);
    }

    /** Committed entries in byte-wise key order. */
    List<ConfigEntry> entries() {
        List<ConfigEntry> known = sorted;
        if (known == null) {
            List<ConfigEntry> all = new ArrayList<>(base.size() + recent.size());
            forEachCommitted((key, slot) -> {
                if (slot.entry != null) {
                    all.add(slot.entry);
                }
            });
            all.sort(Comparator.comparing(ConfigEntry::key));
            known = Collections.unmodifiableList(all);
            sorted = known;
        }
        return known;
    }

    /** Every committed slot in memory that says something. */
    void forEachCommitted(BiConsumer<String, Slot> action) {
        if (onDemand != null) {
            onDemand.asMap().forEach(action);
            return;
        }
        recent.forEach((key, slot) -> {
            if (!slot.empty()) {
                action.accept(key, slot);
            }
        });
        base.forEach((key, slot) -> {
            if (!recent.containsKey(key)) {
                action.accept(key, slot);
            }
        });
    }

    int size() {
        if (onDemand != null) {
            return (int) onDemand.estimatedSize();
        }
        int size = base.size();
        for (Map.Entry<String, Slot> changed : recent.entrySet()) {
            boolean before = base.containsKey(changed.getKey());
            if (before == changed.getValue().empty()) {
                size += before ? -1 : 1;
            }
        }
        return size;
    }

    private static Map<String, Slot> above(long revision, Map<String, Slot> own) {
        if (own.isEmpty()) {
            return own;
        }
        Map<String, Slot> kept = new HashMap<>(own);
        kept.values().removeIf(slot -> slot.revision <= revision);
        return kept.isEmpty() ? Map.of() : kept;
    }
}
