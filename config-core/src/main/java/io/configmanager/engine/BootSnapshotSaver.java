// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEntry;
import io.configmanager.StoreException;
import io.configmanager.engine.BootSnapshotFile.Earlier;
import io.configmanager.store.Position;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the boot snapshot on disk near to the cache. A file that cannot be written disturbs nobody: it is said once, and
 * tried again. At most a twentieth of the time is spent on writing. One thread at a time.
 */
final class BootSnapshotSaver {

    private static final Logger log = LoggerFactory.getLogger(BootSnapshotSaver.class);
    private static final int SHARE = 20;

    private final BootSnapshotFile file;
    private final String origin;
    private final Reconciler reconciler;
    private final Supplier<@Nullable Position> position;
    private final Supplier<@Nullable Instant> provedAt;
    private final Predicate<Position> ofAnotherHistory;
    private final LongSupplier nanoTime;
    private @Nullable Saved last;
    private long notBefore;
    private boolean failing;

    /** What tells one content from another. */
    private record Saved(long epoch, Position position, Set<String> namespaces) {}

    /**
     * @param position where the watch is; null before it is anywhere
     * @param provedAt when the cache was last proved current; null before
     * @param ofAnotherHistory asks the store whether a position belongs to a history that was replaced
     */
    BootSnapshotSaver(
            BootSnapshotFile file,
            String origin,
            Reconciler reconciler,
            Supplier<@Nullable Position> position,
            Supplier<@Nullable Instant> provedAt,
            Predicate<Position> ofAnotherHistory,
            LongSupplier nanoTime) {
        this.file = file;
        this.origin = origin;
        this.reconciler = reconciler;
        this.position = position;
        this.provedAt = provedAt;
        this.ofAnotherHistory = ofAnotherHistory;
        this.nanoTime = nanoTime;
    }

    /** Writes what is not on disk yet, unless that was done a moment ago. */
    void save() {
        if (last == null || nanoTime.getAsLong() - notBefore >= 0) {
            save(false);
        }
    }

    /** Writes the time of the last proof too, before this process ends. Does not need the store. */
    void saveLast() {
        save(true);
    }

    private void save(boolean atTheEnd) {
        long start = nanoTime.getAsLong();
        try {
            Position now = position.get();
            Instant proved = provedAt.get();
            Reconciler.Held held = now == null ? null : reconciler.held(now.revision());
            if (now == null || proved == null || held == null) {
                return;
            }
            Saved next = new Saved(held.epoch(), now, held.states().keySet());
            Saved before = last;
            if (!atTheEnd && next.equals(before)) {
                return;
            }
            file.write(new BootSnapshot(origin, now, proved, contents(held.states())), earlier(before, next, atTheEnd));
            last = next;
            if (failing) {
                failing = false;
                log.info("The boot snapshot {} can be written again", file);
            }
        } catch (StoreException e) {
            log.debug("The boot snapshot {} is written when the store answers", file, e);
        } catch (IOException | RuntimeException | Error e) {
            // Such as no memory for all of it at once.
            if (!failing) {
                failing = true;
                log.warn("The boot snapshot {} cannot be written now; it will be tried again", file, e);
            }
        } finally {
            long end = nanoTime.getAsLong();
            notBefore = end + SHARE * (end - start);
        }
    }

    /** A generation of a replaced history must not come back when the current one is damaged. */
    private Earlier earlier(@Nullable Saved before, Saved next, boolean atTheEnd) {
        if (next.equals(before)) {
            return Earlier.KEEP_PREVIOUS;
        }
        boolean sameHistory = before == null ? !atTheEnd && isOfThisHistory() : before.epoch == next.epoch;
        return sameHistory ? Earlier.KEEP_CURRENT : Earlier.KEEP_NONE;
    }

    private boolean isOfThisHistory() {
        BootSnapshotFile.Found known = file.read();
        return known.snapshot() != null
                && known.refusals().isEmpty()
                && !ofAnotherHistory.test(known.snapshot().position());
    }

    private static List<BootSnapshot.Held> contents(Map<String, CacheState> states) {
        List<BootSnapshot.Held> all = new ArrayList<>();
        states.forEach((name, state) -> {
            List<ConfigEntry> entries = new ArrayList<>();
            state.forEachCommitted((key, slot) -> {
                if (slot.entry != null) {
                    entries.add(slot.entry);
                }
            });
            all.add(new BootSnapshot.Held(name, state.onDemand == null, entries));
        });
        return all;
    }
}
