// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.store.postgres.PostgresNames;
import io.configmanager.store.postgres.PostgresSchema;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** One run: starts everything, lets the plan happen, heals, and leaves records in a directory. Judges nothing. */
final class Run {

    private static final Duration LONGEST_CONVERGENCE = Duration.ofSeconds(20);

    private final Settings settings;
    private final Plan plan;
    private final Path directory;

    Run(Settings settings, Path directory) {
        this.settings = settings;
        this.plan = new Plan(settings);
        this.directory = directory;
    }

    void execute() throws Exception {
        Files.createDirectories(directory);
        Files.write(directory.resolve("plan.txt"), plan.text(), StandardCharsets.UTF_8);
        Path data = Files.createTempDirectory("robustness-pg");
        List<ClientProcess> clients = new ArrayList<>();
        ExecutorService threads = Executors.newCachedThreadPool();
        ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
        try (Server server = new Server(data);
                Recorder recorder = new Recorder(directory.resolve("run.rec"))) {
            new PostgresSchema(PostgresNames.DEFAULT).initialize(server.direct());
            Archive archive = new Archive(server);
            firstValues(server);
            // Late enough that every process is there.
            long loadStart = System.nanoTime() + TimeUnit.SECONDS.toNanos(4);
            recorder.write(
                    "I",
                    System.nanoTime(),
                    Clock.wallMicros(),
                    loadStart,
                    settings.seed(),
                    settings.load().toMillis());
            ScheduledFuture<?> comparing = clock.scheduleAtFixedRate(
                    () -> recorder.write("W", System.nanoTime(), Clock.wallMicros()), 0, 250, TimeUnit.MILLISECONDS);
            for (int number = 1; number <= Settings.CLIENTS; number++) {
                ClientProcess client = new ClientProcess(directory, number, settings, server.port(), loadStart);
                clients.add(client);
                client.start();
            }
            for (ClientProcess client : clients) {
                requireSameClock(client.await("ready"));
            }
            Faults faults = new Faults(server, archive, clients, recorder, loadStart);
            load(threads, server, faults, recorder, loadStart);
            converge(clients, faults, recorder);
            stop(clients);
            comparing.cancel(false);
            try (Recorder out = new Recorder(directory.resolve("archive.rec"))) {
                archive.export(out);
            }
        } finally {
            clock.shutdownNow();
            threads.shutdownNow();
            clients.forEach(ClientProcess::close);
            delete(data);
        }
    }

    private void load(ExecutorService threads, Server server, Faults faults, Recorder recorder, long loadStart)
            throws InterruptedException, ExecutionException {
        List<Future<?>> work = new ArrayList<>();
        List<SqlWriter> writers = new ArrayList<>();
        for (int number = 0; number < Settings.SQL_WRITERS; number++) {
            SqlWriter writer = new SqlWriter(server, recorder, plan.statements(number), loadStart);
            writers.add(writer);
            work.add(threads.submit(writer));
        }
        List<Future<?>> lanes = new ArrayList<>();
        for (int lane = 0; lane <= Settings.CLIENTS; lane++) {
            List<Plan.Fault> planned = plan.faults(lane);
            lanes.add(threads.submit(() -> {
                faults.run(planned);
                return null;
            }));
        }
        for (Future<?> lane : lanes) {
            lane.get();
        }
        Clock.awaitNanos(loadStart + settings.load().toNanos());
        writers.forEach(SqlWriter::stop);
        for (Future<?> writer : work) {
            writer.get();
        }
    }

    /** Nothing is broken any more, but nothing is announced either. */
    private static void converge(List<ClientProcess> clients, Faults faults, Recorder recorder)
            throws InterruptedException {
        for (ClientProcess client : clients) {
            client.order("stop-writing");
        }
        for (ClientProcess client : clients) {
            client.await("stopped");
        }
        String value = Plan.tag("final", 1);
        long from = System.nanoTime();
        recorder.write("G", from, faults.finish(value), value);
        for (ClientProcess client : clients) {
            client.order("await-final " + value + " " + LONGEST_CONVERGENCE.toSeconds());
        }
        for (ClientProcess client : clients) {
            client.await("final");
        }
    }

    /** Each client in another state of its link: as it should be, silent, gone. */
    private static void stop(List<ClientProcess> clients) throws InterruptedException {
        for (int i = 0; i < clients.size(); i++) {
            ClientProcess client = clients.get(i);
            if (i % 3 == 1) {
                client.link.freeze(true);
            } else if (i % 3 == 2) {
                client.link.refuse(true);
                client.link.cut();
            }
            client.order("close");
        }
        for (ClientProcess client : clients) {
            client.await("closed");
            client.awaitExit();
        }
    }

    private static void firstValues(Server server) throws SQLException {
        try (Connection connection = server.connect()) {
            for (String namespace : Keys.NAMESPACES) {
                SqlWriter.put(connection, namespace, Keys.BROKEN, "0", 0, Plan.tag("start", 0) + namespace);
            }
        }
    }

    /** All records are compared by the monotonic clock, so it must be one for all processes. */
    private static void requireSameClock(String ready) {
        long theirs = Long.parseLong(ready.split(" ")[1]);
        long apart = Math.abs(System.nanoTime() - theirs);
        if (apart > TimeUnit.SECONDS.toNanos(60)) {
            throw new IllegalStateException("The monotonic clocks of two processes differ by " + apart + " ns");
        }
    }

    private static void delete(Path tree) throws IOException {
        try (Stream<Path> paths = Files.walk(tree)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }
}
