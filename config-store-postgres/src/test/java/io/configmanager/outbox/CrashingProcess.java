// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import static java.util.concurrent.TimeUnit.SECONDS;

import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.QueuedWrite;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.Operation;
import io.configmanager.store.Position;
import io.configmanager.store.postgres.PostgresConfigStore;
import io.configmanager.store.postgres.PostgresNames;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.awaitility.Awaitility;

/**
 * A process that writes while its store is away and then is there, and that stops at a step for its parent to kill it. Says on
 * its output what it found in its outbox, what it was acknowledged, and where it stopped; begins when it is told so.
 */
public final class CrashingProcess {

    /** Begins what is said to the parent; the rest is log. */
    public static final String SAYS = "> ";

    /** Also the number of keys, each of which has one writer, so that its order is known. */
    private static final int WRITERS = 3;

    private static final int WRITES = 5;
    private static final long SEGMENT_BYTES = 4_096;

    /** All there are; the first ones are of the disk. */
    public static final List<String> STEPS = Stream.concat(
                    Stream.of(FaultyDisk.Step.values()).map(Enum::name),
                    Stream.of("COMMIT", "COMMITTED", "ACKNOWLEDGE", "ACKNOWLEDGED"))
            .toList();

    private final String stopAt;
    private final AtomicInteger stepsLeft;
    private volatile boolean away = true;

    private CrashingProcess(String stopAt, int occurrence) {
        this.stopAt = stopAt;
        stepsLeft = new AtomicInteger(occurrence);
    }

    /** The directory, the port and the schema of the server, the step to stop at, at which time of it, and the first value. */
    public static void main(String[] arguments) throws Exception {
        new CrashingProcess(arguments[3], Integer.parseInt(arguments[4]))
                .run(
                        Path.of(arguments[0]),
                        Integer.parseInt(arguments[1]),
                        PostgresNames.DEFAULT.withSchema(arguments[2]).withChannel(arguments[2]),
                        Integer.parseInt(arguments[5]));
        System.exit(0);
    }

    private void run(Path directory, int port, PostgresNames names, int firstValue) throws Exception {
        DataSource connections =
                PostgresConfigStore.unpooled("jdbc:postgresql://127.0.0.1:" + port + "/postgres", "postgres", null);
        PostgresConfigStore store =
                PostgresConfigStore.builder(connections).names(names).build();
        DiskOutbox outbox = DiskOutbox.open(
                OutboxSettings.in(directory, "crash"),
                surroundings(store),
                new FaultyDisk(new FileDisk(), (step, path) -> step(step.name())),
                SEGMENT_BYTES,
                InstantSource.system(),
                System::nanoTime,
                RandomGenerator.getDefault());
        outbox.storeWasAway();
        say("pending", outbox.writes().stream().map(CrashingProcess::show).collect(Collectors.joining(" ")));
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine();
        outbox.start();
        ExecutorService writers = Executors.newFixedThreadPool(WRITERS);
        CountDownLatch halfWritten = new CountDownLatch(WRITERS * WRITES / 2);
        List<Future<Void>> written = IntStream.range(0, WRITERS)
                .mapToObj(writer -> writers.submit(() -> {
                    for (int i = 0; i < WRITES; i++) {
                        write(outbox, store, "key" + writer, firstValue + i);
                        halfWritten.countDown();
                    }
                    return (Void) null;
                }))
                .toList();
        halfWritten.await();
        away = false;
        outbox.storeIsThere();
        for (Future<Void> each : written) {
            each.get();
        }
        writers.shutdown();
        Awaitility.await().atMost(30, SECONDS).until(() -> outbox.stats().pending() == 0);
        outbox.close();
        say("end", "");
    }

    private void write(DiskOutbox outbox, PostgresConfigStore store, String key, int value) {
        String text = value + "x".repeat(200);
        Operation put =
                new Operation.Put("", key, "\"" + text + "\"", "json", ValueType.STRING, null, Condition.ALWAYS);
        outbox.enqueue(Commit.of(List.of(put), null, null), false, operation -> known(store, operation), null);
        step("ACKNOWLEDGE");
        say("acknowledged", key + "=" + value);
        step("ACKNOWLEDGED");
    }

    private static ConfigEntry known(PostgresConfigStore store, Operation operation) {
        return store.get(operation.namespace(), operation.key()).entry();
    }

    private Surroundings surroundings(PostgresConfigStore store) {
        return new Surroundings() {
            @Override
            public CommitResult commit(Commit commit) {
                if (away) {
                    throw new StoreException("It is away", true, null);
                }
                step("COMMIT");
                CommitResult result = store.commit(commit);
                step("COMMITTED");
                return result;
            }

            @Override
            public boolean isOfAnotherHistory(Position position) {
                return false;
            }

            @Override
            public void pending(String namespace, String key, QueuedWrite.Change pending) {}
        };
    }

    private static String show(QueuedWrite write) {
        QueuedWrite.Change change = write.changes().get(0);
        String value = change.entry().value();
        return write.state() + ":" + change.key() + "=" + value.substring(1, value.indexOf('x'));
    }

    private void step(String what) {
        if (what.equals(stopAt) && stepsLeft.decrementAndGet() == 0) {
            say("at", what);
            while (true) {
                LockSupport.park();
            }
        }
    }

    private static void say(String what, String more) {
        System.out.println(SAYS + what + " " + more);
        System.out.flush();
    }
}
