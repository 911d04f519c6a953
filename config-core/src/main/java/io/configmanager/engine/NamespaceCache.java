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
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What one namespace holds in memory. Readers take no lock; everything that changes it is called by the
 * {@link Reconciler} under its lock, and every change passes the same test: only news of a higher revision counts.
 *
 * <p>A namespace is unloaded until its first snapshot. It is then held whole, or, if it is larger than the bound, on
 * demand in a Caffeine cache of that size, where absence is remembered like a value.
 */
final class NamespaceCache {

    /** Answers ahead of the feed that are kept of a namespace on demand: each further one costs a copy of them all. */
    private static final int MOST_AHEAD = 10_000;

    private final String namespace;
    private final Codecs codecs;
    private final int bound;
    private final LongAdder evictions;
    private final ConfigObserver observer;
    private final LongSupplier epoch;
    private final ReentrantLock loading = new ReentrantLock();
    private final Map<String, String> interned = new HashMap<>();

    private volatile CacheState state = CacheState.UNLOADED;

    /** Change sets that arrive while a snapshot is being read by a caller; null when none is. */
    private @Nullable List<ChangesOfKeys> arrived;

    private volatile boolean servedEmpty;

    /** The last change of each key at one revision. */
    record ChangesOfKeys(long revision, Map<String, LogEntry> changes) {}

    NamespaceCache(
            String namespace,
            Codecs codecs,
            int bound,
            LongAdder evictions,
            ConfigObserver observer,
            LongSupplier epoch) {
        this.namespace = namespace;
        this.codecs = codecs;
        this.bound = bound;
        this.evictions = evictions;
        this.observer = observer;
        this.epoch = epoch;
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
        return !loaded() && arrived == null;
    }

    /** Readers were told that nothing exists, because the store was away: the first load is a change for them. */
    void servedEmpty() {
        servedEmpty = true;
    }

    /** Whether a caller may load this: nobody has seen it yet, so its first load is no change to tell of. */
    boolean loadableByCaller() {
        return !loaded() && !servedEmpty;
    }

    /** Drops answers of another history; for a namespace that is not loaded and so holds nothing else. */
    void forgetOwn() {
        state = state.unloaded();
    }

    /** Whether a snapshot of the same history would take this back to an earlier state. */
    private boolean isAheadOf(long revision, boolean sameHistory) {
        return sameHistory && loaded() && revision < state.revision;
    }

    /**
     * Whether a key on demand would go back: those are read one by one after the snapshot that told that they do not fit, so
     * that they may be ahead of it.
     */
    boolean hasReadAheadOf(long revision) {
        CacheState now = state;
        return now.onDemand != null
                && now.onDemand.asMap().values().stream().anyMatch(slot -> slot.revision > revision);
    }

    /** Keeps change sets from now on until the snapshot comes, so that none falls between it and the feed. */
    void startLoading() {
        arrived = new ArrayList<>();
    }

    void stopLoading() {
        arrived = null;
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
        if (isAheadOf(revision, sameHistory)) {
            return null;
        }
        Map<String, Slot> slots = new HashMap<>(entries.size() * 4 / 3 + 1);
        List<ConfigChange> changes = new ArrayList<>();
        for (ConfigEntry entry : entries) {
            Slot known = before.committed(entry.key());
            Slot slot = ofThisHistory(put(before, known, entry, entry.revision(), revision), sameHistory);
            slots.put(entry.key(), slot);
            addChange(changes, entryOf(known), slot.entry);
        }
        before.forEachCommitted((key, slot) -> {
            if (!slots.containsKey(key)) {
                addChange(changes, before, key, slot, Slot.absent(revision));
            }
        });
        state = before.replacedBy(revision, slots, sameHistory ? before.own() : Map.of());
        return loaded(before, revision, sameHistory, changes);
    }

    /** Keys in memory, which a resync on demand must read again. */
    Set<String> keysInMemory() {
        Set<String> keys = new HashSet<>();
        state.forEachCommitted((key, slot) -> keys.add(key));
        return keys;
    }

