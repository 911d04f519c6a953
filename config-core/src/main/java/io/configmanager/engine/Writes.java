// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigException;
import io.configmanager.LogEntry;
import io.configmanager.QueuedWrite;
import io.configmanager.StoreException;
import io.configmanager.WhenAway;
import io.configmanager.WriteResult;
import io.configmanager.engine.Reconciler.Ticket;
import io.configmanager.outbox.DiskOutbox;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Operation;
import io.configmanager.store.Position;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a write goes: to the store, and what it stored to the cache; or, while the store is away, to the outbox if there is
 * one. A write never overtakes one of the same key that is queued.
 */
final class Writes {

    private static final Logger log = LoggerFactory.getLogger(Writes.class);

    private final ConfigStore store;
    private final Reconciler reconciler;
    private final Function<Operation, @Nullable ConfigEntry> known;
    private final Supplier<@Nullable Position> position;
    private final BooleanSupplier watchIsAway;
    private volatile @Nullable DiskOutbox outbox;

    /**
     * @param known the entry of a key in memory, null if there is none
     * @param position where the watch is in the store's history; null before it is anywhere
     * @param watchIsAway whether the watch tries to reach the store again and again, and cannot
     */
    Writes(
            ConfigStore store,
            Reconciler reconciler,
            Function<Operation, @Nullable ConfigEntry> known,
            Supplier<@Nullable Position> position,
            BooleanSupplier watchIsAway) {
        this.store = store;
        this.reconciler = reconciler;
        this.known = known;
        this.position = position;
        this.watchIsAway = watchIsAway;
    }

    void useOutbox(@Nullable DiskOutbox newOutbox) {
        outbox = newOutbox;
    }

    @Nullable
    DiskOutbox outbox() {
        return outbox;
    }

    WriteResult write(Commit commit, WhenAway whenAway) {
        DiskOutbox queue = outbox;
        if (queue == null) {
            return applied(commit);
        }
        boolean joins = store.joinsTransaction();
        Operation behind = commit.operations().stream()
                .filter(operation -> queue.isPending(operation.namespace(), operation.key()))
                .findFirst()
                .orElse(null);
        if (joins || whenAway == WhenAway.FAIL) {
            if (behind != null) {
                throw new StoreException(
                        "Key '" + behind.key() + "' has writes in the outbox, which come first; this one "
                                + (joins ? "is part of a transaction" : "asks to fail") + " and cannot wait for them",
                        true,
                        null);
            }
            return applied(commit);
        }
        StoreException failure = null;
        // Who writes need not find out anew, in a pool that waits for half a minute, what the watch knows.
        if (behind == null && !queue.storeIsAway() && !watchIsAway.getAsBoolean()) {
            try {
                return applied(commit);
            } catch (StoreException e) {
                if (!e.isTransient()) {
                    throw e;
                }
                // Whether it was stored may be unknown; the outbox repeats it under the same id.
                queue.storeWasAway();
                log.debug("A write did not reach the store and is queued", e);
                failure = e;
            }
        }
        try {
            return queued(queue.enqueue(commit, whenAway == WhenAway.OVERWRITE, known, position.get()));
        } catch (ConfigException e) {
            if (failure == null) {
                throw e;
            }
            // It may be stored: neither "conflict" nor "full" would be the truth.
            failure.addSuppressed(e);
            throw failure;
        }
    }

    /** Commits to the store; what it stored is readable when this returns. */
    CommitResult commit(Commit commit) {
        Ticket ticket = reconciler.ticket();
        CommitResult result = store.commit(commit);
        if (result.revision() > 0) {
            reconciler.learn(ticket, result.changes(), result.revision());
        }
        return result;
    }

    private WriteResult applied(Commit commit) {
        CommitResult result = commit(commit);
        List<ConfigEntry> entries = new ArrayList<>();
        for (LogEntry change : result.changes()) {
            if (change.entry() != null) {
                entries.add(change.entry());
            }
        }
        return new WriteResult(
                WriteResult.Status.APPLIED,
                commit.id(),
                result.revision(),
                !result.changes().isEmpty(),
                entries);
    }

    private static WriteResult queued(QueuedWrite write) {
        List<ConfigEntry> entries = write.changes().stream()
                .map(QueuedWrite.Change::entry)
                .filter(Objects::nonNull)
                .toList();
        return new WriteResult(WriteResult.Status.QUEUED, write.id(), 0, true, entries);
    }
}
