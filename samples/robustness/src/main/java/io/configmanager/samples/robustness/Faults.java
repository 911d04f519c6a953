// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.Plan.Fault;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Does what the plan says to the server and to the clients, and records from when to when. */
final class Faults {

    private final Backend server;
    private final List<ClientProcess> clients;
    private final Recorder recorder;
    private final long loadStart;
    private final AtomicInteger writes = new AtomicInteger();

    Faults(Backend server, List<ClientProcess> clients, Recorder recorder, long loadStart) {
        this.server = server;
        this.clients = clients;
        this.recorder = recorder;
        this.loadStart = loadStart;
    }

    /** The faults of one lane, one after the other. */
    void run(List<Fault> faults) throws Exception {
        for (Fault fault : faults) {
            Clock.awaitNanos(loadStart + TimeUnit.MILLISECONDS.toNanos(fault.at()));
            long start = System.nanoTime();
            String note = fault.lane() == 0 ? breakServer(fault) : breakClient(fault, clients.get(fault.lane() - 1));
            recorder.write("T", start, System.nanoTime(), fault.lane(), fault.kind(), note);
        }
    }

    private String breakClient(Fault fault, ClientProcess client) throws IOException, InterruptedException {
        switch (fault.kind()) {
            case CUT -> client.link.cut();
            case CUT_IN_COMMIT -> {
                // The tag is in every commit, and in nothing else that a client sends.
                String tag = fault.choice() % 2 == 0 ? "op:c" : "op:" + Plan.QUEUE;
                CompletableFuture<Void> cut = client.link.cutAfterClientBytesMatching(tag);
                Clock.awaitMillis(fault.millis());
                return cut.isDone() ? Texts.NONE : "no commit came";
            }
            case DELAY -> {
                client.link.delay(Duration.ofMillis(10 + fault.choice() % 150));
                Clock.awaitMillis(fault.millis());
                client.link.delay(Duration.ZERO);
            }
            case FREEZE -> {
                client.link.freeze(true);
                Clock.awaitMillis(fault.millis());
                client.link.freeze(false);
                if (fault.choice() % 2 == 0) {
                    client.link.cut();
                }
            }
            case REFUSE, AWAY -> {
                client.link.refuse(true);
                client.link.cut();
                Clock.awaitMillis(fault.millis());
                client.link.refuse(false);
            }
            case PAUSE -> {
                client.process().pause(true);
                Clock.awaitMillis(fault.millis());
                client.process().pause(false);
            }
            case UNLISTEN -> client.process().order("unlisten");
            case KILL -> {
                client.process().kill();
                startAgain(client);
            }
            case RESTART -> {
                client.process().order("close");
                client.process().await("closed");
                client.process().awaitExit();
                startAgain(client);
            }
            default -> throw new IllegalArgumentException(fault.toString());
        }
        return Texts.NONE;
    }

    private void startAgain(ClientProcess client) throws IOException, InterruptedException {
        client.start();
        client.process().await("ready");
        client.process().order("load " + loadStart);
    }

    private String breakServer(Fault fault) throws Exception {
        switch (fault.kind()) {
            case SILENT_COMMITS -> {
                long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(fault.millis());
                for (int i = 0; System.nanoTime() < end; i++) {
                    commitQuietly(fault.choice() + i);
                    Clock.awaitMillis(100);
                }
            }
            case DUMP -> again(server::dump);
            case RESTORE -> {
                return again(() -> {
                    if (!server.restore(fault.choice())) {
                        throw new IllegalStateException("There is nothing to restore");
                    }
                });
            }
            case REWIND -> rewind(fault.millis());
            case BREAK_VALUE -> {
                String namespace = Keys.NAMESPACES.get(fault.choice() % 2);
                put(namespace, Keys.BROKEN, "{broken");
                Clock.awaitMillis(fault.millis());
                put(namespace, Keys.BROKEN, Integer.toString(fault.choice()));
            }
            default -> {
                return server.fail(fault);
            }
        }
        return Texts.NONE;
    }

    /** A restore that nobody sees happen: when the clients come back, there is another revision of the number they know. */
    private void rewind(int millis) {
        again(server::dump);
        Clock.awaitMillis(millis);
        clients.forEach(client -> {
            client.link.refuse(true);
            client.link.cut();
        });
        long before = head();
        again(() -> server.restore(0));
        for (int i = 0; head() < before + 5; i++) {
            commitQuietly(i);
        }
        clients.forEach(client -> client.link.refuse(false));
    }

    private long head() {
        long[] head = new long[1];
        again(() -> head[0] = server.head());
        return head[0];
    }

    private void commitQuietly(int choice) {
        String namespace = Keys.NAMESPACES.get(choice % 2);
        AtomicInteger key = new AtomicInteger(choice);
        again(() -> {
            String tag = tag();
            server.putQuietly(List.of(namespace), Keys.data(key.getAndIncrement()), '"' + tag + '"', tag);
        });
    }

    /** The last write of a run, to every namespace; answers its time on the monotonic clock. */
    long finish(String value) {
        again(() -> server.putQuietly(Keys.NAMESPACES, Keys.FINAL, '"' + value + '"', value));
        return System.nanoTime();
    }

    private void put(String namespace, String key, String value) {
        String tag = tag();
        again(() -> server.put(namespace, key, value, tag));
    }

    private String tag() {
        return Plan.tag("fault", writes.incrementAndGet());
    }

    /** Something to do with the server. */
    @FunctionalInterface
    interface Task {
        void run() throws Exception;
    }

    /** Until it succeeds: another transaction, or another fault, may be in the way. Says how often it did not. */
    static String again(Task task) {
        for (int attempt = 1; ; attempt++) {
            try {
                task.run();
                return attempt == 1 ? Texts.NONE : "attempt " + attempt;
            } catch (Exception e) {
                if (attempt == 50) {
                    throw new IllegalStateException(e);
                }
                Clock.awaitMillis(50);
            }
        }
    }
}