    /**
     * Replaces what is held by what the store answered for some keys, because the namespace does not fit. A key that it
     * was not asked for is not in memory afterwards.
     *
     * @param answers what the store answered, read after the snapshot that told that the namespace does not fit
     * @param revision the revision of that snapshot
     * @param sameHistory whether revisions from before can be compared with it
     */
    @Nullable
    ConfigChangeSet loadOnDemand(Answers answers, long revision, boolean sameHistory) {
        CacheState before = state;
        if (isAheadOf(revision, sameHistory)) {
            return null;
        }
        Map<String, ConfigEntry> found = new HashMap<>();
        answers.found().forEach(entry -> found.put(entry.key(), entry));
        Cache<String, Slot> after = newCache();
        List<ConfigChange> changes = new ArrayList<>();
        for (String key : answers.keys()) {
            Slot known = before.committed(key);
            ConfigEntry entry = found.get(key);
            long good = entry == null ? revision : Math.max(revision, entry.revision());
            Slot slot = entry == null
                    ? Slot.absent(good)
                    : ofThisHistory(put(before, known, entry, good, good), sameHistory);
            after.put(key, slot);
            addChange(changes, before, key, known, slot);
        }
        state = before.replacedOnDemand(revision, after, sameHistory ? before.own() : Map.of());
        return loaded(before, revision, sameHistory, changes);
    }

    /** What the store answered when it was asked for some keys: those that exist. */
    record Answers(Set<String> keys, List<ConfigEntry> found) {

        static final Answers NONE = new Answers(Set.of(), List.of());
    }

    private @Nullable ConfigChangeSet loaded(
            CacheState before, long revision, boolean sameHistory, List<ConfigChange> changes) {
        List<ChangesOfKeys> late = arrived == null || !sameHistory ? List.of() : arrived;
        arrived = null;
        late.forEach(this::apply);
        return before.loaded || servedEmpty ? changeSet(revision, true, changes) : null;
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
        return before.onDemand == null ? applyWhole(before, changed) : applyOnDemand(before, before.onDemand, changed);
    }

    private @Nullable ConfigChangeSet applyWhole(CacheState before, ChangesOfKeys changed) {
        Map<String, Slot> slots = new HashMap<>();
        List<ConfigChange> changes = new ArrayList<>();
        changed.changes().forEach((key, logged) -> {
            Slot known = before.committed(key);
            Slot slot = slotOf(before, known, logged);
            slots.put(key, slot);
            addChange(changes, entryOf(known), slot.entry);
        });
        CacheState after = before.with(changed.revision(), slots);
        if (after.size() > bound) {
            Cache<String, Slot> cache = newCache();
            after.forEachCommitted(cache::put);
            after = after.replacedOnDemand(changed.revision(), cache, after.own());
        }
        state = after;
        return changeSet(changed.revision(), false, changes);
    }

    private @Nullable ConfigChangeSet applyOnDemand(
            CacheState before, Cache<String, Slot> cache, ChangesOfKeys changed) {
        List<ConfigChange> changes = new ArrayList<>();
        Map<String, Slot> own = new HashMap<>(before.own());
        changed.changes().forEach((key, logged) -> {
            Slot known = cache.getIfPresent(key);
            if (known != null && known.revision >= changed.revision()) {
                return;
            }
            Slot slot = slotOf(before, known, logged);
            Slot ahead = own.get(key);
            if (known != null || (ahead != null && ahead.revision <= changed.revision())) {
                cache.put(key, slot);
            }
            if (ahead != null && ahead.revision <= changed.revision()) {
                own.remove(key);
            }
            if (known != null && !lastGoodIsUnknown(before, known) && !isExpiryOfAbsent(logged, known)) {
                addChange(changes, known.entry, slot.entry);
            } else if (slot.rejection == null) {
                // What is not in memory may still be listened to; what it was before is not known.
                ConfigChange.Kind kind = slot.entry == null ? ConfigChange.Kind.DELETE : ConfigChange.Kind.INSERT;
                changes.add(new ConfigChange(kind, key, null, slot.entry));
            }
        });
        keepCommitted(cache, own, changed.revision());
        state = before.replacedOnDemand(changed.revision(), cache, own);
        return changeSet(changed.revision(), false, changes);
    }

