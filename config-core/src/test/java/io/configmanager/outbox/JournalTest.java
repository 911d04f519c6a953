// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.outbox.FaultyDisk.Step;
import io.configmanager.outbox.Journal.Record;
import io.configmanager.outbox.Journal.Settings;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalTest {

    private static final String ORIGIN = "PostgreSQL public.config_entry at db:5432/app";

    @TempDir
    Path temporary;

    private final List<Journal> open = new ArrayList<>();

    @AfterEach
    void close() {
        open.forEach(Journal::close);
    }

    @Test
    void whatIsAppendedIsReadBack() throws IOException {
        Journal journal = claim();
        journal.append(List.of(live(1, "a"), live(2, "b")));
        journal.append(List.of(done(1)));
        journal.appendLazily(live(2, "b2"));
        journal.close();
        Journal again = claim();
        assertThat(texts(again.recovered())).containsExactly("1:a", "2:b", "1 done", "2:b2");
        assertThat(again.problems()).isEmpty();
        assertThat(again.directory()).isEqualTo(base().resolve("0"));
    }

    @Test
    void whatLooksLikeARecordInsideOfADamagedOneIsNone() {
        byte[] inner =
                RecordFormat.encode(List.of(List.of(live(99, "not written")))).array();
        Record outer = new Record(Journal.LIVE, 1, inner);
        byte[] bytes = RecordFormat.encode(List.of(List.of(outer), List.of(live(2, "next"))))
                .array();
        bytes[Integer.BYTES]++;

        RecordFormat.Content content = RecordFormat.read(bytes);

        assertThat(content.damaged()).isZero();
        assertThat(content.records())
                .extracting(found -> found.value().sequence())
                .containsExactly(2L);
    }

    @Test
    void aDamagedRecordBeforeATornLastAppendIsNotTakenForATornOne() throws IOException {
        Journal journal = claim();
        journal.append(List.of(live(1, "kept")));
        int damaged = (int) Files.size(segment(0));
        journal.append(List.of(live(2, "damaged")));
        journal.append(List.of(live(3, "half"), live(4, "lost")));
        byte[] bytes = Files.readAllBytes(segment(0));
        bytes[damaged + RecordFormat.OVERHEAD]++;
        Path directory = Files.createDirectories(temporary.resolve("torn").resolve("0"));
        Files.write(directory.resolve("seg-0.log"), Arrays.copyOf(bytes, bytes.length - 1));

        try (Journal found = claim(directory.getParent(), new FileDisk())) {
            assertThat(texts(found.recovered())).contains("1:kept");
            assertThat(found.problems()).singleElement().asString().contains("damaged at byte " + damaged);
            assertThat(directory.resolve("seg-0.log.damaged")).exists();
        }
    }

    @Test
    void whenAllIsFinishedNothingStays() throws IOException {
        Journal journal = claim();
        journal.append(List.of(live(1, "a")));
        assertThat(journal.bytes()).isPositive();
        journal.appendLazily(done(1));
        journal.close();
        assertThat(names("0")).containsExactly("lock");
    }

    @Test
    void onlyTheOwnerMayReadAlsoInADirectoryThatExists() throws IOException {
        Files.createDirectories(base());
        Files.setPosixFilePermissions(base(), PosixFilePermissions.fromString("rwxrwxrwx"));
        claim().append(List.of(live(1, "a")));
        for (String name : List.of("", "0")) {
            assertThat(permissions(base().resolve(name))).isEqualTo("rwx------");
        }
        for (String name : List.of("lock", "seg-0.log")) {
            assertThat(permissions(base().resolve("0").resolve(name))).isEqualTo("rw-------");
        }
    }

    @Test
    void o2ATornLastAppendIsCutOffWhereverItIsTorn() throws IOException {
        Journal journal = claim();
        journal.append(List.of(live(1, "kept")));
        long kept = Files.size(segment(0));
        journal.append(List.of(live(2, "torn"), live(3, "too")));
        byte[] whole = Files.readAllBytes(segment(0));
        for (int length = (int) kept; length < whole.length; length++) {
            for (boolean zeros : new boolean[] {false, true}) {
                Path directory = Files.createDirectories(
                        temporary.resolve(length + "-" + zeros).resolve("0"));
                byte[] torn = Arrays.copyOf(Arrays.copyOf(whole, length), zeros ? whole.length : length);
                Files.write(directory.resolve("seg-0.log"), torn);
                try (Journal found = claim(directory.getParent(), new FileDisk())) {
                    assertThat(texts(found.recovered()))
                            .as("at byte %d", length)
                            .containsExactly("1:kept");
                    assertThat(found.problems())
                            .hasSize(torn.length == kept ? 0 : 1)
                            .allMatch(problem -> problem.endsWith(
                                    "unfinished append: " + (torn.length - kept) + " bytes were cut off"));
                    assertThat(Files.size(directory.resolve("seg-0.log"))).isEqualTo(kept);
                    found.append(List.of(live(4, "more")));
                }
                try (Journal found = claim(directory.getParent(), new FileDisk())) {
                    assertThat(texts(found.recovered())).containsExactly("1:kept", "4:more");
                    assertThat(found.problems()).isEmpty();
                }
            }
        }
    }

    @Test
    void o2AFlippedBitCostsOneRecordAndTheFileIsSetAside() throws IOException {
        Journal journal = claim();
        for (int i = 1; i <= 3; i++) {
            journal.append(List.of(live(i, "text" + i)));
        }
        journal.close();
        byte[] whole = Files.readAllBytes(segment(0));
        int second = new String(whole, StandardCharsets.ISO_8859_1).indexOf("text2") - RecordFormat.OVERHEAD;
        for (int at = second; at < second + RecordFormat.OVERHEAD + 5; at++) {
            Path directory =
                    Files.createDirectories(temporary.resolve("at" + at).resolve("0"));
            byte[] damaged = whole.clone();
            damaged[at] ^= 4;
            Files.write(directory.resolve("seg-0.log"), damaged);
            for (int start = 0; start < 2; start++) {
                try (Journal found = claim(directory.getParent(), new FileDisk())) {
                    assertThat(texts(found.recovered())).as("byte %d", at).containsExactly("1:text1", "3:text3");
                    assertThat(found.problems())
                            .hasSize(1 - start)
                            .allMatch(problem ->
                                    problem.contains("damaged at byte " + second) && problem.contains("2 records"));
                }
            }
            assertThat(new FileDisk().list(directory)).containsExactly("lock", "seg-0.log.damaged", "seg-1.log");
        }
    }

    @Test
    void whatIsSavedOfADamagedFileDoesNotBringBackWhatIsFinished() throws IOException {
        Disk disk = new FileDisk();
        String text = "large, so that nothing is copied forward ".repeat(10);
        Journal journal = claim(base(), disk, 90);
        journal.append(List.of(live(1, "a"), live(2, "b"), live(3, "c")));
        journal.append(List.of(live(2, "b2"), live(9, text)));
        journal.append(List.of(done(3)));
        journal.append(List.of(live(4, "d")));
        journal.close();
        byte[] first = Files.readAllBytes(segment(0));
        first[first.length - 1] ^= 1; // 3
        Files.write(segment(0), first);
        byte[] third = Files.readAllBytes(segment(2));
        third[20] ^= 1; // its header
        Files.write(segment(2), third);
        for (int start = 0; start < 2; start++) {
            Journal again = claim(base(), disk, 90);
            Map<Long, String> state = new TreeMap<>();
            again.recovered()
                    .forEach(value ->
                            state.put(value.sequence(), texts(List.of(value)).get(0)));
            assertThat(state.values()).containsExactly("1:a", "2:b2", "3 done", "4:d", "9:" + text);
            again.close();
        }
        assertThat(names("0")).contains("seg-0.log.damaged", "seg-2.log.damaged");
    }

    @Test
    void o3ADiskThatIsFullRefusesAndTakesAgainWhenThereIsRoom() throws Exception {
        Path small = temporary.resolve("small");
        Files.createDirectories(small);
        boolean real = mounted(small);
        AtomicBoolean full = new AtomicBoolean();
        Disk disk = real
                ? new FileDisk()
                : new FaultyDisk(new FileDisk(), (step, path) -> {
                    if (full.get() && (step == Step.HALF_APPENDED || step == Step.CREATE)) {
                        throw new IOException("No space left on device");
                    }
                });
        System.out.println(
                "O3: the full disk is " + (real ? "a tmpfs of 256 KiB" : "injected, as nothing can be mounted"));
        try {
            Journal journal = claim(small, disk);
            journal.append(List.of(live(1, "a")));
            Path filler = small.resolve("filler");
            full.set(true);
            if (real) {
                assertThatThrownBy(() -> Files.write(filler, new byte[1 << 20])).isInstanceOf(IOException.class);
            }
            String text = "x".repeat(10_000);
            for (int i = 2; i < 5; i++) {
                long sequence = i;
                assertThatThrownBy(() -> journal.append(List.of(live(sequence, text))))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("No space left");
            }
            full.set(false);
            Files.deleteIfExists(filler);
            journal.append(List.of(live(5, text)));
            journal.close();
            try (Journal again = claim(small, disk)) {
                assertThat(texts(again.recovered())).containsExactly("1:a", "5:" + text);
                assertThat(again.problems()).isEmpty();
            }
        } finally {
            open.forEach(Journal::close);
            if (real) {
                run("umount", small.toString());
            }
        }
    }

    private static boolean mounted(Path directory) throws Exception {
        try {
            return run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", directory.toString()) == 0;
        } catch (IOException e) {
            return false; // no such command
        }
    }

    private static int run(String... command) throws Exception {
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor();
    }

    @Test
    void o3AFileThatCouldNotBeForcedIsNeverForcedAgain() throws IOException {
        Set<Path> bad = ConcurrentHashMap.newKeySet();
        AtomicBoolean failing = new AtomicBoolean();
        Disk disk = new FaultyDisk(new FileDisk(), (step, path) -> {
            if (step == Step.FORCE) {
                assertThat(bad).doesNotContain(path);
                if (failing.getAndSet(false)) {
                    bad.add(path);
                    throw new IOException("Input/output error");
                }
            }
        });
        Journal journal = claim(disk);
        journal.append(List.of(live(1, "a")));
        journal.appendLazily(live(2, "b"));
        failing.set(true);
        journal.append(List.of(live(3, "c")));
        assertThat(bad).containsExactly(segment(0));
        journal.append(List.of(live(4, "d")));
        journal.close();
        assertThat(texts(claim(disk).recovered())).containsExactly("1:a", "2:b", "3:c", "4:d");
    }

    @Test
    void o3WhatCanNowhereBeForcedIsRefusedAndNotReadBack() throws IOException {
        AtomicBoolean failing = new AtomicBoolean();
        Disk disk = new FaultyDisk(new FileDisk(), (step, path) -> {
            if (failing.get() && (step == Step.FORCE || step == Step.TRUNCATE || step == Step.DELETE)) {
                throw new IOException("Input/output error");
            }
        });
        Journal journal = claim(disk);
        journal.append(List.of(live(1, "a")));
        failing.set(true);
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> journal.append(List.of(live(2, "b"))))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("Input/output error");
        }
        failing.set(false);
        journal.append(List.of(live(3, "c")));
        journal.close();
        assertThat(new FileDisk().read(segment(0)))
                .asString(StandardCharsets.ISO_8859_1)
                .contains("b");
        assertThat(texts(claim(disk).recovered())).containsExactly("1:a", "3:c");
    }

    @Test
    void o8ASecondProcessTakesAnotherDirectoryAndWhatItLeavesIsAdoptedOnce() throws Exception {
        Journal journal = claim();
        journal.append(List.of(live(1, "mine")));
        Process other = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        ManagementFactory.getRuntimeMXBean().getClassPath(),
                        OtherProcess.class.getName(),
                        base().toString(),
                        ORIGIN)
                .redirectErrorStream(true)
                .start();
        try (BufferedReader output = other.inputReader(StandardCharsets.UTF_8)) {
            assertThat(output.readLine()).isEqualTo(base().resolve("1").toString());
            assertThat(journal.orphans()).isEmpty();
            assertThat(other.isAlive()).isTrue();
        } finally {
            other.destroyForcibly().waitFor();
        }
        List<Journal> orphans = journal.orphans();
        open.addAll(orphans);
        assertThat(orphans).hasSize(1);
        assertThat(texts(orphans.get(0).recovered())).containsExactly("1:theirs");
        assertThat(journal.orphans()).as("while it is being adopted").isEmpty();
        orphans.get(0).destroy();
        orphans.get(0).close();
        assertThat(journal.orphans()).isEmpty();
        assertThat(new FileDisk().list(base())).containsExactly("0");
    }

    /** Takes a directory, writes, and waits to be killed. */
    static final class OtherProcess {
        public static void main(String[] arguments) throws Exception {
            Journal journal = Journal.claim(
                    Path.of(arguments[0]), new Settings(arguments[1], Settings.SEGMENT_BYTES), new FileDisk());
            journal.append(List.of(live(1, "theirs")));
            System.out.println(journal.directory());
            new CountDownLatch(1).await();
        }
    }

    @Test
    void o8AnotherJournalOfThisProcessTakesAnotherDirectoryAndTheLockIsKept() throws Exception {
        Journal first = claim();
        Journal second = claim();
        assertThat(List.of(first.directory(), second.directory()))
                .containsExactly(base().resolve("0"), base().resolve("1"));
        second.append(List.of(live(1, "b")));
        second.close();
        assertThat(isLockedForOthers("0")).isTrue();
        assertThat(isLockedForOthers("1")).isFalse();
        first.close();
        assertThat(isLockedForOthers("0")).isFalse();
    }

    private boolean isLockedForOthers(String directory) throws Exception {
        String file = base().resolve(directory).resolve("lock").toString();
        Process other = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        ManagementFactory.getRuntimeMXBean().getClassPath(),
                        LockTrial.class.getName(),
                        file)
                .start();
        return other.waitFor() == 1;
    }

    /** Ends with 1 if the file is locked. */
    static final class LockTrial {
        public static void main(String[] arguments) throws IOException {
            try (FileChannel channel = FileChannel.open(Path.of(arguments[0]), StandardOpenOption.WRITE)) {
                System.exit(channel.tryLock() == null ? 1 : 0);
            }
        }
    }

    @Test
    void aDirectoryOfAnotherStoreIsLeftAlone() throws IOException {
        Journal other = Journal.claim(base(), new Settings("another", Settings.SEGMENT_BYTES), new FileDisk());
        other.append(List.of(live(1, "a")));
        other.close();
        byte[] before = Files.readAllBytes(segment(0));
        Journal journal = claim();
        assertThat(journal.directory()).isEqualTo(base().resolve("1"));
        assertThat(journal.orphans()).isEmpty();
        assertThat(Files.readAllBytes(segment(0))).isEqualTo(before);
        assertThat(isRegistered("0")).isFalse();
    }

    private boolean isRegistered(String directory) throws IOException {
        try (Closeable lock = new FileDisk().lock(base().resolve(directory))) {
            return lock == null;
        }
    }

    @Test
    void o10AnInterruptedCallerIsAcknowledgedAndNothingIsClosed() throws Exception {
        CountDownLatch forcing = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        AtomicBoolean blocking = new AtomicBoolean();
        Disk disk = new FaultyDisk(new FileDisk(), (step, path) -> {
            if (step == Step.FORCE && blocking.getAndSet(false)) {
                forcing.countDown();
                awaitUninterruptibly(interrupted);
            }
        });
        Journal journal = claim(disk);
        blocking.set(true);
        AtomicBoolean kept = new AtomicBoolean();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Thread caller = new Thread(() -> {
            try {
                journal.append(List.of(live(1, "a")));
                journal.append(List.of(live(2, "b")));
                kept.set(Thread.currentThread().isInterrupted());
            } catch (IOException e) {
                failure.set(e);
            }
        });
        caller.start();
        forcing.await();
        caller.interrupt();
        interrupted.countDown();
        caller.join();
        assertThat(failure.get()).isNull();
        assertThat(kept).isTrue();
        assertThat(isLockedForOthers("0")).isTrue();
        journal.append(List.of(live(3, "c")));
        journal.close();
        Thread.currentThread().interrupt();
        Journal again = claim();
        assertThat(Thread.interrupted()).isTrue();
        assertThat(texts(again.recovered())).containsExactly("1:a", "2:b", "3:c");
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError("Somebody interrupted the thread of the journal", e);
        }
    }

    @Test
    void thoseThatWaitTogetherAreForcedTogetherInTheirOrderAndFailTogether() throws Exception {
        AtomicInteger forces = new AtomicInteger();
        Semaphore permits = new Semaphore(1_000);
        AtomicBoolean full = new AtomicBoolean();
        Disk disk = new FaultyDisk(new FileDisk(), (step, path) -> {
            if (step == Step.FORCE) {
                forces.incrementAndGet();
                permits.acquireUninterruptibly();
            }
            if (full.get() && step == Step.HALF_APPENDED) {
                throw new IOException("No space left on device");
            }
        });
        Journal journal = claim(disk);
        journal.append(List.of(live(1, "first")));
        for (boolean fails : new boolean[] {false, true}) {
            permits.drainPermits();
            int before = forces.get();
            List<CompletableFuture<Boolean>> calls = new ArrayList<>();
            calls.add(appending(journal, 2));
            Awaitility.await().until(() -> forces.get() == before + 1);
            for (int i = 3; i < 10; i++) {
                int waiting = i - 2;
                calls.add(appending(journal, i));
                Awaitility.await().until(() -> journal.waiting() == waiting);
            }
            full.set(fails);
            permits.release(1_000);
            for (int i = 0; i < calls.size(); i++) {
                assertThat(calls.get(i).get()).isEqualTo(i == 0 || !fails);
            }
            assertThat(forces.get()).isEqualTo(before + 2);
            full.set(false);
        }
        journal.close();
        assertThat(texts(claim().recovered()).stream().map(text -> text.substring(0, 1)))
                .containsExactly("1", "2", "3", "4", "5", "6", "7", "8", "9", "2");
    }

    private static CompletableFuture<Boolean> appending(Journal journal, long sequence) {
        CompletableFuture<Boolean> acknowledged = new CompletableFuture<>();
        new Thread(() -> {
                    try {
                        journal.append(List.of(live(sequence, "x")));
                        acknowledged.complete(true);
                    } catch (IOException e) {
                        acknowledged.complete(false);
                    }
                })
                .start();
        return acknowledged;
    }

    @Test
    void segmentsGoWhenAllInThemIsFinishedAndWhatIsLeftIsCopiedForward() throws IOException {
        Journal journal = claim(base(), new FileDisk(), 1_000);
        journal.append(List.of(live(1, "stays"), live(1_000, "too")));
        for (long i = 2; i < 500; i++) {
            journal.append(List.of(live(i, "x".repeat(100))));
            journal.appendLazily(done(i));
        }
        journal.orphans(); // comes after what is tidied up
        assertThat(journal.bytes()).isLessThan(5_000);
        assertThat(names("0")).hasSizeLessThan(6).doesNotContain("seg-0.log");
        journal.close();
        Journal again = claim(base(), new FileDisk(), 1_000);
        assertThat(texts(again.recovered())).contains("1:stays", "1000:too").noneMatch(text -> text.startsWith("2:"));
        again.append(List.of(done(1), done(1_000)));
        again.close();
        assertThat(names("0")).containsExactly("lock");
    }

    @Test
    void whatCanWaitDoesNotPileUp() throws IOException {
        Journal journal = claim(base(), new FileDisk(), 1_000);
        for (long i = 1; i < 500; i++) {
            journal.appendLazily(live(i, "x".repeat(100)));
            journal.appendLazily(done(i));
        }
        journal.orphans();
        assertThat(journal.bytes()).isLessThan(200_000);
        journal.append(List.of(live(1_000, "a")));
        journal.orphans();
        assertThat(journal.bytes()).isLessThan(5_000);
    }

    @Test
    void aNetworkFileSystemIsRefused() {
        for (String type : List.of("nfs4", "cifs", "smb3", "fuse.sshfs", "9p")) {
            Disk disk = new FaultyDisk(new FileDisk(), (step, path) -> {}) {
                @Override
                public String typeOf(Path directory) {
                    return type;
                }
            };
            assertThatThrownBy(() -> claim(disk))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(type)
                    .hasMessageContaining("local disk");
        }
    }

    @Test
    void whatIsClosedTakesNothingMoreAndLeavesNoThread() throws Exception {
        Set<Thread> before = Thread.getAllStackTraces().keySet();
        Journal journal = claim();
        journal.append(List.of(live(1, "a")));
        Set<Thread> own = new HashSet<>(Thread.getAllStackTraces().keySet());
        own.removeAll(before);
        own.removeIf(thread -> !thread.getName().equals("config-outbox"));
        assertThat(own).hasSize(1);
        journal.close();
        journal.close();
        assertThatThrownBy(() -> journal.append(List.of(live(2, "b")))).isInstanceOf(IOException.class);
        own.iterator().next().join();
    }

    private static String permissions(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    private Journal claim() throws IOException {
        return claim(new FileDisk());
    }

    private Journal claim(Disk disk) throws IOException {
        return claim(base(), disk);
    }

    private Journal claim(Path base, Disk disk) throws IOException {
        return claim(base, disk, Settings.SEGMENT_BYTES);
    }

    private Journal claim(Path base, Disk disk, long segmentBytes) throws IOException {
        Journal journal = Journal.claim(base, new Settings(ORIGIN, segmentBytes), disk);
        open.add(journal);
        return journal;
    }

    private Path segment(long number) {
        return base().resolve("0").resolve("seg-" + number + ".log");
    }

    private Path base() {
        return temporary.resolve("outbox");
    }

    private List<String> names(String directory) throws IOException {
        return new FileDisk().list(base().resolve(directory));
    }

    static Record live(long sequence, String text) {
        return new Record(Journal.LIVE, sequence, text.getBytes(StandardCharsets.UTF_8));
    }

    static Record done(long sequence) {
        return new Record(Journal.DONE, sequence, new byte[0]);
    }

    static List<String> texts(List<Record> records) {
        return records.stream()
                .map(value -> value.type() == Journal.DONE
                        ? value.sequence() + " done"
                        : value.sequence() + ":" + new String(value.payload(), StandardCharsets.UTF_8))
                .toList();
    }
}
