// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigObserver;
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
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A store whose calls are told to an observer. */
record ObservedStore(ConfigStore store, ConfigObserver observer) implements ConfigStore {

    @Override
    public String description() {
        return store.description();
    }

    @Override
    public Lookup get(String namespace, String key) {
        return told("get", () -> store.get(namespace, key));
    }

    @Override
    public Page<ConfigEntry> list(String namespace, ConfigFilter filter, int limit, @Nullable String cursor) {
        return told("list", () -> store.list(namespace, filter, limit, cursor));
    }

    @Override
    public Page<String> namespaces(int limit, @Nullable String cursor) {
        return told("namespaces", () -> store.namespaces(limit, cursor));
    }

    @Override
    public Page<LogEntry> history(String namespace, String key, int limit, @Nullable String cursor) {
        return told("history", () -> store.history(namespace, key, limit, cursor));
    }

    @Override
    public Page<LogEntry> changes(String namespace, Instant since, int limit, @Nullable String cursor) {
        return told("changes", () -> store.changes(namespace, since, limit, cursor));
    }

    @Override
    public CommitResult commit(Commit commit) {
        return told("commit", () -> store.commit(commit));
    }

    @Override
    public Duration operationRetention() {
        return store.operationRetention();
    }

    @Override
    public boolean joinsTransaction() {
        return store.joinsTransaction();
    }

    @Override
    public Snapshot snapshot(Set<String> namespaces, int limit) {
        return told("snapshot", () -> store.snapshot(namespaces, limit));
    }

    @Override
    public Feed openFeed(Position position) {
        return told("openFeed", () -> store.openFeed(position));
    }

    @Override
    public void maintain() {
        told("maintain", () -> {
            store.maintain();
            return true;
        });
    }

    @Override
    public void report(InstanceReport report) {
        told("report", () -> {
            store.report(report);
            return true;
        });
    }

    @Override
    public FleetStatus fleet() {
        return told("fleet", store::fleet);
    }

    @Override
    public void close() {
        store.close();
    }

    private <T> T told(String operation, Supplier<T> call) {
        return Observers.around(observer.storeCalling(operation), call);
    }
}
