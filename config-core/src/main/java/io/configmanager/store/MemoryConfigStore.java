// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.FleetStatus;
import io.configmanager.InvalidConfigException;
import io.configmanager.LogEntry;
import io.configmanager.Page;
import io.configmanager.StoreException;
import io.configmanager.store.Cursors.Kind;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The reference implementation: everything in memory, for tests, demonstrations, and as the shortest answer to what a
 * store must do. Several handles may share the same data, as several processes share a database.
 *
 * <p>A position carries the lineage and the random id of its revision; text that is no such position is a
 * {@link PositionLostException}, like a position of another history. The outcomes of the newest 10,000 commits are
 * remembered for repeated calls.
 *
 * <p>The methods below <em>faults</em> are for tests: they let an application try what happens when its store fails.
 */
public final class MemoryConfigStore implements ConfigStore {

    private static final int RETAINED_REVISIONS = 10_000;

    private final MemoryData data;
    private boolean available = true;
    private boolean closed;

    /** An empty store on the system clock that keeps the newest 10,000 revisions. */
    public MemoryConfigStore() {
        this(InstantSource.system());
    }

    /** An empty store on this clock that keeps the newest 10,000 revisions. */
    public MemoryConfigStore(InstantSource clock) {
        this(clock, RETAINED_REVISIONS);
    }

    /** An empty store on this clock whose {@link #maintain()} keeps this many of the newest revisions. */
    public MemoryConfigStore(InstantSource clock, int retainedRevisions) {
        this(new MemoryData(clock, requireRetention(retainedRevisions)));
    }

    private MemoryConfigStore(MemoryData data) {
        this.data = data;
    }

    /** Another handle on the same data, as a second process has; open and available whatever this one is. */
    public MemoryConfigStore another() {
        return new MemoryConfigStore(data);
    }

    @Override
    public String description() {
        return "memory";
    }

    @Override
    public Lookup get(String namespace, String key) {
        return locked(() -> {
            Instant now = data.now();
            return new Lookup(data.live(namespace, key, now), data.head(), now);
        });
    }

    @Override
    public Page<ConfigEntry> list(String namespace, ConfigFilter filter, int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        String after = cursor == null ? "" : Cursors.read(Kind.ENTRIES, cursor);
        List<ConfigEntry> rows = locked(() -> liveEntries(namespace, after, filter, limit + 1L));
        return Cursors.page(Kind.ENTRIES, rows, limit, ConfigEntry::key);
    }

    @Override
    public Page<String> namespaces(int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        String after = cursor == null ? null : Cursors.read(Kind.NAMESPACES, cursor);
        List<String> rows = locked(() -> data.keys.keySet().stream()
                .filter(namespace -> after == null || namespace.compareTo(after) > 0)
                .filter(namespace ->
                        !liveEntries(namespace, "", ConfigFilter.ALL, 1).isEmpty())
                .limit(limit + 1L)
                .toList());
        return Cursors.page(Kind.NAMESPACES, rows, limit, namespace -> namespace);
    }

    @Override
    public Page<LogEntry> history(String namespace, String key, int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        long before = cursor == null ? Long.MAX_VALUE : Cursors.readVersion(cursor);
        List<LogEntry> rows = new ArrayList<>();
        locked(() -> {
            Deque<LogEntry> lines = data.namespace(namespace).get(key);
            if (lines != null) {
                lines.descendingIterator().forEachRemaining(line -> {
                    if (line.version() < before && rows.size() <= limit) {
                        rows.add(line);
                    }
                });
            }
            return rows;
        });
        return Cursors.page(Kind.HISTORY, rows, limit, line -> Long.toString(line.version()));
    }

    @Override
    public Page<LogEntry> changes(String namespace, Instant since, int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        Cursors.Place before = Cursors.readPlace(cursor);
        return Cursors.changes(locked(() -> data.changes(namespace, since, before, limit + 1)), limit);
    }

