// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigListener;
import io.configmanager.ConfigObserver;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way of one listener: change sets wait here in order, and are handed over one at a time on the executor. A listener
 * that falls far behind gets the waiting sets merged by key, so the memory it costs is bounded by the number of keys.
 *
 * <p>Nothing that a listener throws may end its lane, not even what it did not declare.
 */
final class Lane implements Subscriber {

    /** Above this many waiting change sets, all are merged into one: rarely, because each time costs all their keys. */
    static final int LONGEST_QUEUE = 64;

    private static final Logger log = LoggerFactory.getLogger(Lane.class);

    private final ConfigFilter filter;
    private final ConfigListener listener;
    private final Executor executor;
    private final ConfigObserver observer;
    private final LongAdder coalesced;
    private final LongSupplier nanoTime;
    private final Reader reader;
    private final BooleanSupplier partial;
    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private @Nullable Waiting running;
    private boolean scheduled;
    private boolean saidSlow;
    private volatile boolean closed;

    /** Every change up to here was offered, or was before this. */
    private long seenEpoch;

    private long seenUpTo;

    private record Waiting(ConfigChangeSet changes, long since) {}

    /** Reads all that the filter means, as far as it is good, as the first change of an empty namespace. */
    @FunctionalInterface
    interface Reader {
        ConfigChangeSet read(ConfigFilter filter);
    }

    /** @param partial whether keys may exist that are not in memory, whose changes are told as inserts */
    Lane(
            ConfigFilter filter,
            ConfigListener listener,
            Executor executor,
            ConfigObserver observer,
            LongAdder coalesced,
            LongSupplier nanoTime,
            Reader reader,
            BooleanSupplier partial) {
        this.filter = filter;
        this.listener = listener;
        this.executor = executor;
        this.observer = observer;
        this.coalesced = coalesced;
        this.nanoTime = nanoTime;
        this.reader = reader;
        this.partial = partial;
    }

    /** Every change up to here was before this. */
    Lane after(long epoch, long revision) {
        seenEpoch = epoch;
        seenUpTo = revision;
        return this;
    }

    @Override
    public ConfigFilter filter() {
        return filter;
    }

    @Override
    public void offer(ConfigChangeSet changes) {
        ConfigChangeSet part = changes.filter(filter).orElse(null);
        if (part == null || closed) {
            return;
        }
        synchronized (waiting) {
            if (!part.resync()) {
                seenEpoch = part.epoch();
                seenUpTo = part.revision();
            }
            waiting.addLast(new Waiting(part, nanoTime.getAsLong()));
            if (waiting.size() > LONGEST_QUEUE) {
                merge();
            }
            if (scheduled) {
                return;
            }
            scheduled = true;
        }
        try {
            executor.execute(this::drain);
        } catch (RejectedExecutionException e) {
            close(null);
        } catch (RuntimeException | Error e) {
            // Such as no memory for a thread: what waits goes with the next change set.
            idle();
            log.error("Listener {} cannot be run now", name(), e);
        }
    }

    /** What is not in memory tells by its revision whether it has changed; nothing tells of what is not there any more. */
    @Override
    public void reload(@Nullable Set<String> compared) {
        if (closed) {
            return;
        }
        ConfigChangeSet all = reader.read(filter);
        List<ConfigChange> changes = new ArrayList<>();
        if (compared != null) {
            for (ConfigChange change : all.changes()) {
                ConfigEntry entry = change.after();
                if (entry == null || compared.contains(change.key())) {
                    continue;
                }
                boolean news = all.epoch() > seenEpoch || entry.revision() > seenUpTo;
                // What is newer still comes by the feed.
                if (news && entry.revision() <= all.revision()) {
                    changes.add(change);
                }
            }
        }
        if (!changes.isEmpty()) {
            offer(new ConfigChangeSet(all.namespace(), all.epoch(), all.revision(), true, changes));
        }
        synchronized (waiting) {
            after(all.epoch(), all.revision());
        }
    }

    @Override
    public void close(@Nullable String reason) {
        closed = true;
    }

    @Override
    public @Nullable Long waitingSince() {
        synchronized (waiting) {
            Waiting oldest = running != null ? running : waiting.peekFirst();
            return oldest == null ? null : oldest.since;
        }
    }

    private void idle() {
        synchronized (waiting) {
            scheduled = false;
        }
    }

    private void drain() {
        for (ConfigChangeSet next = take(); next != null; next = take()) {
            try {
                listener.onChange(next);
            } catch (Throwable e) {
                observer.listenerFailed();
                log.error(
                        "Listener {} failed at revision {} of namespace '{}'",
                        name(),
                        next.revision(),
                        next.namespace(),
                        e);
            }
        }
    }

    private @Nullable ConfigChangeSet take() {
        synchronized (waiting) {
            if (closed) {
                waiting.clear();
            }
            running = waiting.pollFirst();
            scheduled = running != null;
            saidSlow &= scheduled;
            return running == null ? null : running.changes;
        }
    }

    private void merge() {
        Map<String, ConfigChange> byKey = new TreeMap<>();
        boolean resync = false;
        for (Waiting one : waiting) {
            resync |= one.changes.resync();
            one.changes.changes().forEach(change -> byKey.merge(change.key(), change, this::merged));
        }
        ConfigChangeSet newest = waiting.getLast().changes;
        long since = waiting.getFirst().since;
        coalesced.add(waiting.size());
        waiting.clear();
        if (!byKey.isEmpty()) {
            ConfigChangeSet all = new ConfigChangeSet(
                    newest.namespace(), newest.epoch(), newest.revision(), resync, new ArrayList<>(byKey.values()));
            waiting.addLast(new Waiting(all, since));
        }
        if (!saidSlow) {
            saidSlow = true;
            log.warn(
                    "Listener {} is slow: changes of namespace '{}' are merged by key until it has caught up",
                    name(),
                    newest.namespace());
        }
    }

    /** Two changes of a key as one; null if nothing is left of them. */
    private @Nullable ConfigChange merged(ConfigChange earlier, ConfigChange later) {
        if (earlier.before() != null || later.after() != null) {
            return ConfigChange.between(earlier.before(), later.after());
        }
        // Where not all is in memory nobody knows whether the earlier insert was one.
        return later.before() == null || partial.getAsBoolean() ? later : null;
    }

    private String name() {
        return listener.getClass().getName();
    }
}
