// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigObserver;
import io.configmanager.LogEntry;
import io.configmanager.StoreException;
import io.configmanager.engine.NamespaceCache.Answers;
import io.configmanager.engine.NamespaceCache.ChangesOfKeys;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.Position;
import io.configmanager.store.Snapshot;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The one gate into the cache. Whoever brings news (the feed, a snapshot, an own write, a read on purpose), it is taken
 * here, under one lock, by one rule: a key moves only forward in revision. Does no I/O and runs no foreign code.
 *
 * <p>{@code applied} is the revision up to which the feed has been applied. It is what makes tombstones unnecessary: for a
 * namespace held whole, a key that is not there did not exist at {@code applied}, so older news of it is refused without
 * remembering anything about it.
 *
 * <p>Revisions can be compared only within one history. When history was replaced, a new {@code epoch} begins: answers that
 * were asked for in an earlier epoch are dropped.
 */
final class Reconciler {

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition advanced = lock.newCondition();
    private final Map<String, NamespaceCache> caches = new ConcurrentHashMap<>();
    private final Set<NamespaceCache> aheadOfFeed = new HashSet<>();
    private final LongAdder evictions = new LongAdder();
    private final Codecs codecs;
    private final int bound;
    private final ConfigObserver observer;
    private volatile long applied;

    /** Odd while one history is being replaced by another. */
    private volatile long replacements;

    private long epoch;
    private long jumps;

    /** How many namespaces callers have loaded. */
    private long loads;

    /** Positions from which namespaces were loaded ahead of the feed; in order, so that a run of the model can be replayed. */
    private final Set<Position> unproved = new LinkedHashSet<>();

    private boolean closed;

    /** What held when a read or write began; tells afterwards whether its result still counts. */
    record Ticket(long epoch, long jumps, long loads, long applied) {}

    /** What a namespace holds, and in which epoch. */
    record Start(CacheState state, long epoch) {}

    /** What the loaded namespaces hold, all of it the fold of the history up to one revision. */
    record Held(long epoch, Map<String, CacheState> states) {}

    /** How a snapshot relates to what was applied before. */
    enum Jump {
        /** It only adds namespaces; the feed goes on from where it was. */
        NONE,
        /** The feed goes on from the snapshot; revisions before and after can be compared. */
        SAME_HISTORY,
        /** The feed goes on from the snapshot, which belongs to another history. */
        NEW_HISTORY
    }

    Reconciler(Codecs codecs, int bound, ConfigObserver observer) {
        this.codecs = codecs;
        this.bound = bound;
        this.observer = observer;
    }

    /** A cache that holds nothing and is not active yet. */
    NamespaceCache newCache(String namespace) {
        return new NamespaceCache(namespace, codecs, bound, evictions, observer, () -> epoch);
    }

    /** From now on the watch keeps this cache up to date. */
    void activate(NamespaceCache cache) {
        caches.putIfAbsent(cache.namespace(), cache);
    }

    Collection<NamespaceCache> active() {
        return caches.values();
    }

    /** Names of active namespaces that have to be loaded, or loaded again. */
    Set<String> waitingForLoad() {
        return locked(() -> {
            Set<String> names = new HashSet<>();
            for (NamespaceCache cache : caches.values()) {
                if (cache.needsLoading()) {
                    names.add(cache.namespace());
                }
            }
            return names;
        });
    }

    /** Everything up to this revision has been applied. */
    long applied() {
        return applied;
    }

    /** Reads several things that must be of one history; without a lock unless history is being replaced just now. */
    <T> T inOneHistory(Supplier<T> read) {
        long before = replacements;
        T result = read.get();
        return before % 2 == 0 && before == replacements ? result : locked(read);
    }

    long evictions() {
        return evictions.sum();
    }

    Start start(NamespaceCache cache) {
        return locked(() -> new Start(cache.state(), epoch));
    }

    Ticket ticket() {
        return locked(() -> new Ticket(epoch, jumps, loads, applied));
    }

    Ticket startLoading(NamespaceCache cache) {
        return locked(() -> {
            cache.startLoading();
            return new Ticket(epoch, jumps, loads, applied);
        });
    }

    void stopLoading(NamespaceCache cache) {
        locked(() -> {
            cache.stopLoading();
            return null;
        });
    }

    /** Takes the first snapshot of a namespace; false if it cannot be joined with the feed and must be read again. */
    boolean finishLoading(NamespaceCache cache, Ticket ticket, Snapshot snapshot) {
        return locked(() -> {
            long revision = snapshot.position().revision();
            if (jumps != ticket.jumps() || revision < ticket.applied()) {
                return false;
            }
            if (cache.loadableByCaller()) {
                loads++;
                mustBeProved(snapshot);
                if (snapshot.oversized().contains(cache.namespace())) {
                    cache.loadOnDemand(Answers.NONE, revision, true);
                } else {
                    cache.load(snapshot.entries(), revision, true);
                }
                // The feed may have come up to answers that were learned before, and may not move again for long.
                cache.advanceTo(applied);
            }
            return true;
        });
    }