    /** As the other stores say by default; here it holds for as many commits as are remembered. */
    @Override
    public Duration operationRetention() {
        return Duration.ofDays(7);
    }

    @Override
    public boolean joinsTransaction() {
        return false;
    }

    @Override
    public CommitResult commit(Commit commit) {
        return locked(() -> data.commit(commit));
    }

    @Override
    public Snapshot snapshot(Set<String> namespaces, int limit) {
        return locked(() -> {
            List<ConfigEntry> entries = new ArrayList<>();
            Set<String> oversized = new LinkedHashSet<>();
            for (String namespace : namespaces) {
                List<ConfigEntry> found = liveEntries(namespace, "", ConfigFilter.ALL, limit + 1L);
                if (found.size() > limit) {
                    oversized.add(namespace);
                } else {
                    entries.addAll(found);
                }
            }
            return new Snapshot(entries, oversized, data.headPosition(), data.now());
        });
    }

    @Override
    public Feed openFeed(Position position) {
        return locked(() -> {
            data.prove(position);
            MemoryFeed feed = new MemoryFeed(data, this, position);
            data.feeds.add(feed);
            return feed;
        });
    }

    @Override
    public void maintain() {
        locked(() -> {
            data.expire();
            data.compact();
            return data;
        });
    }

    @Override
    public void report(InstanceReport report) {
        locked(() -> {
            data.report(report);
            return data;
        });
    }

    @Override
    public FleetStatus fleet() {
        return locked(data::fleet);
    }

    @Override
    public void close() {
        data.guarded(() -> {
            closed = true;
            failFeeds(feed -> feed.isOf(this), "The store is closed", false);
        });
    }

    // ---- faults

    /** Breaks every open feed of every handle, as lost connections; blocked polls fail at once. A new feed works. */
    public void cutFeeds() {
        data.guarded(() -> failFeeds(feed -> true, "The connection to the store was lost", true));
    }

    /**
     * Whether this handle reaches the data. While it does not, every call but {@link #close()} fails as transient, and
     * its open feeds are broken. Other handles are not concerned, so that one of them can write meanwhile.
     */
    public void setAvailable(boolean available) {
        data.guarded(() -> {
            this.available = available;
            if (!available) {
                failFeeds(feed -> feed.isOf(this), "The store is not available", true);
            }
        });
    }

    /** Forgets all history: only the newest position can be continued, and only the newest log entry of each key stays. */
    public void compact() {
        data.guarded(() -> data.compact(1));
    }

    /** Keeps the entries but makes every position so far one of another history, as after a restored backup. */
    public void replaceHistory() {
        data.guarded(data::replaceLineage);
    }

    private <T> T locked(Supplier<T> call) {
        data.lock.lock();
        try {
            if (closed) {
                throw new StoreException("The store is closed", false, null);
            }
            if (!available) {
                throw new StoreException("The store is not available", true, null);
            }
            return call.get();
        } finally {
            data.lock.unlock();
        }
    }

    private List<ConfigEntry> liveEntries(String namespace, String after, ConfigFilter filter, long limit) {
        Instant now = data.now();
        return data.namespace(namespace).tailMap(after, false).entrySet().stream()
                .filter(key -> filter.matches(key.getKey()))
                .map(key -> MemoryData.live(key.getValue(), now))
                .filter(Objects::nonNull)
                .limit(limit)
                .toList();
    }

    private void failFeeds(Predicate<MemoryFeed> which, String reason, boolean isTransient) {
        for (MemoryFeed feed : List.copyOf(data.feeds)) {
            if (which.test(feed)) {
                feed.fail(reason, isTransient);
            }
        }
    }

    private static int requireRetention(int revisions) {
        if (revisions < 1) {
            throw new InvalidConfigException("Invalid retention of " + revisions + " revisions: it must be positive");
        }
        return revisions;
    }
}
