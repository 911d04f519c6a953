// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import com.github.benmanes.caffeine.cache.Cache;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A whole namespace at one revision, immutable, so that one volatile reference publishes a change set at once and a view
 * is just a reference.
 *
 * <p>Changing a large namespace must not copy it: {@code base} is shared between states and {@code recent} holds what
 * changed since, until it is large enough that folding it into a new base costs no more than copying it. {@code own} lies
 * above both: answers of the store that are ahead of the feed, own acknowledged writes above all. {@code pending} lies
 * above all: own writes that wait in the outbox. Both are for single reads, not for views, which show the fold of the log
 * and nothing else.
 */
final class CacheState {

    /** Nothing was loaded yet. */
    static final CacheState UNLOADED = new CacheState(false, 0, new Base(Map.of()), Map.of(), Map.of(), Map.of(), null);

    /** Whether a snapshot was loaded; only own writes can be read before. */
    final boolean loaded;

    final long revision;

    /** Where the entries are if the namespace is too large to be held whole; the maps are empty then. */
    final @Nullable Cache<String, Slot> onDemand;

    private final Base base;
    private final Map<String, Slot> recent;
    private final Map<String, Slot> own;
    private final Map<String, Slot> pending;
    private final boolean plain;
    private @Nullable List<ConfigEntry> sorted;

    /** What several states share; sorted once, when somebody wants it sorted. */
    private static final class Base {

        private final Map<String, Slot> slots;
        private @Nullable List<ConfigEntry> sorted;

        Base(Map<String, Slot> slots) {
            this.slots = slots;
        }

