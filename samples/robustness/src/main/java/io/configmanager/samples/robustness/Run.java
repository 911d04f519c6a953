// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

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
        List<ClientProcess> clients = new ArrayList<>();
        ExecutorService threads = Executors.newCachedThreadPool();
        ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
        try (Backend server = settings.store().start(directory, plan);
                Recorder recorder = new Recorder(directory.resolve("run.rec"))) {
            ScheduledFuture<?> comparing = clock.scheduleAtFixedRate(
                    () -> recorder.write("W", System.nanoTime(), Clock.wallMicros()), 0, 250, TimeUnit.MILLISECONDS);
            for (int number = 1; number <= Settings.CLIENTS; number++) {
                ClientProcess client = new ClientProcess(directory, number, settings, server.port());
                clients.add(client);
                client.start();
            }
            for (ClientProcess client : clients) {
                requireSameClock(client.process().await("ready"));
            }
            long loadStart = System.nanoTime();
            recorder.write(
                    "I",
                    loadStart,
                    Clock.wallMicros(),
                    settings.store(),
                    settings.seed(),
                    settings.load().toMillis());
            clients.forEach(client -> client.process().order("load " + loadStart));
            Faults faults = new Faults(server, clients, recorder, loadStart);
            load(threads, server, faults, recorder, loadStart);
            converge(clients, server, faults, recorder);
            server.settle();
            stop(clients);
            comparing.cancel(false);
            try (Recorder out = new Recorder(directory.resolve("archive.rec"))) {
                server.export(out);
            }
        } finally {
            clock.shutdownNow();
            threads.shutdownNow();
            clients.forEach(ClientProcess::close);
        }
    }

    private void load(ExecutorService threads, Backend server, Faults faults, Recorder recorder, long loadStart)
            throws InterruptedException, ExecutionException {
        List<Future<?>> work = new ArrayList<>();
        List<Backend.Operator> operators = new ArrayList<>();
        for (int number = 0; number < Settings.OPERATORS; number++) {
            Backend.Operator operator = server.operator(number, recorder, loadStart);
            operators.add(operator);
            work.add(threads.submit(operator));
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
        operators.forEach(Backend.Operator::stop);
        for (Future<?> operator : work) {
            operator.get();
        }
    }

    /** Nothing is broken any more, but nothing is announced either. */
    private static void converge(List<ClientProcess> clients, Backend server, Faults faults, Recorder recorder)
            throws InterruptedException {
        for (ClientProcess client : clients) {
            client.process().order("stop-writing");
        }
        for (ClientProcess client : clients) {
            client.process().await("stopped");
        }
        // What is replayed is announced, so it has to be over when convergence without announcements is measured.
        for (ClientProcess client : clients) {
            client.process().order("drain " + LONGEST_CONVERGENCE.toSeconds());
        }
        for (ClientProcess client : clients) {
            client.process().await("drained");
        }
        // The last edits by hand get their revisions, so that nothing comes after the final value.
        server.settle();
        String value = Plan.tag("final", 1);
        long from = System.nanoTime();
        recorder.write("G", from, faults.finish(value), value);
        for (ClientProcess client : clients) {
            client.process().order("await-final " + value + " " + LONGEST_CONVERGENCE.toSeconds());
        }
        for (ClientProcess client : clients) {
            client.process().await("final");
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
            client.process().order("close");
        }
        for (ClientProcess client : clients) {
            client.process().await("closed");
            client.process().awaitExit();
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
}