    /** Readers get nothing from a namespace that is not loaded, so that its first load is a change; false if it is. */
    boolean serveEmpty(NamespaceCache cache) {
        return locked(() -> {
            if (!cache.loaded()) {
                cache.servedEmpty();
            }
            return !cache.loaded();
        });
    }

    /** What the loaded namespaces hold; null unless all of them are exactly at this revision. */
    @Nullable
    Held held(long revision) {
        return locked(() -> {
            Map<String, CacheState> states = new HashMap<>();
            for (NamespaceCache cache : caches.values()) {
                CacheState state = cache.state();
                if (state.loaded) {
                    states.put(cache.namespace(), state);
                }
            }
            boolean exact =
                    applied == revision && states.values().stream().allMatch(state -> state.revision <= revision);
            return exact ? new Held(epoch, states) : null;
        });
    }

    /**
     * Takes what was known when an earlier process ended, while the store is away; false, and nothing has happened, if it is
     * there already. The first snapshot of the store replaces it, and the difference is told.
     */
    boolean serve(BootSnapshot boot, Function<String, NamespaceCache> cacheOf) {
        return locked(() -> {
            if (applied > 0) {
                return false;
            }
            long revision = boot.position().revision();
            boolean served = false;
            for (BootSnapshot.Held held : boot.namespaces()) {
                NamespaceCache cache = cacheOf.apply(held.name());
                caches.putIfAbsent(held.name(), cache);
                if (cache.loadableByCaller()) {
                    served = true;
                    if (held.whole()) {
                        cache.load(held.entries(), revision, true);
                    } else {
                        Set<String> keys = new HashSet<>();
                        held.entries().forEach(entry -> keys.add(entry.key()));
                        cache.loadOnDemand(new Answers(keys, held.entries()), revision, true);
                    }
                }
            }
            if (served) {
                unproved.add(boot.position());
            }
            return served;
        });
    }

    /**
     * Takes a snapshot of several namespaces and yields the difference.
     *
     * @param ticket from before the store was asked
     * @param covered the namespaces that were asked for
     * @param answers for namespaces that do not fit: what the store answered for their keys in memory
     * @return the difference; null, and nothing has happened, if a caller has loaded a namespace meanwhile, of which the feed
     *     would jump over changes, or which would go back
     * @throws StoreException if the snapshot is older than what was applied or read already
     */
    @Nullable
    List<ConfigChangeSet> load(
            Ticket ticket, Set<String> covered, Snapshot snapshot, Map<String, Answers> answers, Jump jump) {
        Map<String, List<ConfigEntry>> byNamespace = new HashMap<>();
        for (ConfigEntry entry : snapshot.entries()) {
            byNamespace
                    .computeIfAbsent(entry.namespace(), name -> new ArrayList<>())
                    .add(entry);
        }
        return locked(() -> {
            long revision = snapshot.position().revision();
            boolean sameHistory = jump != Jump.NEW_HISTORY;
            if (sameHistory
                    && (revision < applied
                            || caches.values().stream().anyMatch(cache -> cache.hasReadAheadOf(revision)))) {
                throw new StoreException(
                        "The store answered with revision " + revision + ", older than revision " + applied
                                + ", which it had announced, or than an earlier answer: is it a replica?",
                        true,
                        null);
            }
            if (!sameHistory && loads != ticket.loads()) {
                return null;
            }
            if (jump != Jump.NONE) {
                for (NamespaceCache cache : caches.values()) {
                    boolean reached = sameHistory && cache.state().revision >= revision;
                    if (cache.loaded() && !covered.contains(cache.namespace()) && !reached) {
                        return null;
                    }
                }
            }
            if (!sameHistory) {
                replacements = replacements | 1;
                epoch++;
            }
            List<ConfigChangeSet> differences = new ArrayList<>();
            for (NamespaceCache cache : caches.values()) {
                String name = cache.namespace();
                if (snapshot.oversized().contains(name)) {
                    addIfAny(
                            differences,
                            cache.loadOnDemand(answers.getOrDefault(name, Answers.NONE), revision, sameHistory));
                } else if (covered.contains(name)) {
                    addIfAny(differences, cache.load(byNamespace.getOrDefault(name, List.of()), revision, sameHistory));
                } else if (!sameHistory) {
                    cache.forgetOwn();
                }
            }
            if (jump == Jump.NONE) {
                mustBeProved(snapshot);
            } else {
                jumps++;
                if (!sameHistory) {
                    unproved.clear();
                }
                // The snapshot has replaced what was loaded from them.
                unproved.removeIf(position -> position.revision() <= revision);
                moveTo(revision);
            }
            if (!sameHistory) {
                replacements = (replacements | 1) + 1;
            }
            return differences;
        });
    }