        List<ConfigEntry> sorted() {
            List<ConfigEntry> known = sorted;
            if (known == null) {
                List<ConfigEntry> all = new ArrayList<>(slots.size());
                slots.forEach((key, slot) -> {
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

        /** Index of the first sorted entry after the key. */
        int after(String key) {
            List<ConfigEntry> all = sorted();
            int low = 0;
            int high = all.size();
            while (low < high) {
                int middle = (low + high) >>> 1;
                if (all.get(middle).key().compareTo(key) <= 0) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            return low;
        }
    }

    private CacheState(
            boolean loaded,
            long revision,
            Base base,
            Map<String, Slot> recent,
            Map<String, Slot> own,
            Map<String, Slot> pending,
            @Nullable Cache<String, Slot> onDemand) {
        this.loaded = loaded;
        this.revision = revision;
        this.onDemand = onDemand;
        this.base = base;
        this.recent = recent;
        this.own = own;
        this.pending = pending;
        this.plain = recent.isEmpty() && own.isEmpty() && pending.isEmpty() && onDemand == null;
    }

    /** A state after this one; the map must not change any more. */
    CacheState replacedBy(long newRevision, Map<String, Slot> slots, Map<String, Slot> newOwn) {
        return new CacheState(true, newRevision, new Base(slots), Map.of(), above(newRevision, newOwn), pending, null);
    }

    /** A state after this one, whose entries are in a cache. */
    CacheState replacedOnDemand(long newRevision, Cache<String, Slot> cache, Map<String, Slot> newOwn) {
        return new CacheState(true, newRevision, UNLOADED.base, Map.of(), above(newRevision, newOwn), pending, cache);
    }

    /** Holds nothing but what waits in the outbox. */
    CacheState unloaded() {
        return new CacheState(false, 0, UNLOADED.base, Map.of(), Map.of(), pending, null);
    }

    /** What a reader of this instance sees; null means absent, or not in memory if loading is on demand. */
    @Nullable
    Slot read(String key) {
        if (plain) {
            return base.slots.get(key);
        }
        Slot slot = pending.get(key);
        return slot != null ? slot : known(key);
    }

    /** Whether the outbox holds a write of the key. */
    boolean pending(String key) {
        return pending.containsKey(key);
    }

    /** What the store is known to hold. */
    @Nullable
    Slot known(String key) {
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
        return slot != null ? slot : base.slots.get(key);
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
        if (newRecent.size() <= Math.max(64, Math.sqrt(2.0 * base.slots.size()))) {
            return new CacheState(true, newRevision, base, newRecent, newOwn, pending, null);
        }
        Map<String, Slot> folded = new HashMap<>(base.slots);
        newRecent.forEach((key, slot) -> {
            if (slot.empty()) {
                folded.remove(key);
            } else {
                folded.put(key, slot);
            }
        });
        return new CacheState(true, newRevision, new Base(folded), Map.of(), newOwn, pending, null);
    }

    /** The state with more answers that are ahead of the feed. */
    CacheState withOwn(Map<String, Slot> more) {
        Map<String, Slot> newOwn = new HashMap<>(own);
        newOwn.putAll(more);
        return new CacheState(loaded, revision, base, recent, newOwn, pending, onDemand);
    }

    /** The state with what the outbox holds of a key; null if it holds nothing. */
    CacheState withPending(String key, @Nullable Slot slot) {
        Map<String, Slot> more = new HashMap<>(pending);
        if (slot == null) {
            more.remove(key);
        } else {
            more.put(key, slot);
        }
        return new CacheState(loaded, revision, base, recent, own, more.isEmpty() ? Map.of() : more, onDemand);
    }

    /** The same state without the own writes that it shows anyway, because it is true up to this revision. */
    CacheState withoutOwn(long upTo) {
        Map<String, Slot> kept = above(upTo, own);
        return kept.size() == own.size()
                ? this
                : new CacheState(loaded, revision, base, recent, kept, pending, onDemand);
    }

    /** Committed entries in byte-wise key order. */
    List<ConfigEntry> entries() {
        List<ConfigEntry> known = sorted;
        if (known == null) {
            if (recent.isEmpty()) {
                known = base.sorted();
            } else {
                List<ConfigEntry> all = new ArrayList<>(base.slots.size() + recent.size());
                merge(new TreeMap<>(recent), "", all::add);
                known = Collections.unmodifiableList(all);
            }
            sorted = known;
        }
        return known;
    }

    /**
     * Entries as a reader of this instance sees them, in byte-wise key order.
     *
     * @param after only keys after this one
     * @param most how many at most
     * @param wanted whether to include a matching entry
     */
    List<ConfigEntry> find(ConfigFilter filter, String after, int most, Predicate<ConfigEntry> wanted) {
        List<ConfigEntry> found = new ArrayList<>();
        Predicate<ConfigEntry> visitor = entry -> {
            if (wanted.test(entry)) {
                found.add(entry);
            }
            return found.size() < most;
        };
        if (filter instanceof ConfigFilter.Keys keys) {
            for (String key : new TreeSet<>(keys.keys()).tailSet(after, false)) {
                Slot slot = read(key);
                if (slot != null && slot.entry != null && !visitor.test(slot.entry)) {
                    break;
                }
            }
            return found;
        }
        String begin =
                filter instanceof ConfigFilter.Glob glob ? glob.literal() : ((ConfigFilter.Prefix) filter).prefix();
        NavigableMap<String, Slot> changed = new TreeMap<>(recent);
        changed.putAll(own);
        changed.putAll(pending);
        // No key equals a prefix, but one may equal what a pattern begins with, so that visit starts before it.
        boolean exclusive = begin.isEmpty() || filter instanceof ConfigFilter.Prefix;
        String before = exclusive ? begin : begin.substring(0, begin.length() - 1);
        merge(changed, after.compareTo(before) < 0 ? before : after, entry -> {
            String key = entry.key();
            if (!key.startsWith(begin)) {
                return key.compareTo(begin) < 0;
            }
            return !filter.matches(key) || visitor.test(entry);
        });
        return found;
    }

    /** Visits base and changes as one sorted list, until the visitor wants no more. */
    private void merge(NavigableMap<String, Slot> changed, String after, Predicate<ConfigEntry> visitor) {
        List<ConfigEntry> all = base.sorted();
        int next = base.after(after);
        for (Map.Entry<String, Slot> change : changed.tailMap(after, false).entrySet()) {
            int order = -1;
            while (next < all.size() && (order = all.get(next).key().compareTo(change.getKey())) < 0) {
                if (!visitor.test(all.get(next++))) {
                    return;
                }
            }
            if (next < all.size() && order == 0) {
                next++;
            }
            ConfigEntry entry = change.getValue().entry;
            if (entry != null && !visitor.test(entry)) {
                return;
            }
        }
        while (next < all.size() && visitor.test(all.get(next))) {
            next++;
        }
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
        base.slots.forEach((key, slot) -> {
            if (!recent.containsKey(key)) {
                action.accept(key, slot);
            }
        });
    }

    int size() {
        if (onDemand != null) {
            return (int) onDemand.estimatedSize();
        }
        int size = base.slots.size();
        for (Map.Entry<String, Slot> changed : recent.entrySet()) {
            boolean before = base.slots.containsKey(changed.getKey());
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