    /**
     * Takes the store's answer about some keys, from an own write or a read, unless newer is held.
     *
     * @param answers what exists of the keys, null for what does not
     * @param revision the answer holds everything up to here
     * @param applied the feed has been applied up to here
     * @return false if this namespace has changed after the answer, so that the answer may be old
     */
    boolean learn(Map<String, @Nullable ConfigEntry> answers, long revision, long applied) {
        CacheState before = state;
        if (before.loaded && revision < before.revision) {
            return false;
        }
        boolean ahead = !before.loaded || revision > Math.max(applied, before.revision);
        Map<String, Slot> own = new HashMap<>();
        answers.forEach((key, entry) -> {
            Slot known = before.known(key);
            if (known != null && known.revision >= revision) {
                return;
            }
            Slot slot = entry == null ? Slot.absent(revision) : put(before, known, entry, revision, revision);
            if (slot == known) {
                return;
            }
            if (ahead) {
                // What is asked for again is read again, and is not older then.
                if (before.onDemand == null || known != null || before.own().size() < Math.min(bound, MOST_AHEAD)) {
                    own.put(key, slot);
                }
            } else if (before.onDemand != null && before.committed(key) == null) {
                before.onDemand.put(key, slot);
            }
        });
        if (!own.isEmpty()) {
            state = before.withOwn(own);
        }
        return true;
    }

    /** The outbox holds a write of a key, or, if null, holds none any more. */
    void pending(String key, @Nullable Slot slot) {
        state = state.withPending(key, slot);
    }

    /** Everything up to this revision has been applied. */
    void advanceTo(long revision) {
        CacheState before = state;
        if (before.loaded) {
            if (before.onDemand != null) {
                keepCommitted(before.onDemand, before.own(), revision);
            }
            state = before.withoutOwn(revision);
        }
    }

    /** Answers that the feed has come up to, and that it did not change, are now what is committed. */
    private static void keepCommitted(Cache<String, Slot> cache, Map<String, Slot> own, long revision) {
        own.forEach((key, slot) -> {
            Slot known = cache.getIfPresent(key);
            if (slot.revision <= revision && known == null) {
                cache.put(key, slot);
            }
        });
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

    private Slot slotOf(CacheState before, @Nullable Slot known, LogEntry logged) {
        return logged.entry() == null
                ? Slot.absent(logged.revision())
                : put(before, known, logged.entry(), logged.revision(), logged.revision());
    }

    /**
     * The slot after a put: the same one if nothing is new, the last good entry if the new one cannot be read.
     *
     * @param revision the revision of the slot
     * @param upTo the entry is the truth up to here
     */
    private Slot put(CacheState before, @Nullable Slot known, ConfigEntry entry, long revision, long upTo) {
        if (known != null && known.rejection == null && known.revision <= upTo && entry.equals(known.entry)) {
            return known;
        }
        String defect = codecs.defect(entry);
        if (defect == null) {
            return new Slot(compact(entry), revision, null);
        }
        observer.rejected(namespace, entry.key());
        Slot read = before.own().get(entry.key());
        return new Slot(entryOf(read != null && read.revision <= upTo ? read : known), revision, defect);
    }

    /** What was good in another history is not the last good value of this one, and its version says nothing here. */
    private static Slot ofThisHistory(Slot slot, boolean sameHistory) {
        return sameHistory || slot.rejection == null ? slot : new Slot(null, slot.revision, slot.rejection);
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
        return new ConfigChangeSet(namespace, epoch.getAsLong(), revision, resync, changes);
    }

    /** On demand, an entry that cannot be used may have been read without the good one that was told of before it. */
    private static boolean lastGoodIsUnknown(CacheState before, @Nullable Slot known) {
        return before.onDemand != null && known != null && known.entry == null && known.rejection != null;
    }

    /** It was read as absent because its time was over. */
    private static boolean isExpiryOfAbsent(LogEntry logged, Slot known) {
        return known.entry == null && logged.kind() == LogEntry.Kind.EXPIRE;
    }

    private static void addChange(
            List<ConfigChange> changes, CacheState before, String key, @Nullable Slot known, Slot after) {
        if (after.empty() && lastGoodIsUnknown(before, known)) {
            changes.add(new ConfigChange(ConfigChange.Kind.DELETE, key, null, null));
        } else {
            addChange(changes, entryOf(known), after.entry);
        }
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
