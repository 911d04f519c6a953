// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static org.awaitility.Awaitility.await;

import io.configmanager.ConfigEntry;
import io.configmanager.LogEntry;
import io.configmanager.StoreException;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.Feed;
import io.configmanager.store.Position;
import io.configmanager.store.PositionLostException;
import io.configmanager.store.Snapshot;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Reads the feed on a thread of its own, as the engine does: opens it again when it breaks, starts anew when lost. */
final class Follower implements AutoCloseable {

    final List<ChangeSet> changeSets = new CopyOnWriteArrayList<>();
    final List<StoreException> failures = new CopyOnWriteArrayList<>();
    final List<PositionLostException> losses = new CopyOnWriteArrayList<>();
    private final Map<String, String> values = new TreeMap<>();
    private final PostgresConfigStore store;
    private final Set<String> namespaces;
    private final Thread thread;
    private volatile Position position;
    private volatile boolean closed;
    private final AtomicInteger hintsMissed = new AtomicInteger();
    private volatile boolean pushAvailable;
    private volatile boolean connected;
    private volatile Feed feed;

    Follower(PostgresConfigStore store, String... namespaces) {
        this.store = store;
        this.namespaces = Set.of(namespaces);
        this.position = readSnapshot();
        this.feed = store.openFeed(position);
        this.thread = new Thread(this::follow, "follower");
        thread.start();
    }

    Follower awaitRevision(long revision) {
        await().atMost(Duration.ofSeconds(30)).until(() -> position.revision() >= revision);
        return this;
    }

    Position position() {
        return position;
    }

    boolean pushAvailable() {
        return pushAvailable;
    }

    boolean connected() {
        return connected;
    }

    int hintsMissed() {
        return hintsMissed.get();
    }

    List<Long> revisions() {
        return changeSets.stream().map(ChangeSet::revision).toList();
    }

    /** Key by value, of the namespaces of interest. */
    synchronized Map<String, String> values() {
        return new TreeMap<>(values);
    }

    @Override
    public void close() {
        closed = true;
        feed.close();
        try {
            thread.join(10_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void follow() {
        boolean broken = false;
        while (!closed) {
            try {
                if (broken) {
                    feed = store.openFeed(position);
                    broken = false;
                    if (closed) {
                        feed.close();
                        return;
                    }
                }
                Feed.Batch batch = feed.poll(Duration.ofSeconds(1));
                connected = true;
                pushAvailable = batch.pushAvailable();
                hintsMissed.addAndGet(batch.hintsMissed());
                batch.changeSets().forEach(this::apply);
                position = batch.position();
            } catch (PositionLostException e) {
                losses.add(e);
                broken = true;
                connected = false;
                feed.close();
                position = readSnapshot();
            } catch (StoreException e) {
                if (!closed) {
                    failures.add(e);
                }
                broken = true;
                connected = false;
                feed.close();
            }
        }
    }

    private synchronized void apply(ChangeSet changeSet) {
        changeSets.add(changeSet);
        for (LogEntry change : changeSet.changes()) {
            if (namespaces.contains(change.namespace())) {
                @Nullable ConfigEntry entry = change.entry();
                if (entry == null) {
                    values.remove(change.key());
                } else {
                    values.put(change.key(), entry.value());
                }
            }
        }
    }

    private synchronized Position readSnapshot() {
        Snapshot snapshot = store.snapshot(namespaces, 1_000_000);
        values.clear();
        snapshot.entries().forEach(entry -> values.put(entry.key(), entry.value()));
        return snapshot.position();
    }
}
