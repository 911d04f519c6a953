// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.QueuedWrite;
import io.configmanager.StoreException;
import io.configmanager.outbox.DiskOutbox;
import io.configmanager.outbox.OutboxSettings;
import io.configmanager.outbox.Surroundings;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** Writes that the outbox acknowledges while the store is away, beside a loop that appends as many bytes and forces them. */
final class QueuedWrites implements Part {

    static final String SINGLE = "queued writes, 1 thread, per second";
    static final String CONCURRENT = "queued writes, 16 threads, per second";

    private static final int THREADS = 16;

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        // Among the build's files: the directory for temporary files may be in memory.
        Path directory = Files.createDirectories(Path.of("samples/benchmarks/target"));
        Path temporary = Files.createTempDirectory(directory.toAbsolutePath(), "outbox");
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try (DiskOutbox outbox = DiskOutbox.open(settings(temporary.resolve("outbox")), new StoreThatIsAway());
                FileChannel bare = FileChannel.open(
                        temporary.resolve("bare"), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            int count = quick ? 100 : 500;
            enqueue(outbox, 0, count);
            long before = outbox.stats().bytes();
            enqueue(outbox, 0, count);
            byte[] record = new byte[Math.toIntExact((outbox.stats().bytes() - before) / count)];

            Map<String, Writes.Write> single = new LinkedHashMap<>();
            single.put(Figures.OURS, (first, many) -> enqueue(outbox, first, many));
            single.put(Figures.BARE, (first, many) -> append(bare, record, many));
            Writes.measure(figures, SINGLE, single, count, quick ? 2 : 12);

            Map<String, Writes.Write> concurrent = new LinkedHashMap<>();
            concurrent.put(Figures.OURS, (first, many) -> {
                List<Future<?>> parts = new ArrayList<>();
                for (int thread = 0; thread < THREADS; thread++) {
                    int from = first + thread * (many / THREADS);
                    parts.add(threads.submit(() -> enqueue(outbox, from, many / THREADS)));
                }
                for (Future<?> part : parts) {
                    part.get();
                }
            });
            concurrent.put(Figures.BARE, (first, many) -> append(bare, record, many));
            Writes.measure(figures, CONCURRENT, concurrent, THREADS * count / 4, quick ? 2 : 12);
            figures.note("Bare: one thread that appends " + record.length
                    + " bytes, which is what a queued write takes, to a file and forces it, again and again.");
        } finally {
            threads.shutdown();
            delete(temporary);
        }
    }

    private static void enqueue(DiskOutbox outbox, int first, int count) {
        for (int i = first; i < first + count; i++) {
            outbox.enqueue(Database.commit("", "bench/key-" + i % 100, i), false, operation -> null, null);
        }
    }

    private static void append(FileChannel file, byte[] bytes, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            ByteBuffer left = ByteBuffer.wrap(bytes);
            while (left.hasRemaining()) {
                file.write(left);
            }
            file.force(false);
        }
    }

    private static OutboxSettings settings(Path directory) {
        return new OutboxSettings(
                directory,
                "benchmark",
                true,
                Integer.MAX_VALUE,
                Long.MAX_VALUE,
                Duration.ofHours(1),
                Duration.ofHours(1),
                Duration.ofHours(1),
                Duration.ofHours(1));
    }

    private static void delete(Path directory) throws IOException {
        try (var paths = Files.walk(directory)) {
            for (Path path : paths.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private static final class StoreThatIsAway implements Surroundings {
        @Override
        public CommitResult commit(Commit commit) {
            throw new StoreException("It is away", true, null);
        }

        @Override
        public boolean isOfAnotherHistory(Position position) {
            return false;
        }

        @Override
        public void pending(String namespace, String key, QueuedWrite.@Nullable Change pending) {}
    }
}
