// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.ManagerStateException;
import io.configmanager.Outbox;
import io.configmanager.OutboxFullException;
import io.configmanager.OutboxStats;
import io.configmanager.QueuedWrite;
import io.configmanager.QueuedWrite.State;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.VersionConflictException;
import io.configmanager.outbox.Queued.Content;
import io.configmanager.outbox.Queued.Done;
import io.configmanager.outbox.Queued.Item;
import io.configmanager.outbox.Queued.Name;
import io.configmanager.store.Commit;
import io.configmanager.store.Operation;
import io.configmanager.store.Position;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An outbox in a directory: a {@link WriteQueue} whose every acknowledged write is in a {@link Journal} first. Applies
 * what is pending on a thread of its own. Safe for any thread.
 *
 * <p>A write is on disk before {@link #enqueue} returns, under the id of its commit: whatever is killed when, the store
 * has it once. A write is based on the version of each key that this instance knew, or on the write of the same key that
 * is queued before it; where that does not hold any more it becomes a conflict, and nothing is overwritten.
 */
public final class DiskOutbox implements Outbox, AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(DiskOutbox.class);

    private final OutboxSettings settings;
    private final Surroundings surroundings;
    private final InstantSource clock;
    private final Journal journal;
    private final Replay replay;
    private final QueuedRecords records = new QueuedRecords();
    private final ReentrantLock lock = new ReentrantLock();
    private final WriteQueue queue = new WriteQueue();

    /** Writes that are in the queue but not on disk yet. */
    private final Set<Long> unwritten = new HashSet<>();

    /** Writes that are being applied or discarded just now; nobody else may decide about them. */
    private final Set<Long> claimed = new HashSet<>();

    private final List<String> problems = new ArrayList<>();
    private long lastSequence;
    private long replayed;
    private volatile boolean away;

    /** Recovers what is in the directory, and what processes that are gone have left beside it. Applies nothing yet. */
    public static DiskOutbox open(OutboxSettings settings, Surroundings surroundings) throws IOException {
        return open(
                settings,
                surroundings,
                new FileDisk(),
                Journal.Settings.SEGMENT_BYTES,
                InstantSource.system(),
                System::nanoTime,
                new SplittableRandom());
    }

    static DiskOutbox open(
            OutboxSettings settings,
            Surroundings surroundings,
            Disk disk,
            long segmentBytes,
            InstantSource clock,
            LongSupplier nanoTime,
            RandomGenerator random)
            throws IOException {
        DiskOutbox outbox = new DiskOutbox(settings, surroundings, disk, segmentBytes, clock, nanoTime, random);
        try {
            outbox.recover();
            return outbox;
        } catch (IOException | RuntimeException e) {
            outbox.journal.close();
            throw e;
        }
    }

    private DiskOutbox(
            OutboxSettings settings,
            Surroundings surroundings,
            Disk disk,
            long segmentBytes,
            InstantSource clock,
            LongSupplier nanoTime,
            RandomGenerator random)
            throws IOException {
        this.settings = settings;
        this.surroundings = surroundings;
        this.clock = clock;
        this.replay = new Replay(this, surroundings, settings, nanoTime, random);
        this.journal = Journal.claim(settings.directory(), new Journal.Settings(settings.origin(), segmentBytes), disk);
    }

    /** Begins to apply what is pending. */
    public void start() {
        replay.start();
    }

    /** Whether the store did not take the last write, and nothing has shown since that it is there. */
    public boolean storeIsAway() {
        return away;
    }

    /** The store did not take a write: the next ones are queued without trying. */
    public void storeWasAway() {
        away = true;
    }

    /** The store answers: the next write tries it again. */
    public void storeIsThere() {
        if (away) {
            away = false;
            replay.wake();
        }
    }

    /** The store is back: applies at once what is pending, whatever had to wait after failures. */
    public void storeIsBack() {
        away = false;
        replay.wakeAll();
    }

    /** Whether a write of this key would overtake one that is queued. */
    public boolean isPending(String namespace, String key) {
        return locked(() -> queue.isPending(new Name(namespace, key)));
    }

    /**
     * Queues a commit; it is durable when this returns.
     *
     * @param overwrite whether it is to be applied whatever its keys have become
     * @param known the entry of a key as this instance knows it, null if absent
     * @param basis where this instance is in the store's history; null if it has not been anywhere
     * @throws VersionConflictException if a condition does not hold after a queued write of the key
     * @throws OutboxFullException if there is no room
     * @throws StoreException if the disk did not take it
     */
    public QueuedWrite enqueue(
            Commit commit,
            boolean overwrite,
            Function<Operation, @Nullable ConfigEntry> known,
            @Nullable Position basis) {
        Admitted admitted = locked(() -> {
            Instant now = clock.instant();
            List<Item> items = new ArrayList<>();
            for (Operation operation : commit.operations()) {
                items.add(item(operation, overwrite, known.apply(operation), now));
            }
            return admit(new Queued(
                    ++lastSequence,
                    commit.id(),
                    State.PENDING,
                    items,
                    commit.author(),
                    commit.comment(),
                    now,
                    now.plus(settings.deadline()),
                    overwrite ? null : basis,
                    null,
                    null));
        });
        await(admitted);
        return admitted.write().shown(0, null);
    }

    /** A write that is in the queue and on its way to the disk, in the order of the queue. */
    private record Admitted(Queued write, Journal.Appending appending) {}

    private Item item(Operation operation, boolean overwrite, @Nullable ConfigEntry known, Instant now) {
        Name name = new Name(operation.namespace(), operation.key());
        Queued before = queue.lastPending(name, Set.of());
        Item last = before == null ? null : WriteQueue.item(before, name);
        // As in the store, a secret stays one.
        boolean secret = (known != null && known.secret())
                || (last != null && last.content() != null && last.content().secret());
        Content content = operation instanceof Operation.Put put
                ? new Content(put.value(), put.codec(), (secret ? ValueType.SECRET : put.type()).label(), put.ttl())
                : null;
        long version = last != null ? last.version() : known == null ? 0 : known.version();
        boolean exists = last != null ? last.content() != null : known != null;
        Instant createdAt = !exists
                ? now
                : last != null
                        ? last.createdAt()
                        : Objects.requireNonNull(known).createdAt();
        long actual = exists ? version : 0;
        Long expected = overwrite ? null : Long.valueOf(actual);
        Condition condition = operation.condition();
        if (condition instanceof Condition.Version exactly) {
            requireAfter(last, operation, exactly.version() == actual, actual);
            expected = exactly.version();
        } else if (condition instanceof Condition.Absent) {
            requireAfter(last, operation, !exists, actual);
            expected = 0L;
        } else if (condition instanceof Condition.Present) {
            requireAfter(last, operation, exists, actual);
            expected = exists && !overwrite ? actual : -1L;
        }
        Long after = before == null || expected == null ? null : before.sequence();
        // A delete is a version of its own.
        long next = exists || last != null ? version + 1 : content == null ? 0 : 1;
        return new Item(operation.namespace(), operation.key(), content, expected, after, next, createdAt);
    }

    private static void requireAfter(@Nullable Item last, Operation operation, boolean holds, long actual) {
        if (last != null && !holds) {
            throw new VersionConflictException(operation.namespace(), operation.key(), operation.condition(), actual);
        }
    }

    /** Makes room for a write in the queue; it is not to be applied before it is on disk. */
    private Admitted admit(Queued write) {
        if (replay.stopped()) {
            throw new ManagerStateException("The manager is closed");
        }
        Journal.Record value = records.of(write);
        int size = value.payload().length;
        if (queue.size() >= settings.maximumOperations()) {
            throw new OutboxFullException("The outbox is full: it holds " + queue.size()
                    + " writes, as many as config.outbox.maximum-operations allows");
        }
        if (queue.bytes() + size > settings.maximumBytes()) {
            throw new OutboxFullException("The outbox is full: it holds " + queue.bytes() + " bytes, and " + size
                    + " more are beyond config.outbox.maximum-size");
        }
        queue.add(write, size);
        unwritten.add(write.sequence());
        return new Admitted(write, journal.begin(List.of(value)));
    }

    private void await(Admitted admitted) {
        Queued write = admitted.write();
        try {
            admitted.appending().await();
        } catch (IOException e) {
            locked(() -> {
                unwritten.remove(write.sequence());
                keep(queue.done(write.sequence(), Done.NOT_APPLIED));
                if (write.replaces() == null) {
                    // A newer state of it may be on its way to the disk.
                    appendLazily(records.done(write.sequence(), Done.NOT_APPLIED));
                }
            });
            throw new StoreException(
                    "The store is away, and the outbox in " + journal.directory() + " cannot keep the write: "
                            + e.getMessage(),
                    true,
                    e);
        }
        locked(() -> {
            unwritten.remove(write.sequence());
            show(write);
        });
        if (!away) {
            replay.wake();
        }
    }

    @Override
    public OutboxStats stats() {
        return locked(() -> {
            Map<State, Integer> counts = new HashMap<>();
            Instant oldest = null;
            for (Queued write : queue.all()) {
                counts.merge(write.state(), 1, Integer::sum);
                if (write.pending() && (oldest == null || write.queuedAt().isBefore(oldest))) {
                    oldest = write.queuedAt();
                }
            }
            return new OutboxStats(
                    counts.getOrDefault(State.PENDING, 0),
                    counts.getOrDefault(State.CONFLICT, 0),
                    counts.getOrDefault(State.DEAD, 0),
                    counts.getOrDefault(State.EXPIRED, 0),
                    oldest,
                    replayed,
                    journal.bytes(),
                    problems);
        });
    }

    @Override
    public List<QueuedWrite> writes() {
        return locked(() -> queue.all().stream()
                .filter(write -> !unwritten.contains(write.sequence()))
                .map(write -> write.shown(replay.attempts(write.sequence()), replay.lastFailure(write.sequence())))
                .toList());
    }

    @Override
    public boolean retry(UUID id) {
        return again(id, write -> write.again(++lastSequence, write.id(), deadline(), write.basis()));
    }

    @Override
    public boolean force(UUID id) {
        return again(
                id,
                write -> write.again(++lastSequence, UUID.randomUUID(), deadline(), null)
                        .with(item -> item.expecting(null, null)));
    }

    private Instant deadline() {
        return clock.instant().plus(settings.deadline());
    }

    private boolean again(UUID id, Function<Queued, Queued> change) {
        record Again(Queued before, Admitted after, int size) {}
        Again again = locked(() -> {
            Queued before = queue.find(id);
            if (before == null || before.pending() || claimed.contains(before.sequence())) {
                return null;
            }
            // It takes the place of the other, so that a full outbox is no obstacle.
            Queued after = change.apply(before);
            queue.done(before.sequence(), Done.NOT_APPLIED);
            unwritten.add(after.sequence());
            Journal.Record value = records.of(after);
            int size = value.payload().length;
            queue.add(after, size);
            Journal.Appending appending =
                    journal.begin(List.of(value, records.done(before.sequence(), Done.NOT_APPLIED)));
            return new Again(before, new Admitted(after, appending), size);
        });
        if (again == null) {
            return false;
        }
        try {
            await(again.after());
        } catch (StoreException e) {
            locked(() -> queue.add(again.before(), again.size()));
            throw e;
        }
        replay.wake();
        return true;
    }

    @Override
    public boolean discard(UUID id) {
        Queued write = locked(() -> {
            Queued found = queue.find(id);
            return found != null && claim(found) ? found : null;
        });
        if (write == null) {
            return false;
        }
        try {
            journal.append(List.of(records.done(write.sequence(), Done.NOT_APPLIED)));
            locked(() -> finish(write, Done.NOT_APPLIED));
        } catch (IOException e) {
            throw new StoreException(
                    "The outbox in " + journal.directory() + " cannot be written: " + e.getMessage(), true, e);
        } finally {
            release(write);
        }
        log.info("Queued write {} of {} was discarded", write.id(), names(write));
        return true;
    }

    /** Stops applying: a write that is being applied may still end, no other begins. Does not wait. */
    public void stop() {
        replay.stop();
    }

    /** Leaves what is pending on disk, for the next start. */
    @Override
    public void close() {
        stop();
        replay.awaitEnd();
        journal.close();
        // Whoever takes the directory next may apply them.
        locked(() -> queue.all().stream()
                .filter(Queued::pending)
                .flatMap(write -> write.items().stream())
                .forEach(item -> surroundings.pending(item.namespace(), item.key(), null)));
    }

    /** Tries once to apply what is pending; the thread that {@link #start} starts does so again and again. */
    Duration pass() {
        return replay.pass();
    }

    // What the replay needs; it calls without the lock.

    /** What is pending, in order. */
    List<Queued> pending() {
        return locked(() -> queue.all().stream().filter(Queued::pending).toList());
    }

    /** The write as it is now, for the caller alone until it is released; null if it may not be applied now. */
    @Nullable
    Queued claim(long sequence) {
        return locked(() -> {
            Queued write = queue.get(sequence);
            return write != null && write.pending() && claim(write) ? write : null;
        });
    }

    /** False if it is not on disk yet, or somebody else has it. */
    private boolean claim(Queued write) {
        return !unwritten.contains(write.sequence()) && claimed.add(write.sequence());
    }

    void release(Queued write) {
        locked(() -> {
            claimed.remove(write.sequence());
        });
    }

    /** Whether it still is to be applied, and so must not be overtaken. */
    boolean isPending(long sequence) {
        return locked(() -> {
            Queued write = queue.get(sequence);
            return write != null && write.pending();
        });
    }

    boolean isExpired(Queued write) {
        return !clock.instant().isBefore(write.deadline());
    }

    void applied(Queued write, Done done) {
        away = false;
        locked(() -> {
            replayed++;
            appendLazily(records.done(write.sequence(), done));
            finish(write, done);
        });
        log.debug("Queued write {} of {} was applied", write.id(), names(write));
    }

    void park(Queued write, State state, String reason) {
        locked(() -> keep(queue.park(write.sequence(), state, reason)));
    }

    private void finish(Queued write, Done done) {
        keep(queue.done(write.sequence(), done));
        show(write);
    }

    /** Loses nothing if it comes to nothing: what is then tried again has the same outcome. */
    private void appendLazily(Journal.Record record) {
        try {
            journal.appendLazily(record);
        } catch (IOException e) {
            log.debug("The outbox {} did not take what became of a write", journal.directory(), e);
        }
    }

    private void keep(List<Queued> changed) {
        for (Queued each : changed) {
            // Those that wait only for their turn too: what they waited for may be gone from disk before them.
            appendLazily(records.of(each));
            show(each);
            if (each.pending()) {
                continue;
            }
            log.warn(
                    "Queued write {} of {} is not applied ({}): {}",
                    each.id(),
                    names(each),
                    each.state(),
                    each.reason());
        }
    }

    private void show(Queued write) {
        if (settings.readYourWrites()) {
            for (Item item : write.items()) {
                Queued last = queue.lastPending(item.name(), unwritten);
                surroundings.pending(
                        item.namespace(),
                        item.key(),
                        last == null ? null : last.change(WriteQueue.item(last, item.name())));
            }
        }
    }

    private void recover() throws IOException {
        QueuedRecords.Read own = records.read(journal);
        problems.addAll(own.problems());
        lastSequence = own.last();
        locked(() -> keep(queue.recover(own.states(), own.finished(), own.sizes())));
        for (Journal orphan : journal.orphans()) {
            try {
                adopt(orphan);
            } catch (IOException | RuntimeException e) {
                problems.add(orphan.directory() + " cannot be taken over now: " + e);
            }
        }
        locked(() -> {
            queue.all().forEach(this::show);
            if (queue.size() > 0) {
                log.info("The outbox {} holds {} writes", journal.directory(), queue.size());
            }
        });
        problems.forEach(problem -> log.warn("Outbox: {}", problem));
    }

    /** Takes over what a process has left that is gone: in its order, after what is here. */
    private void adopt(Journal orphan) throws IOException {
        try {
            QueuedRecords.Read left = records.read(orphan);
            problems.addAll(left.problems());
            WriteQueue theirs = new WriteQueue();
            theirs.recover(left.states(), left.finished(), left.sizes());
            Map<Long, Long> renumbered = new HashMap<>();
            List<Queued> mine = new ArrayList<>();
            for (Queued write : theirs.all()) {
                Queued known = queue.find(write.id());
                renumbered.put(write.sequence(), known == null ? ++lastSequence : known.sequence());
                if (known == null) {
                    mine.add(write.numbered(lastSequence)
                            .with(item -> item.expecting(
                                    item.expected(), item.after() == null ? null : renumbered.get(item.after()))));
                }
            }
            if (!mine.isEmpty()) {
                List<Journal.Record> written = mine.stream().map(records::of).toList();
                journal.append(written);
                for (int i = 0; i < mine.size(); i++) {
                    queue.add(mine.get(i), written.get(i).payload().length);
                }
                log.info("Took over {} writes that another process has left in {}", mine.size(), orphan.directory());
            }
            orphan.destroy();
        } finally {
            orphan.close();
        }
    }

    private static Collection<String> names(Queued write) {
        return write.items().stream().map(Item::key).toList();
    }

    private void locked(Runnable action) {
        locked(() -> {
            action.run();
            return true;
        });
    }

    private <T extends @Nullable Object> T locked(Supplier<T> action) {
        lock.lock();
        try {
            return action.get();
        } finally {
            lock.unlock();
        }
    }
}
