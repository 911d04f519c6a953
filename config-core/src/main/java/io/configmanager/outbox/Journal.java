// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The states of operations, on disk: files that are only appended to, in a directory that only one journal uses at a time.
 * What {@link #append} has acknowledged survives a power cut; what it refused is not read back.
 *
 * <p>Thread-safe. All work on files is done by one thread, which nobody can interrupt: an interrupt would close the files and
 * give up the lock.
 */
final class Journal implements AutoCloseable {

    /** Begins a segment. */
    static final byte HEADER = 0;

    /** The state of an unfinished operation; of several records with one sequence the newest counts. */
    static final byte LIVE = 1;

    /** The operation is finished: nothing of it needs to stay on disk. */
    static final byte DONE = 2;

    private static final Logger LOG = LoggerFactory.getLogger(Journal.class);
    private static final int MOST_DIRECTORIES = 1_000;
    private static final long CLOSE_MILLIS = 1_000;

    /** Less than waking a thread takes, twice: who writes one after the other comes back within it. */
    private static final long LINGER_NANOS =
            Runtime.getRuntime().availableProcessors() > 1 ? TimeUnit.MICROSECONDS.toNanos(100) : 0;

    private static final Set<String> REMOTE =
            Set.of("nfs", "cifs", "smb", "afs", "ncpfs", "9p", "ceph", "gluster", "lustre", "sshfs", "davfs", "gpfs");
    private static final Set<String> EPHEMERAL = Set.of("tmpfs", "ramfs", "overlay", "aufs");

    /** @param payload not copied, and not to be changed */
    @SuppressWarnings({"ArrayRecordComponent", "JavaLangClash"})
    record Record(byte type, long sequence, byte[] payload) {}

    /**
     * @param origin of which store the operations are; segments of another one are not touched
     * @param segmentBytes a segment that has this size gets no more records
     */
    record Settings(String origin, long segmentBytes) {
        static final long SEGMENT_BYTES = 4 << 20;
    }

    /** One call, or a record that can wait. */
    private record Write(List<Record> records, @Nullable CompletableFuture<@Nullable Void> done) {}

    /** Where the current state of an unfinished operation is. */
    private record Location(Segment segment, int offset, int size) {}

    private final Path base;
    private final Path directory;
    private final Settings settings;
    private final Disk disk;
    private final ExecutorService io;
    private final boolean ownsThread;
    private final Closeable lock;

    private final Object monitor = new Object();
    private List<Write> queue = new ArrayList<>();
    private volatile boolean called;
    private boolean closed;
    private List<Record> recovered = List.of();
    private List<String> problems = List.of();
    private volatile long bytes;

    // Only the I/O thread uses what follows.
    private final Deque<Segment> segments = new ArrayDeque<>();
    private final Map<Long, Location> live = new HashMap<>();
    private final Map<Long, Long> cuts = new HashMap<>();
    private @Nullable Segment current;
    private long nextNumber;

    /** Lazy records that are in the current segment but not forced, and those that are not written at all. */
    private List<Record> unforced = new ArrayList<>();

    private List<Record> unwritten = new ArrayList<>();

    private Journal(Journal.Opening opening, Path directory, Closeable lock, boolean ownsThread) {
        this.base = opening.base;
        this.settings = opening.settings;
        this.disk = opening.disk;
        this.io = opening.io;
        this.directory = directory;
        this.lock = lock;
        this.ownsThread = ownsThread;
    }

    private record Opening(Path base, Settings settings, Disk disk, ExecutorService io) {}

    /**
     * Takes the first directory {@code 0}, {@code 1}, … in the base that no other journal uses, and reads what is there.
     *
     * @throws IOException if there is none, the file system is one of the network, or it fails
     */
    static Journal claim(Path base, Settings settings, Disk disk) throws IOException {
        ExecutorService io = Executors.newSingleThreadExecutor(task -> {
            Thread thread = new Thread(task, "config-outbox");
            thread.setDaemon(true);
            return thread;
        });
        Journal claimed = null;
        try {
            Opening opening = new Opening(base.toAbsolutePath(), settings, disk, io);
            claimed = call(io, () -> claim(opening));
        } finally {
            if (claimed == null) {
                io.shutdown();
            }
        }
        return claimed;
    }

    private static Journal claim(Opening opening) throws IOException {
        opening.disk.createDirectory(opening.base);
        check(opening);
        for (int i = 0; i < MOST_DIRECTORIES; i++) {
            Path directory = opening.base.resolve(Integer.toString(i));
            opening.disk.createDirectory(directory);
            Journal journal = open(opening, directory, true);
            if (journal != null) {
                return journal;
            }
        }
        throw new IOException("All directories in " + opening.base + " are in use");
    }

    private static void check(Opening opening) throws IOException {
        String type = opening.disk.typeOf(opening.base);
        List<String> words = Arrays.asList(type.toLowerCase(Locale.ROOT).split("[^a-z0-9]+"));
        if (words.stream().anyMatch(word -> REMOTE.stream().anyMatch(word::startsWith))) {
            throw new IOException(opening.base + " is on a network file system (" + type
                    + "), where neither locks nor forced writes can be relied on: use a local disk for the outbox");
        }
        if (words.stream().anyMatch(EPHEMERAL::contains)) {
            LOG.warn(
                    "The outbox in {} is on {}: what is queued there does not survive the host or container",
                    opening.base,
                    type);
        }
    }

    /** Null if another journal uses the directory, or it is of another store. */
    private static @Nullable Journal open(Opening opening, Path directory, boolean ownsThread) throws IOException {
        Closeable lock = opening.disk.lock(directory);
        if (lock == null) {
            return null;
        }
        Journal journal = new Journal(opening, directory, lock, ownsThread);
        boolean opened = false;
        try {
            Recovery recovery = Recovery.read(opening.disk, directory);
            String foreign = recovery.foreign(opening.settings.origin());
            if (foreign == null) {
                journal.recover(recovery);
                opened = true;
            } else {
                LOG.warn("The outbox leaves {} alone: it is of another store or version: {}", directory, foreign);
            }
        } finally {
            if (!opened) {
                lock.close();
            }
        }
        return opened ? journal : null;
    }

    /**
     * Claims what processes that have ended left behind: every other directory of the same store that has records and that
     * nobody uses. One that cannot be read is logged and left. Their records have to be appended here before they are
     * {@linkplain #destroy destroyed}.
     */
    List<Journal> orphans() throws IOException {
        return call(io, () -> {
            List<Journal> orphans = new ArrayList<>();
            for (String name : disk.list(base)) {
                Path sibling = base.resolve(name);
                if (name.matches("[0-9]+") && !sibling.equals(directory) && hasSegments(sibling)) {
                    try {
                        Journal orphan = open(new Opening(base, settings, disk, io), sibling, false);
                        if (orphan != null) {
                            orphans.add(orphan);
                        }
                    } catch (IOException e) {
                        LOG.warn("The outbox of an earlier process in {} cannot be adopted now", sibling, e);
                    }
                }
            }
            return orphans;
        });
    }

    private boolean hasSegments(Path sibling) throws IOException {
        return disk.list(sibling).stream().anyMatch(name -> Segment.numberIn(name) >= 0);
    }

    /** Deletes an orphan, whose records are safe elsewhere, and closes it. Damaged files that were set aside stay. */
    void destroy() throws IOException {
        if (markClosed()) {
            call(io, () -> {
                try {
                    deleteAll();
                    // Before the lock is given up, so that nobody can take a directory that is going.
                    disk.delete(directory.resolve("lock"));
                } finally {
                    lock.close();
                }
                if (disk.list(directory).isEmpty()) {
                    disk.delete(directory);
                    disk.forceDirectory(base);
                }
                return null;
            });
        }
    }

    /**
     * What was on disk, in the order of the files, which need not be that of the sequences: the newest record of a sequence
     * is the last one here. To be called once; the journal then forgets it.
     */
    List<Record> recovered() {
        synchronized (monitor) {
            List<Record> found = recovered;
            recovered = List.of();
            return found;
        }
    }

    /** What was found damaged when the directory was opened, and what became of it. */
    List<String> problems() {
        return problems;
    }

    Path directory() {
        return directory;
    }

    /** How many calls wait that are not being written yet. */
    int waiting() {
        synchronized (monitor) {
            return queue.size();
        }
    }

    /** How large the files are. */
    long bytes() {
        return bytes;
    }

    /**
     * Writes the records, together or not at all, and returns when they survive a power cut. Calls are written in their
     * order. Those that wait at the same time are forced together, and fail together. An interrupt does not end the call.
     *
     * @throws IOException if they are not on disk; then they will not be read back, unless the disk from then on takes
     *     nothing at all, not even that it must forget them
     */
    void append(List<Record> records) throws IOException {
        begin(records).await();
    }

    /** A call that has its place in the order. */
    @FunctionalInterface
    interface Appending {

        /** Returns, or throws, as {@link #append} does. */
        void await() throws IOException;
    }

    /** Does not wait, so that the order can be decided under a lock, and be waited for without. */
    Appending begin(List<Record> records) {
        CompletableFuture<@Nullable Void> done = new CompletableFuture<>();
        try {
            enqueue(new Write(List.copyOf(records), done));
        } catch (IOException e) {
            done.completeExceptionally(e);
        }
        return () -> await(done);
    }

    /** Has the record written with the next append, or forced when the journal is closed. Until then a crash may lose it. */
    void appendLazily(Record value) throws IOException {
        enqueue(new Write(List.of(value), null));
    }

    private void enqueue(Write write) throws IOException {
        synchronized (monitor) {
            if (closed) {
                throw new IOException("The outbox is closed");
            }
            queue.add(write);
            called = true;
            if (queue.size() == 1) {
                io.execute(this::flush);
            }
        }
    }

    private void flush() {
        List<Write> batch;
        synchronized (monitor) {
            batch = queue;
            queue = new ArrayList<>();
            called = false;
        }
        boolean force = isFull(current) || batch.stream().anyMatch(write -> write.done() != null);
        Throwable failure = null;
        try {
            write(batch, force);
        } catch (IOException | RuntimeException | Error e) {
            failure = e;
            batch.stream().filter(write -> write.done() == null).forEach(write -> unwritten.addAll(write.records()));
        }
        for (Write write : batch) {
            if (write.done() != null && failure == null) {
                write.done().complete(null);
            } else if (write.done() != null) {
                write.done().completeExceptionally(failure);
            }
        }
        if (force && failure == null) {
            tidy();
            linger();
        }
    }

    /** Stays awake for the next call. */
    private void linger() {
        long end = System.nanoTime() + LINGER_NANOS;
        while (!called && System.nanoTime() - end < 0) {
            Thread.onSpinWait();
        }
    }

    private void write(List<Write> batch, boolean force) throws IOException {
        for (boolean again = true; ; again = false) {
            Segment segment = current;
            if (segment == null || isFull(segment)) {
                segment = startSegment();
            }
            List<List<Record>> appends = new ArrayList<>();
            unwritten.forEach(value -> appends.add(List.of(value)));
            batch.forEach(write -> appends.add(write.records()));
            long offset = segment.length();
            boolean written = false;
            try {
                segment.append(appends);
                written = true;
                if (force) {
                    segment.force();
                }
            } catch (IOException | RuntimeException | Error e) {
                // A file that could not be forced must not be forced again: the system may have dropped what it held.
                if (!written && rolledBack(segment)) {
                    throw e;
                }
                leave(segment);
                if (!again) {
                    throw e;
                }
                continue;
            }
            for (List<Record> append : appends) {
                for (Record value : append) {
                    place(segment, (int) offset, value);
                    offset += RecordFormat.size(value);
                }
            }
            if (force) {
                unforced.clear();
            } else {
                appends.forEach(unforced::addAll);
            }
            unwritten.clear();
            count();
            return;
        }
    }

    private boolean rolledBack(Segment segment) {
        try {
            segment.rollBack();
            unforced.clear();
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** Goes on in a new segment. */
    private Segment startSegment() throws IOException {
        if (current != null) {
            end(current);
        }
        long number = nextNumber++;
        Segment segment = Segment.create(disk, directory, number);
        try {
            segment.append(List.of(List.of(Segment.Header.of(settings.origin(), cuts))));
            segment.force();
            disk.forceDirectory(directory);
        } catch (IOException | RuntimeException | Error e) {
            cuts.put(number, 0L);
            try {
                segment.delete();
            } catch (IOException alsoFailed) {
                e.addSuppressed(alsoFailed);
            }
            throw e;
        }
        cuts.clear();
        segments.add(segment);
        current = segment;
        count();
        return segment;
    }

    private boolean isFull(@Nullable Segment segment) {
        return segment != null && segment.length() >= settings.segmentBytes();
    }

    private void end(Segment segment) {
        try {
            if (!unforced.isEmpty()) {
                segment.force();
                unforced.clear();
            }
        } catch (IOException e) {
            LOG.debug("What is not forced in {} is written again", segment, e);
        }
        leave(segment);
    }

    /** Nothing after what was forced counts any more; lazy records there are written again. */
    private void leave(Segment segment) {
        segment.cut();
        cuts.put(segment.number, segment.length());
        unforced.addAll(unwritten);
        unwritten = unforced;
        unforced = new ArrayList<>();
        current = null;
    }

    private void place(Segment segment, int offset, Record value) {
        if (value.type() == HEADER) {
            return;
        }
        Location before = live.remove(value.sequence());
        if (before != null) {
            before.segment().live--;
            before.segment().liveBytes -= before.size();
        }
        if (value.type() == LIVE) {
            int size = RecordFormat.size(value);
            live.put(value.sequence(), new Location(segment, offset, size));
            segment.live++;
            segment.liveBytes += size;
        }
    }

    /**
     * Deletes what nobody needs, from the oldest segment on and in no other order: so a DONE never goes before an older LIVE
     * of the same operation, which would come back. Only after a force: until then the older state may be the one that counts.
     */
    private void tidy() {
        try {
            // No more than there are now: what is copied goes to the end.
            for (int left = segments.size() - 1; left > 0; left--) {
                Segment oldest = segments.getFirst();
                if (oldest.live > 0) {
                    long needed = segments.stream()
                            .mapToLong(segment -> segment.liveBytes)
                            .sum();
                    if (bytes <= 2 * needed + 2 * settings.segmentBytes()) {
                        return;
                    }
                    copyForward(oldest);
                }
                deleteOldest();
            }
        } catch (IOException | RuntimeException e) {
            LOG.warn("The outbox in {} keeps files that it no longer needs", directory, e);
        }
    }

    /** What counts is what was written, not what the callers hold by now: that may not be on disk yet, and may fail. */
    private void copyForward(Segment oldest) throws IOException {
        List<Write> copies = new ArrayList<>();
        for (RecordFormat.Located found :
                RecordFormat.read(disk.read(oldest.file)).records()) {
            Location location = live.get(found.value().sequence());
            if (location != null && location.segment() == oldest && location.offset() == found.offset()) {
                copies.add(new Write(List.of(found.value()), null));
            }
        }
        if (copies.size() < oldest.live) {
            throw new IOException(oldest + " was damaged since it was opened");
        }
        write(copies, true);
    }

    private void deleteOldest() throws IOException {
        Segment oldest = segments.getFirst();
        oldest.delete();
        segments.removeFirst();
        count();
        disk.forceDirectory(directory);
    }

    private void deleteAll() throws IOException {
        current = null;
        while (!segments.isEmpty()) {
            deleteOldest();
        }
    }

    private void count() {
        bytes = segments.stream().mapToLong(Segment::length).sum();
    }

    /** Makes what was read the state of this journal; repairs the files. */
    private void recover(Recovery recovery) throws IOException {
        recovery.repair(settings.origin());
        nextNumber = recovery.nextNumber();
        List<Record> records = new ArrayList<>();
        Map<Long, Segment> newest = new HashMap<>();
        recovery.segments().forEach((number, content) -> {
            Segment segment = Segment.existing(disk, directory, number, content.length());
            segments.add(segment);
            for (RecordFormat.Located found : content.records()) {
                place(segment, found.offset(), found.value());
                if (found.value().type() != HEADER) {
                    newest.put(found.value().sequence(), segment);
                    records.add(found.value());
                }
            }
        });
        count();
        for (Segment segment : List.copyOf(segments)) {
            RecordFormat.Content content = recovery.segments().get(segment.number);
            if (content != null && content.damaged() >= 0) {
                recovery.problems().add(setAside(segment, content, newest));
            }
        }
        recovered = records;
        problems = List.copyOf(recovery.problems());
        problems.forEach(problem -> LOG.warn("Outbox: {}", problem));
    }

    /**
     * Writes again what still counts in a damaged segment, then renames it. That includes each DONE, as an older segment may have
     * the LIVE, but no record of an operation that has a newer one in a later segment.
     */
    private String setAside(Segment segment, RecordFormat.Content content, Map<Long, Segment> newest) {
        Map<Long, Record> saved = new LinkedHashMap<>();
        for (RecordFormat.Located found : content.records()) {
            if (newest.get(found.value().sequence()) == segment && found.value().type() != HEADER) {
                saved.put(found.value().sequence(), found.value());
            }
        }
        String problem = segment + " is damaged at byte " + content.damaged() + ": what was there is lost; ";
        try {
            if (!saved.isEmpty()) {
                write(
                        saved.values().stream()
                                .map(value -> new Write(List.of(value), null))
                                .toList(),
                        true);
            }
            disk.rename(segment.file, segment.file.resolveSibling(segment.file.getFileName() + Recovery.DAMAGED));
            segments.remove(segment);
            count();
            disk.forceDirectory(directory);
            return problem + saved.size() + " records around it were saved, and the file was set aside";
        } catch (IOException e) {
            return problem + "the file could not be set aside: " + e;
        }
    }

    /** False if the journal was closed before. */
    private boolean markClosed() {
        synchronized (monitor) {
            boolean first = !closed;
            closed = true;
            return first;
        }
    }

    /** Forces what is written, and releases the directory. Returns after a second at the latest, whatever the disk does. */
    @Override
    public void close() {
        if (!markClosed()) {
            return;
        }
        CompletableFuture<@Nullable Void> done = new CompletableFuture<>();
        io.execute(() -> {
            try (lock) {
                finish();
            } catch (IOException | RuntimeException e) {
                LOG.warn("The outbox in {} could not be closed cleanly", directory, e);
            } finally {
                done.complete(null);
            }
        });
        if (ownsThread) {
            io.shutdown();
        }
        done.completeOnTimeout(null, CLOSE_MILLIS, TimeUnit.MILLISECONDS).join();
    }

    private void finish() throws IOException {
        try {
            // The latter so that what was refused is forgotten as well.
            if (!unforced.isEmpty() || !unwritten.isEmpty() || (current == null && !cuts.isEmpty())) {
                write(List.of(), true);
            }
            if (live.isEmpty() && ownsThread) {
                deleteAll();
            }
        } finally {
            if (current != null) {
                current.close();
            }
        }
    }

    /** Like the callers of append, it is not interrupted. */
    private static <T extends @Nullable Object> T call(ExecutorService io, Callable<T> task) throws IOException {
        CompletableFuture<T> result = new CompletableFuture<>();
        io.execute(() -> {
            try {
                result.complete(task.call());
            } catch (Exception | Error e) {
                result.completeExceptionally(e);
            }
        });
        return await(result);
    }

    private static <T extends @Nullable Object> T await(CompletableFuture<T> result) throws IOException {
        try {
            return result.join();
        } catch (CompletionException e) {
            throw new IOException(e.getCause());
        }
    }
}