    /**
     * Positions up to a revision from which namespaces were loaded ahead of the feed. History may be replaced between the
     * feed's position and such a one, which the feed cannot see if its own still stands: so they have to be proved before
     * the feed passes them.
     */
    List<Position> unproved(long upTo) {
        return locked(() -> unproved.stream()
                .filter(position -> position.revision() <= upTo)
                .toList());
    }

    /** The position belongs to the history that the feed follows. */
    void proved(Position position) {
        locked(() -> unproved.remove(position));
    }

    private void mustBeProved(Snapshot snapshot) {
        if (snapshot.position().revision() > applied) {
            unproved.add(snapshot.position());
        }
    }

    /** Applies one change set of the feed: whole, or not at all if it is old news. */
    List<ConfigChangeSet> apply(ChangeSet changeSet) {
        Map<String, Map<String, LogEntry>> byNamespace = new LinkedHashMap<>();
        for (LogEntry change : changeSet.changes()) {
            byNamespace
                    .computeIfAbsent(change.namespace(), name -> new HashMap<>())
                    .put(change.key(), change);
        }
        return locked(() -> {
            if (changeSet.revision() <= applied) {
                return List.of();
            }
            List<ConfigChangeSet> seen = new ArrayList<>();
            byNamespace.forEach((name, changes) -> {
                NamespaceCache cache = caches.get(name);
                if (cache != null) {
                    addIfAny(seen, cache.apply(new ChangesOfKeys(changeSet.revision(), changes)));
                }
            });
            moveTo(changeSet.revision());
            return seen;
        });
    }

    /** Everything up to this revision has been delivered. */
    void advanceTo(long revision) {
        locked(() -> {
            if (revision > applied) {
                moveTo(revision);
            }
            return null;
        });
    }

    /**
     * Takes the store's answer about one key. Older news than is held has no effect.
     *
     * @param ticket from before the store was asked
     * @param revision the answer holds everything up to here
     * @return false if the namespace has changed after the answer, which is then of no use to the cache
     */
    boolean learn(Ticket ticket, String namespace, String key, @Nullable ConfigEntry entry, long revision) {
        return learn(ticket, namespace, Collections.singletonMap(key, entry), revision);
    }

    /** Takes the store's confirmation of a commit, whole. Older news than is held has no effect. */
    void learn(Ticket ticket, List<LogEntry> changes, long revision) {
        Map<String, Map<String, @Nullable ConfigEntry>> byNamespace = new HashMap<>();
        for (LogEntry change : changes) {
            byNamespace
                    .computeIfAbsent(change.namespace(), name -> new HashMap<>())
                    .put(change.key(), change.entry());
        }
        byNamespace.forEach((namespace, answers) -> learn(ticket, namespace, answers, revision));
    }

    private boolean learn(Ticket ticket, String namespace, Map<String, @Nullable ConfigEntry> answers, long revision) {
        return locked(() -> {
            if (ticket.epoch() != epoch) {
                return false;
            }
            NamespaceCache cache = caches.get(namespace);
            if (cache == null) {
                return true;
            }
            boolean learned = cache.learn(answers, revision, applied);
            if (!cache.state().own().isEmpty()) {
                aheadOfFeed.add(cache);
            }
            return learned;
        });
    }

    /** Readers of this instance see the write that waits in the outbox, or, if null, no such write any more. */
    void pending(NamespaceCache cache, String key, @Nullable Slot slot) {
        locked(() -> {
            cache.pending(key, slot);
            return null;
        });
    }

    /** Waits until the revision is applied; false if that takes longer, or this is closed meanwhile. */
    boolean await(long revision, Duration timeout) throws InterruptedException {
        if (applied >= revision) {
            return true;
        }
        long left = TimeUnit.NANOSECONDS.convert(timeout);
        lock.lock();
        try {
            while (applied < revision) {
                if (left <= 0 || closed) {
                    return false;
                }
                left = advanced.awaitNanos(left);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Releases every waiter. */
    void close() {
        locked(() -> {
            closed = true;
            advanced.signalAll();
            return null;
        });
    }

    private void moveTo(long revision) {
        applied = revision;
        if (!aheadOfFeed.isEmpty()) {
            aheadOfFeed.forEach(cache -> cache.advanceTo(revision));
            aheadOfFeed.removeIf(cache -> cache.state().own().isEmpty());
        }
        advanced.signalAll();
    }

    private <T extends @Nullable Object> T locked(Supplier<T> action) {
        lock.lock();
        try {
            return action.get();
        } finally {
            lock.unlock();
        }
    }

    private static void addIfAny(List<ConfigChangeSet> all, @Nullable ConfigChangeSet one) {
        if (one != null) {
            all.add(one);
        }
    }
}
