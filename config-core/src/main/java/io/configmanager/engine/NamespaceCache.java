// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.RemovalCause;
import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigObserver;
import io.configmanager.LogEntry;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What one namespace holds in memory. Readers take no lock; everything that changes it is called by the
 * {@link Reconciler} under its lock, and every change passes the same test: only news of a higher revision counts.
 *
 * <p>A namespace is unloaded until its first snapshot. It is then held whole, or, if it is larger than the bound, on
 * demand in a Caffeine cache of that size, where absence is remembered like a value.
 */
final class NamespaceCache {

    private final String namespace;
    private final Codecs codecs;
    private final int bound;
    private final LongAdder evictions;
    private final ConfigObserver observer;
    private final ReentrantLock loading = new ReentrantLock();
    private final Map<String, String> interned = new HashMap<>();

    private volatile CacheState state = CacheState.UNLOADED;

    /** Change sets that arrive while a snapshot is being read by a caller; null when none is. */
    private @Nullable List<ChangesOfKeys> arrived;

    /** Whether the feed jumped over changes of this namespace, so that it must be loaded again. */
    private boolean outdated;

    private volatile boolean servedEmpty;

    /** The last change of each key at one revision. */
    record ChangesOfKeys(long revision, Map<String, LogEntry> changes) {}

    NamespaceCache(String namespace, Codecs codecs, int bound, LongAdder evictions, ConfigObserver observer) {
        this.namespace = namespace;
        this.codecs = codecs;
        this.bound = bound;
        this.evictions = evictions;
        this.observer = observer;
    }

    String namespace() {
        return namespace;
    }

    /** Held by a caller who loads this, so that several callers load it once. */
    ReentrantLock loading() {
        return loading;
    }

    CacheState state() {
        return state;
    }

    boolean loaded() {
        return state.loaded;
    }

    /** Whether the watch must load this; not while a caller is doing it. */
    boolean needsLoading() {
        return (!loaded() || outdated) && arrived == null;
    }

    /** Readers were told that nothing exists, because the store was away: the first load is a change for them. */
    void servedEmpty() {
        servedEmpty = true;
    }

    /** Whether a caller may load this: nobody has seen it yet, so its first load is no change to tell of. */
    boolean loadableByCaller() {
        return !loaded() && !servedEmpty;
    }

    void outdate() {
        outdated = true;
    }

    /** Keeps change sets from now on until the snapshot comes, so that none falls between it and the feed. */
    void startLoading() {
        arrived = new ArrayList<>();
    }

    /** Ends that, and returns what was kept. */
    List<ChangesOfKeys> stopLoading() {
        List<ChangesOfKeys> late = arrived == null ? List.of() : arrived;
        arrived = null;
        return late;
    }

    /**
     * Replaces what is held by a snapshot: built aside, compared, swapped at once.
     *
     * @param sameHistory whether revisions from before can be compared with those of the snapshot
     * @return the difference, deletions included; null if there is none, or if no reader has seen anything before
     */
    @Nullable
    ConfigChangeSet load(List<ConfigEntry> entries, long revision, boolean sameHistory) {
        CacheState before = state;
        Map<String, Slot> slots = new HashMap<>(entries.size() * 4 / 3 + 1);
        List<ConfigChange> changes = new ArrayList<>();
        for (ConfigEntry entry : entries) {
            Slot known = before.committed(entry.key());
            Slot slot = put(sameHistory || known == null ? known : known.ageless(), entry, entry.revision());
            slots.put(entry.key(), slot);
            addChange(changes, entryOf(known), slot.entry);
        }
        before.forEachCommitted((key, slot) -> {
            if (!slots.containsKey(key)) {
                addChange(changes, slot.entry, null);
            }
        });
        state = CacheState.of(revision, slots, sameHistory ? before.own() : Map.of());
        outdated = false;
        // Asked only now: a reader who found nothing a moment ago has said so before it looked.
        boolean seen = before.loaded || servedEmpty;
        return seen ? changeSet(revision, true, changes) : null;
    }

