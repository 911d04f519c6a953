// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.FleetStatus;
import io.configmanager.LogEntry;
import io.configmanager.Page;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Feed;
import io.configmanager.store.InstanceReport;
import io.configmanager.store.Lookup;
import io.configmanager.store.Position;
import io.configmanager.store.Snapshot;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Answers as the test has written down, one answer for each call, and writes down what it was asked. */
final class ScriptedStore implements ConfigStore {

    final Deque<Supplier<Snapshot>> snapshots = new ArrayDeque<>();
    final Deque<Supplier<List<ConfigEntry>>> lists = new ArrayDeque<>();

    /** Runs when a feed is opened; nothing happens then if none is left. */
    final Deque<Runnable> opens = new ArrayDeque<>();

    final Deque<Supplier<Feed.Batch>> polls = new ArrayDeque<>();
    /** Runs whenever a feed is closed. */
    Runnable closing = () -> {};

    final List<String> calls = new ArrayList<>();

    /** What was asked since the last time. */
    List<String> asked() {
        List<String> asked = List.copyOf(calls);
        calls.clear();
        return asked;
    }

    @Override
    public Snapshot snapshot(Set<String> namespaces, int limit) {
        calls.add("snapshot " + new TreeSet<>(namespaces));
        return snapshots.remove().get();
    }

    @Override
    public Feed openFeed(Position position) {
        calls.add("open at " + position.revision());
        if (!opens.isEmpty()) {
            opens.remove().run();
        }
        return new Feed() {
            @Override
            public Batch poll(Duration timeout) {
                calls.add("poll");
                return polls.remove().get();
            }

            @Override
            public void close() {
                calls.add("close");
                closing.run();
            }
        };
    }

    @Override
    public Page<ConfigEntry> list(String namespace, ConfigFilter filter, int limit, @Nullable String cursor) {
        calls.add("list " + filter);
        return new Page<>(lists.remove().get(), null);
    }

    @Override
    public String description() {
        return "scripted";
    }

    @Override
    public Lookup get(String namespace, String key) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Page<String> namespaces(int limit, @Nullable String cursor) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Page<LogEntry> history(String namespace, String key, int limit, @Nullable String cursor) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Page<LogEntry> changes(String namespace, Instant since, int limit, @Nullable String cursor) {
        throw new UnsupportedOperationException();
    }

    @Override
    public CommitResult commit(Commit commit) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Duration operationRetention() {
        return Duration.ofDays(7);
    }

    @Override
    public boolean joinsTransaction() {
        return false;
    }

    @Override
    public void maintain() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void report(InstanceReport report) {
        throw new UnsupportedOperationException();
    }

    @Override
    public FleetStatus fleet() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
