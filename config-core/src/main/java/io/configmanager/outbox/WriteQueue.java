// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import io.configmanager.QueuedWrite.State;
import io.configmanager.outbox.Queued.Done;
import io.configmanager.outbox.Queued.Item;
import io.configmanager.outbox.Queued.Name;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The writes that the outbox holds, and how those of one key depend on each other: each is based on the result of the one
 * before, which takes its place only when it was applied. Not safe for several threads; does no I/O.
 */
final class WriteQueue {

    private static final String BROKEN_CHAIN = "an earlier queued write of the key was not applied";

    private final NavigableMap<Long, Queued> all = new TreeMap<>();
    private final Map<Name, NavigableSet<Long>> pending = new HashMap<>();
    private final Map<Long, Integer> sizes = new HashMap<>();
    private long bytes;

    /** Everything, oldest first. */
    Collection<Queued> all() {
        return all.values();
    }

    @Nullable
    Queued get(long sequence) {
        return all.get(sequence);
    }

    @Nullable
    Queued find(UUID id) {
        return all.values().stream()
                .filter(each -> each.id().equals(id))
                .findFirst()
                .orElse(null);
    }

    int size() {
        return all.size();
    }

    /** The size on disk of what is held, as far as it was told. */
    long bytes() {
        return bytes;
    }

    boolean isPending(Name name) {
        return pending.containsKey(name);
    }

    /** The last pending write of a key but for some; null if there is none. */
    @Nullable
    Queued lastPending(Name name, Set<Long> butFor) {
        NavigableSet<Long> sequences = pending.get(name);
        if (sequences != null) {
            for (Long sequence : sequences.descendingSet()) {
                if (!butFor.contains(sequence)) {
                    return all.get(sequence);
                }
            }
        }
        return null;
    }

    static Item item(Queued write, Name name) {
        for (Item item : write.items()) {
            if (item.name().equals(name)) {
                return item;
            }
        }
        throw new IllegalArgumentException("Not a key of write " + write.sequence());
    }

    void add(Queued write, int size) {
        put(write);
        sizes.put(write.sequence(), size);
        bytes += size;
    }

    /**
     * A write is finished.
     *
     * @return the new state of those that were based on it, which are conflicts if it was not applied
     */
    List<Queued> done(long sequence, Done done) {
        List<Queued> changed = new ArrayList<>();
        Queued write = remove(sequence);
        if (write != null) {
            for (Item item : write.items()) {
                follow(item, sequence, done.versionOf(item), changed);
            }
        }
        return changed;
    }

    /**
     * A write waits for somebody to decide.
     *
     * @return it, and those that were based on it, which are conflicts
     */
    List<Queued> park(long sequence, State state, String reason) {
        List<Queued> changed = new ArrayList<>();
        park(sequence, state, reason, changed);
        return changed;
    }

    private void park(long sequence, State state, String reason, List<Queued> changed) {
        Queued write = all.get(sequence);
        if (write == null || !write.pending()) {
            return;
        }
        // What it waited for will not come; whoever tries it again does so as if it had.
        Queued now = write.with(item -> item.expecting(item.expected(), null)).parked(state, reason);
        notPending(write);
        all.put(sequence, now);
        changed.add(now);
        for (Item item : write.items()) {
            follow(item, sequence, null, changed);
        }
    }

    private void follow(Item item, long sequence, @Nullable Long version, List<Queued> changed) {
        Queued next = next(item.name(), sequence);
        if (next == null || !Objects.equals(item(next, item.name()).after(), sequence)) {
            return;
        }
        if (version == null) {
            park(next.sequence(), State.CONFLICT, BROKEN_CHAIN, changed);
        } else {
            Queued now = next.with(other -> other.name().equals(item.name()) ? other.expecting(version, null) : other);
            put(now);
            changed.add(now);
        }
    }

    /**
     * Takes what was read from disk.
     *
     * @param states the newest state of each write that may not be finished
     * @param finished what is known of finished ones
     * @return the new state of those whose base is finished, which are conflicts if it is neither here nor known
     */
    List<Queued> recover(Map<Long, Queued> states, Map<Long, Done> finished, Map<Long, Integer> newSizes) {
        NavigableMap<Long, Queued> live = new TreeMap<>(states);
        Map<Long, Done> outcomes = new HashMap<>(finished);
        states.values().forEach(write -> {
            if (write.replaces() != null) {
                outcomes.putIfAbsent(write.replaces(), Done.NOT_APPLIED);
            }
        });
        live.keySet().removeAll(outcomes.keySet());
        live.values().forEach(write -> add(write, newSizes.getOrDefault(write.sequence(), 0)));
        List<Queued> changed = new ArrayList<>();
        for (Long sequence : List.copyOf(live.keySet())) {
            for (Item item : Objects.requireNonNull(all.get(sequence)).items()) {
                Long after = item.after();
                Queued before = after == null ? null : all.get(after);
                if (after == null || (before != null && before.pending())) {
                    continue;
                }
                Done outcome = outcomes.getOrDefault(after, Done.NOT_APPLIED);
                Queued now = all.get(sequence);
                Long version = before == null ? outcome.versionOf(item) : null;
                if (version == null) {
                    park(sequence, State.CONFLICT, BROKEN_CHAIN, changed);
                } else if (now != null && now.pending()) {
                    Queued based = now.with(
                            other -> other.name().equals(item.name()) ? other.expecting(version, null) : other);
                    put(based);
                    changed.add(based);
                }
            }
        }
        return changed;
    }

    private void put(Queued write) {
        all.put(write.sequence(), write);
        if (write.pending()) {
            write.items()
                    .forEach(item -> pending.computeIfAbsent(item.name(), name -> new TreeSet<>())
                            .add(write.sequence()));
        }
    }

    private @Nullable Queued remove(long sequence) {
        Queued write = all.remove(sequence);
        if (write != null) {
            notPending(write);
            Integer size = sizes.remove(sequence);
            bytes -= size == null ? 0 : size;
        }
        return write;
    }

    private void notPending(Queued write) {
        for (Item item : write.items()) {
            pending.computeIfPresent(item.name(), (name, sequences) -> {
                sequences.remove(write.sequence());
                return sequences.isEmpty() ? null : sequences;
            });
        }
    }

    /** The next pending write of a key after another; null if there is none. */
    private @Nullable Queued next(Name name, long sequence) {
        NavigableSet<Long> sequences = pending.get(name);
        Long next = sequences == null ? null : sequences.higher(sequence);
        return next == null ? null : all.get(next);
    }
}
