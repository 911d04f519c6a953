// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.StoreException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The feed of a memory store. Everything is guarded by the lock of the data. */
final class MemoryFeed implements Feed {

    private final MemoryData data;
    private final MemoryConfigStore owner;
    private Position position;
    private boolean polled;
    private @Nullable String failure;
    private boolean transientFailure;

    MemoryFeed(MemoryData data, MemoryConfigStore owner, Position position) {
        this.data = data;
        this.owner = owner;
        this.position = position;
    }

    @Override
    public Batch poll(Duration timeout) {
        data.lock.lock();
        try {
            if (polled) {
                awaitNews(timeout);
            }
            polled = true;
            if (failure != null) {
                throw new StoreException(failure, transientFailure, null);
            }
            long start = System.nanoTime();
            data.prove(position);
            List<ChangeSet> changeSets = data.after(position);
            position = data.headPosition();
            Duration provedAgo = Duration.ofNanos(System.nanoTime() - start);
            return new Batch(changeSets, position, provedAgo, data.now(), true, 0);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException("Interrupted while waiting for changes", true, e);
        } finally {
            data.lock.unlock();
        }
    }

    @Override
    public void close() {
        data.guarded(() -> fail("The feed is closed", false));
    }

    boolean isOf(MemoryConfigStore store) {
        return owner == store;
    }

    /** Ends the feed; the first reason counts. */
    void fail(String reason, boolean isTransient) {
        if (failure == null) {
            failure = reason;
            transientFailure = isTransient;
            data.feeds.remove(this);
            data.changed.signalAll();
        }
    }

    private void awaitNews(Duration timeout) throws InterruptedException {
        long remaining = TimeUnit.NANOSECONDS.convert(timeout);
        while (failure == null && data.isHead(position) && remaining > 0) {
            remaining = data.changed.awaitNanos(remaining);
        }
    }
}
