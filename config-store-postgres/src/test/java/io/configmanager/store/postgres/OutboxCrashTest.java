// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.outbox.CrashingProcess;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills processes (SIGKILL) at steps of what their outbox does with files, the store and its callers, and has the next one
 * go on. What was acknowledged must be in the store or in the outbox, in the store at most once, and in order of its key; at
 * the end all of it is in the store. {@code -Dcrash.kills=500} kills more often, {@code -Dcrash.seed=17} repeats the choices.
 */
class OutboxCrashTest {

    private static final int KILLS = 20;
    private static final int VALUES_OF_A_LIFE = 100;
    private static final long HANGING_SECONDS = 60;

    @TempDir
    Path temporary;

    private final TestDatabase database = new TestDatabase(OutboxCrashTest.class);
    private final long seed = Long.getLong("crash.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final Set<String> acknowledged = new HashSet<>();
    private final Map<String, Integer> kills = new TreeMap<>();
    private int firstValue;

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    @Timeout(value = 60, unit = TimeUnit.MINUTES)
    void o1WhatWasAcknowledgedIsThereOnceAndInOrderWhereverTheProcessIsKilled() throws Exception {
        int wanted = Integer.getInteger("crash.kills", KILLS);
        int killed = 0;
        while (killed < wanted) {
            if (random.nextInt(8) == 0) {
                damageAHeader();
            }
            String step = CrashingProcess.STEPS.get(random.nextInt(CrashingProcess.STEPS.size()));
            if (live(step, 1 + random.nextInt(1 + random.nextInt(12)))) {
                killed++;
            }
        }
        live("NEVER", 1);
        assertThat(logged()).as("in the store").containsAll(acknowledged);
        assertThat(segments()).isEmpty();
        System.out.println("Killed " + killed + " times with seed " + seed + ", " + acknowledged.size()
                + " writes acknowledged; at " + kills);
    }

    /** Whether it came to the step. */
    private boolean live(String stopAt, int occurrence) throws Exception {
        firstValue += VALUES_OF_A_LIFE;
        Process process = start(stopAt, occurrence);
        CompletableFuture<Process> hanging =
                new CompletableFuture<Process>().completeOnTimeout(process, HANGING_SECONDS, TimeUnit.SECONDS);
        CompletableFuture<Void> killed = hanging.thenAccept(Process::destroyForcibly);
        String at = null;
        boolean ended = false;
        StringBuilder log = new StringBuilder();
        try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                if (!line.startsWith(CrashingProcess.SAYS)) {
                    log.append(line).append('\n');
                    continue;
                }
                String[] words = line.substring(CrashingProcess.SAYS.length()).split(" ");
                switch (words[0]) {
                    case "pending" -> {
                        check(Arrays.asList(words).subList(1, words.length));
                        try (Writer input = process.outputWriter(StandardCharsets.UTF_8)) {
                            input.write("go\n");
                        }
                    }
                    case "acknowledged" -> acknowledged.add(words[1]);
                    case "at" -> {
                        at = words[1];
                        // Not Process.destroyForcibly, which would throw away what was acknowledged last.
                        process.toHandle().destroyForcibly();
                    }
                    case "end" -> ended = true;
                    default -> throw new AssertionError(line);
                }
            }
        } finally {
            process.destroyForcibly();
        }
        hanging.cancel(false);
        assertThat(killed).isDone();
        if (at != null) {
            kills.merge(at, 1, Integer::sum);
        } else if (!ended) {
            throw new AssertionError("Seed " + seed + ": the process neither ended nor came to " + stopAt + " "
                    + occurrence + ":\n" + log);
        }
        return at != null;
    }

    private Process start(String stopAt, int occurrence) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-Xmx128m",
                        "-Dlogback.configurationFile=" + System.getProperty("logback.configurationFile"),
                        "-cp",
                        ManagementFactory.getRuntimeMXBean().getClassPath(),
                        CrashingProcess.class.getName(),
                        temporary.resolve("outbox").toString(),
                        String.valueOf(TestDatabase.port()),
                        database.names.schema(),
                        stopAt,
                        String.valueOf(occurrence),
                        String.valueOf(firstValue))
                .redirectErrorStream(true)
                .start();
    }

    /** @param pending what the outbox holds, as {@code STATE:key=value}, before anything of it is applied */
    private void check(List<String> pending) throws SQLException {
        List<String> logged = logged();
        List<String> held = new ArrayList<>();
        for (String write : pending) {
            assertThat(write).as("Seed " + seed).startsWith("PENDING:");
            held.add(write.substring("PENDING:".length()));
        }
        assertThat(logged).as("Seed %s: in the store", seed).doesNotHaveDuplicates();
        assertThat(held).as("Seed %s: in the outbox", seed).doesNotHaveDuplicates();
        Set<String> there = new HashSet<>(logged);
        there.addAll(held);
        assertThat(there).as("Seed %s: in the store or in the outbox", seed).containsAll(acknowledged);
        // A write that was committed may still be pending; then it is the last one of its key in the store.
        held.removeAll(logged);
        Map<String, Integer> last = new HashMap<>();
        for (String write : Stream.concat(logged.stream(), held.stream()).toList()) {
            int equals = write.indexOf('=');
            int value = Integer.parseInt(write.substring(equals + 1));
            Integer before = last.put(write.substring(0, equals), value);
            assertThat(before == null || before < value)
                    .as("Seed %s: %s after %s", seed, write, before)
                    .isTrue();
        }
    }

    /** What the store was told, in order, as {@code key=value}. */
    private List<String> logged() throws SQLException {
        List<String> writes = new ArrayList<>();
        try (Connection connection = database.direct.getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(
                        database.names.apply("SELECT key || '=' || substring(value, 2, position('x' in value) - 2)"
                                + " FROM public.config_log ORDER BY rev, id"))) {
            while (rows.next()) {
                writes.add(rows.getString(1));
            }
        }
        return writes;
    }

    /** So that a file is set aside: no record is lost by it. */
    private void damageAHeader() throws IOException {
        List<Path> segments = segments();
        if (!segments.isEmpty()) {
            Path segment = segments.get(random.nextInt(segments.size()));
            byte[] bytes = Files.readAllBytes(segment);
            if (bytes.length > 20) {
                bytes[20] ^= 1;
                Files.write(segment, bytes);
            }
        }
    }

    private List<Path> segments() throws IOException {
        try (Stream<Path> files = Files.list(temporary.resolve("outbox").resolve("0"))) {
            return files.filter(file -> file.toString().endsWith(".log"))
                    .sorted()
                    .toList();
        } catch (java.nio.file.NoSuchFileException e) {
            return List.of();
        }
    }
}
