// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.FleetStatus;
import io.configmanager.LogEntry;
import io.configmanager.Page;
import io.configmanager.StoreException;
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
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A store that can be made to hang, to fail for good, and to let something happen just before it answers. */
final class FaultyStore implements ConfigStore {

    final AtomicInteger gets = new AtomicInteger();
    final AtomicInteger snapshots = new AtomicInteger();
    final AtomicInteger commits = new AtomicInteger();
    private final ConfigStore store;
    private final CountDownLatch closed = new CountDownLatch(1);
    volatile boolean hanging;
    volatile boolean broken;

    /** Called with the name of the method when the answer is known but not yet returned. */
    volatile Consumer<String> beforeAnswer = call -> {};

    FaultyStore(ConfigStore store) {
        this.store = store;
    }

    @Override
    public String description() {
        return "faulty";
    }

    @Override
    public Lookup get(String namespace, String key) {
        gets.incrementAndGet();
        return call("get", () -> store.get(namespace, key));
    }

    @Override
    public Page<ConfigEntry> list(String namespace, ConfigFilter filter, int limit, String cursor) {
        return call("list", () -> store.list(namespace, filter, limit, cursor));
    }

    @Override
    public Page<String> namespaces(int limit, String cursor) {
        return call("namespaces", () -> store.namespaces(limit, cursor));
    }

    @Override
    public Page<LogEntry> history(String namespace, String key, int limit, String cursor) {
        return call("history", () -> store.history(namespace, key, limit, cursor));
    }

    @Override
    public Page<LogEntry> changes(String namespace, Instant since, int limit, String cursor) {
        return call("changes", () -> store.changes(namespace, since, limit, cursor));
    }

    @Override
    public CommitResult commit(Commit commit) {
        commits.incrementAndGet();
        return call("commit", () -> store.commit(commit));
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
        snapshots.incrementAndGet();
        return call("snapshot", () -> store.snapshot(namespaces, limit));
    }

    @Override
    public Feed openFeed(Position position) {
        return call("openFeed", () -> store.openFeed(position));
    }

    @Override
    public void maintain() {
        call("maintain", () -> {
            store.maintain();
            return true;
        });
    }

    @Override
    public void report(InstanceReport report) {
        call("report", () -> {
            store.report(report);
            return true;
        });
    }

    @Override
    public FleetStatus fleet() {
        return call("fleet", store::fleet);
    }

    @Override
    public void close() {
        closed.countDown();
        store.close();
    }

    private <T> T call(String name, Supplier<T> call) {
        if (hanging) {
            try {
                closed.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            throw new StoreException("The connection was closed", true, null);
        }
        if (broken) {
            throw new StoreException("The table does not exist", false, null);
        }
        T answer = call.get();
        beforeAnswer.accept(name);
        return answer;
    }
}
