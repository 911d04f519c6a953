// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.ConfigException;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigObserver;
import io.configmanager.Outbox;
import io.configmanager.OutboxStats;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.outbox.OutboxSettings;
import io.configmanager.samples.robustness.Plan.CallKind;
import io.configmanager.samples.robustness.Plan.QueueKind;
import io.configmanager.samples.robustness.Plan.Step;
import io.configmanager.spring.ConfigManagerBuilderCustomizer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * The process of one manager: builds it as an application would, lets its writers work, and records what it publishes. Takes
 * orders on its standard input and ends with it.
 */
final class Client {

    /** Three kinds of listeners, in two of the namespaces. */
    static final List<String> LISTENERS = List.of("fast", "slow", "throwing");

    static final List<String> LISTENED = Keys.NAMESPACES.subList(0, 2);

    private final Recorder recorder;
    private final ClientStore store;
    private final Publications publications;
    private final ConfigManager manager;
    private final Sampler sampler;
    private final AnnotationConfigApplicationContext application;
    private final FleetWatch fleet;
    private final List<List<Step<CallKind>>> planned = new ArrayList<>();
    private final List<List<Step<QueueKind>>> queued = new ArrayList<>();
    private final List<PlannedWriter<?>> writers = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();

    private Client(Path directory, int number, int incarnation, Recorder recorder, Plan plan, ClientStore store) {
        this.recorder = recorder;
        this.store = store;
        AtomicReference<@Nullable ConfigManager> late = new AtomicReference<>();
        this.publications = new Publications(recorder, late);
        this.application = Injected.application(recorder, () -> Objects.requireNonNull(late.get()));
        ConfigManagerBuilder builder = ConfigManagerBuilder.forStore(store.store())
                .preload(Keys.NAMESPACES.get(0), Keys.NAMESPACES.get(1))
                .retry(Settings.FIRST_RETRY, Settings.LAST_RETRY, Settings.STABLE_AFTER)
                .maintenanceInterval(Settings.MAINTENANCE)
                .startup(ConfigManagerBuilder.StartupPolicy.FAIL, Duration.ofSeconds(5))
                .outbox(outbox(directory.resolve("outbox-" + number)))
                .fleet(number + "." + incarnation, Settings.FLEET_INTERVAL, Settings.FLEET_EXPIRY)
                .observer(new RecordingObserver(recorder))
                .onApplied(publications::applied);
        application.getBean(ConfigManagerBuilderCustomizer.class).customize(builder);
        this.manager = builder.build();
        late.set(manager);
        this.sampler = new Sampler(manager, publications, recorder);
        this.fleet = new FleetWatch(manager, recorder);
        for (int writer = 0; writer < Settings.WRITERS_PER_CLIENT; writer++) {
            planned.add(plan.calls(number, writer));
            queued.add(plan.queued(number, writer));
        }
    }

    /** Directory, number, incarnation, store, seed, milliseconds and port. */
    public static void main(String[] arguments) throws Exception {
        Path directory = Path.of(arguments[0]);
        int number = Integer.parseInt(arguments[1]);
        int incarnation = Integer.parseInt(arguments[2]);
        Store kind = Store.valueOf(arguments[3]);
        Settings settings =
                new Settings(kind, Long.parseLong(arguments[4]), Duration.ofMillis(Long.parseLong(arguments[5])));
        Recorder recorder = new Recorder(directory.resolve("client-" + number + "." + incarnation + ".rec"));
        recorder.write("I", System.nanoTime(), Clock.wallMicros(), number, incarnation);
        ClientStore store = kind.client(Integer.parseInt(arguments[6]));
        new Client(directory, number, incarnation, recorder, new Plan(settings), store).run();
    }