    /**
     * Goes over to loading on demand, because the namespace does not fit. What is in memory stays as far as it fits.
     *
     * @param sameHistory whether revisions from before can be compared with this one
     */
    void loadOnDemand(long revision, boolean sameHistory) {
        holdOnDemand(revision, sameHistory);
        outdated = false;
    }

    private void holdOnDemand(long revision, boolean sameHistory) {
        Cache<String, Slot> cache = newCache();
        state.forEachCommitted((key, slot) -> cache.put(key, sameHistory ? slot : slot.ageless()));
        if (sameHistory) {
            state.own().forEach(cache::put);
        }
        state = CacheState.onDemand(revision, cache);
    }

    /** Keys in memory, which a resync on demand must read again. */
    Set<String> keysInMemory() {
        Set<String> keys = new HashSet<>();
        state.forEachCommitted((key, slot) -> keys.add(key));
        return keys;
    }

    /**
     * Replaces what is held on demand by what the store answered for exactly those keys.
     *
     * @param entries what exists of the keys
     * @param revision the answers hold everything up to here
     */
    @Nullable
    ConfigChangeSet reloadOnDemand(Set<String> keys, List<ConfigEntry> entries, long revision) {
        Map<String, ConfigEntry> found = new HashMap<>();
        entries.forEach(entry -> found.put(entry.key(), entry));
        CacheState before = state;
        Cache<String, Slot> after = newCache();
        List<ConfigChange> changes = new ArrayList<>();
        for (String key : keys) {
            Slot known = before.committed(key);
            ConfigEntry entry = found.get(key);
            // The snapshot may be older than what this instance has written or read since.
            Slot slot =
                    known != null && known.revision >= revision && (entry == null || entry.revision() <= known.revision)
                            ? known
                            : entry == null ? Slot.absent(revision) : put(known, entry, entry.revision());
            after.put(key, slot);
            addChange(changes, entryOf(known), slot.entry);
        }
        state = CacheState.onDemand(revision, after);
        return changeSet(revision, true, changes);
    }

    /** Applies what one revision changed here; null if that was old news or changed nothing that readers see. */
    @Nullable
    ConfigChangeSet apply(ChangesOfKeys changed) {
        if (arrived != null) {
            arrived.add(changed);
        }
        CacheState before = state;
        if (!loaded() || changed.revision() <= before.revision) {
            return null;
        }
        return before.onDemand == null ? applyWhole(before, changed) : applyOnDemand(before.onDemand, changed);
    }

    private @Nullable ConfigChangeSet applyWhole(CacheState before, ChangesOfKeys changed) {
        Map<String, Slot> slots = new HashMap<>();
        List<ConfigChange> changes = new ArrayList<>();
        changed.changes().forEach((key, logged) -> {
            Slot known = before.committed(key);
            Slot slot = slotOf(known, logged);
            slots.put(key, slot);
            addChange(changes, entryOf(known), slot.entry);
        });
        state = before.with(changed.revision(), slots);
        if (state.size() > bound) {
            holdOnDemand(changed.revision(), true);
        }
        return changeSet(changed.revision(), false, changes);
    }

    private @Nullable ConfigChangeSet applyOnDemand(Cache<String, Slot> cache, ChangesOfKeys changed) {
        List<ConfigChange> changes = new ArrayList<>();
        changed.changes().forEach((key, logged) -> {
            Slot known = cache.getIfPresent(key);
            boolean ahead = known != null && known.revision >= changed.revision();
            Slot slot = slotOf(ahead ? null : known, logged);
            if (known != null && !ahead) {
                cache.put(key, slot);
                addChange(changes, known.entry, slot.entry);
            } else if (slot.rejection == null) {
                // What is not in memory, or was read or written ahead of the feed, may still be listened to; what it
                // was
                // before is not known.
                ConfigChange.Kind kind = slot.entry == null ? ConfigChange.Kind.DELETE : ConfigChange.Kind.INSERT;
                changes.add(new ConfigChange(kind, key, null, slot.entry));
            }
        });
        state = CacheState.onDemand(changed.revision(), cache);
        return changeSet(changed.revision(), false, changes);
    }

    /**
     * Takes the store's answer about some keys, from an own write or a read; older news than is held has no effect.
     *
     * @param answers what the keys have, null for what does not exist
     * @param applied what is held shows everything up to here
     * @return false if what is held is newer than the answer
     */
    boolean learn(Map<String, @Nullable ConfigEntry> answers, long revision, long applied) {
        CacheState before = state;
        if (revision < before.revision) {
            return false;
        }
        if (before.loaded && before.onDemand == null && revision <= applied) {
            return true;
        }
        Map<String, Slot> news = new HashMap<>();
        answers.forEach((key, entry) -> {
            Slot known = before.read(key);
            if (known == null || known.revision < revision) {
                Slot slot = entry == null ? Slot.absent(revision) : put(known, entry, revision);
                if (slot != known) {
                    news.put(key, slot);
                }
            }
        });
        if (before.onDemand == null) {
            state = before.withOwn(news);
        } else {
            before.onDemand.putAll(news);
        }
        return true;
    }

    /** Everything up to this revision has been applied. */
    void advanceTo(long revision) {
        state = state.advancedTo(revision);
    }

    /** Keys whose newest stored value cannot be used, with the reason. */
    Map<String, String> rejected() {
        Map<String, String> rejected = new TreeMap<>();
        state.forEachCommitted((key, slot) -> {
            if (slot.rejection != null) {
                rejected.put(key, slot.rejection);
            }
        });
        return rejected;
    }

    private Slot slotOf(@Nullable Slot known, LogEntry logged) {
        return logged.entry() == null ? Slot.absent(logged.revision()) : put(known, logged.entry(), logged.revision());
    }

    /** The slot after a put: the same one if nothing is new, the last good entry if the new one cannot be read. */
    private Slot put(@Nullable Slot known, ConfigEntry entry, long revision) {
        if (known != null && known.rejection == null && entry.equals(known.entry)) {
            return known;
        }
        String defect = codecs.defect(entry);
        if (defect == null) {
            return new Slot(compact(entry), revision, null);
        }
        observer.rejected(namespace, entry.key());
        return new Slot(entryOf(known), revision, defect);
    }

    /** The same entry without the copies of recurring texts that come with every row. */
    private ConfigEntry compact(ConfigEntry entry) {
        return new ConfigEntry(
                namespace,
                entry.key(),
                entry.value(),
                intern(entry.codec()),
                entry.type(),
                entry.version(),
                entry.revision(),
                entry.createdAt(),
                entry.updatedAt().equals(entry.createdAt()) ? entry.createdAt() : entry.updatedAt(),
                entry.expiresAt(),
                entry.author() == null ? null : intern(entry.author()));
    }

    private String intern(String text) {
        if (interned.size() > 1_000) {
            interned.clear();
        }
        String known = interned.putIfAbsent(text, text);
        return known == null ? text : known;
    }

    private Cache<String, Slot> newCache() {
        return Caffeine.newBuilder()
                .maximumSize(bound)
                .executor(Runnable::run)
                .<String, Slot>removalListener((key, slot, cause) -> {
                    if (cause == RemovalCause.SIZE) {
                        evictions.increment();
                    }
                })
                .build();
    }

    private @Nullable ConfigChangeSet changeSet(long revision, boolean resync, List<ConfigChange> changes) {
        if (changes.isEmpty()) {
            return null;
        }
        changes.sort(Comparator.comparing(ConfigChange::key));
        return new ConfigChangeSet(namespace, revision, resync, changes);
    }

    private static void addChange(
            List<ConfigChange> changes, @Nullable ConfigEntry before, @Nullable ConfigEntry after) {
        boolean same = Objects.equals(before, after)
                || (before != null
                        && after != null
                        && before.version() == after.version()
                        && before.sameContent(after));
        if (!same) {
            changes.add(ConfigChange.between(before, after));
        }
    }

    private static @Nullable ConfigEntry entryOf(@Nullable Slot slot) {
        return slot == null ? null : slot.entry;
    }
}