    private void run() throws IOException {
        connect();
        for (String namespace : LISTENED) {
            for (String name : LISTENERS) {
                manager.namespace(namespace).listen(ConfigFilter.ALL, publications.listener(name));
            }
        }
        Followers followers = new Followers(recorder, publications);
        for (String namespace : LISTENED) {
            start("watcher", () -> followers.watch(manager.namespace(namespace)));
            start("queue", () -> followers.takeSlowly(manager.namespace(namespace)));
        }
        start("injected", injected()::followAlways);
        recorder.write("C", System.nanoTime());
        say("ready " + System.nanoTime());
        start("sampler", sampler);
        start("reader", sampler::readAlways);
        start("fleet", fleet);
        try (BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String order = orders.readLine(); order != null; order = orders.readLine()) {
                obey(order.split(" "));
            }
        }
        // Whoever gave the orders is gone.
        Runtime.getRuntime().halt(1);
    }

    private void connect() {
        while (true) {
            try {
                manager.connect();
                return;
            } catch (ConfigException e) {
                recorder.write("X", System.nanoTime(), "connect-failed", Texts.line(e.getMessage()));
                LockSupport.parkNanos(50_000_000);
            }
        }
    }

    private void obey(String[] order) {
        switch (order[0]) {
            case "load" -> {
                long loadStart = Long.parseLong(order[1]);
                for (List<Step<CallKind>> steps : planned) {
                    writers.add(new CallWriter(manager, store.transactions(), recorder, steps, loadStart));
                }
                for (List<Step<QueueKind>> steps : queued) {
                    writers.add(new QueueWriter(manager, recorder, steps, loadStart));
                }
                writers.forEach(writer -> start("writer", writer));
            }
            case "unlisten" -> store.loseRegistration();
            case "stop-writing" -> {
                writers.forEach(PlannedWriter::stop);
                join(writers.size(), "writer");
                say("stopped");
            }
            case "drain" -> drain(Duration.ofSeconds(Long.parseLong(order[1])));
            case "await-final" -> {
                Duration patience = Duration.ofSeconds(Long.parseLong(order[2]));
                boolean seen = publications.awaitFinal(order[1], sampler, injected(), patience);
                fleet.awaitAll("final", patience);
                say("final " + seen);
            }
            case "close" -> close();
            default -> throw new IllegalArgumentException(order[0]);
        }
    }

    private Injected injected() {
        return application.getBean(Injected.class);
    }

    private static OutboxSettings outbox(Path directory) {
        OutboxSettings usual = OutboxSettings.in(directory, "robustness");
        return new OutboxSettings(
                directory,
                usual.origin(),
                usual.readYourWrites(),
                usual.maximumOperations(),
                usual.maximumBytes(),
                usual.deadline(),
                Settings.PENDING,
                Settings.PENDING,
                usual.passTimeout());
    }

    /** Waits until nothing is pending any more, and records what stays in the outbox. */
    private void drain(Duration patience) {
        Outbox outbox = manager.outbox().orElseThrow();
        long deadline = System.nanoTime() + patience.toNanos();
        while (outbox.stats().pending() > 0 && System.nanoTime() < deadline) {
            LockSupport.parkNanos(10_000_000);
        }
        outbox.writes().forEach(write -> recorder.write("P", System.nanoTime(), write.id(), write.state()));
        OutboxStats stats = outbox.stats();
        recorder.write(
                "R",
                System.nanoTime(),
                stats.pending(),
                stats.replayed(),
                Texts.line(String.join("; ", stats.problems())));
        say("drained");
    }

    /** Records how long closing takes and what is left behind, and ends the process. */
    private void close() {
        writers.forEach(PlannedWriter::stop);
        sampler.stop();
        injected().stop();
        fleet.stop();
        AtomicBoolean released = new AtomicBoolean();
        Thread waiting = new Thread(() -> {
            try {
                manager.awaitRevision(Long.MAX_VALUE, Duration.ofHours(1));
            } finally {
                released.set(true);
            }
        });
        waiting.start();
        while (waiting.getState() != Thread.State.TIMED_WAITING && waiting.isAlive()) {
            Thread.onSpinWait();
        }
        long start = System.nanoTime();
        manager.close();
        long end = System.nanoTime();
        List<String> left = leftovers();
        long deadline = end + Settings.STOP.toNanos();
        while ((!left.isEmpty() || waiting.isAlive() || store.feedConnections() > 0) && System.nanoTime() < deadline) {
            LockSupport.parkNanos(5_000_000);
            left = leftovers();
        }
        recorder.write(
                "Z", start, end, System.nanoTime(), String.join(",", left), store.feedConnections(), released.get());
        say("closed");
        // The pool of the application is ours, and its connections may lead nowhere.
        Runtime.getRuntime().halt(0);
    }

    private static List<String> leftovers() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith("config-"))
                .sorted()
                .toList();
    }

    private void start(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
        threads.add(thread);
    }

    private void join(int count, String name) {
        int joined = 0;
        for (Thread thread : threads) {
            if (thread.getName().equals(name) && joined++ < count) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
        }
    }

    private static synchronized void say(String what) {
        System.out.println(what);
        System.out.flush();
    }

    /** Notes what the manager tells about itself. */
    private record RecordingObserver(Recorder recorder) implements ConfigObserver {

        @Override
        public void reconnected() {
            recorder.write("X", System.nanoTime(), "reconnected", Texts.NONE);
        }

        @Override
        public void hintsMissed(int count) {
            recorder.write("X", System.nanoTime(), "hints-missed", count);
        }

        @Override
        public void resynced(String reason) {
            recorder.write("X", System.nanoTime(), "resynced", reason);
        }

        @Override
        public void listenerFailed() {
            recorder.write("X", System.nanoTime(), "listener-failed", Texts.NONE);
        }

        @Override
        public Ending storeCalling(String operation) {
            // Calls of the watch only: how often others ask is their affair.
            boolean watch = Thread.currentThread().getName().equals("config-watch");
            return watch && (operation.equals("openFeed") || operation.equals("snapshot"))
                    ? failure -> recorder.write("X", System.nanoTime(), operation, failure == null ? "ok" : "failed")
                    : Ending.UNTOLD;
        }
    }
}
