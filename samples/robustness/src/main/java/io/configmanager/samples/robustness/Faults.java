// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.Plan.Fault;
import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Does what the plan says to the server and to the clients, and records from when to when. */
final class Faults {

    private static final String COMPACT = "SELECT public.config_maintain('0', 0, 1, '7 days', '1 hour')";

    private final Server server;
    private final Archive archive;
    private final List<ClientProcess> clients;
    private final Recorder recorder;
    private final long loadStart;
    private final AtomicInteger writes = new AtomicInteger();

    Faults(Server server, Archive archive, List<ClientProcess> clients, Recorder recorder, long loadStart) {
        this.server = server;
        this.archive = archive;
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
                CompletableFuture<Void> cut = client.link.cutAfterClientBytesMatching("op:c");
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
                client.pause(true);
                Clock.awaitMillis(fault.millis());
                client.pause(false);
            }
            case UNLISTEN -> client.order("unlisten");
            case KILL -> {
                client.kill();
                client.start();
                client.await("ready");
            }
            case RESTART -> {
                client.order("close");
                client.await("closed");
                client.awaitExit();
                client.start();
                client.await("ready");
            }
            default -> throw new IllegalArgumentException(fault.toString());
        }
        return Texts.NONE;
    }

    private String breakServer(Fault fault) throws IOException {
        switch (fault.kind()) {
            case TERMINATE_FEEDS ->
                sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        + " WHERE application_name = 'config-feed'");
            case TERMINATE_ALL ->
                sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        + " WHERE backend_type = 'client backend' AND application_name <> '" + Server.OURS + "'");
            case CRASH -> {
                server.kill();
                Clock.awaitMillis(fault.millis());
                server.start();
            }
            case SILENT_COMMITS -> {
                long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(fault.millis());
                for (int i = 0; System.nanoTime() < end; i++) {
                    commitSilently(fault.choice() + i);
                    Clock.awaitMillis(100);
                }
            }
            case NO_CHANNEL -> {
                sql("UPDATE config_head SET channel = NULL");
                Clock.awaitMillis(fault.millis());
                sql("UPDATE config_head SET channel = 'config'");
            }
            case COMPACT -> {
                // Raised at once to where most clients are, and swept while they read.
                sql(COMPACT);
                sql(COMPACT);
            }
            case DUMP -> again(archive::dump);
            case RESTORE -> {
                return again(() -> {
                    if (!archive.restore(fault.choice())) {
                        throw new IllegalStateException("There is nothing to restore");
                    }
                });
            }
            case REWIND -> rewind(fault.millis());
            case LINEAGE -> sql("UPDATE config_head SET lineage = gen_random_uuid()");
            case BREAK_VALUE -> {
                String namespace = Keys.NAMESPACES.get(fault.choice() % 2);
                put(namespace, Keys.BROKEN, "{broken");
                Clock.awaitMillis(fault.millis());
                put(namespace, Keys.BROKEN, Integer.toString(fault.choice()));
            }
            default -> throw new IllegalArgumentException(fault.toString());
        }
        return Texts.NONE;
    }

    /** A restore that nobody sees happen: when the clients come back, there is another revision of the number they know. */
    private void rewind(int millis) {
        again(archive::dump);
        Clock.awaitMillis(millis);
        clients.forEach(client -> {
            client.link.refuse(true);
            client.link.cut();
        });
        long before = head();
        again(() -> archive.restore(0));
        for (int i = 0; head() < before + 5; i++) {
            commitSilently(i);
        }
        clients.forEach(client -> client.link.refuse(false));
    }

    private long head() {
        long[] head = new long[1];
        again(() -> {
            try (Connection connection = server.connect();
                    Statement statement = connection.createStatement();
                    ResultSet row = statement.executeQuery("SELECT rev FROM config_head")) {
                row.next();
                head[0] = row.getLong(1);
            }
        });
        return head[0];
    }

    /** A write whose announcement is lost: to every client it looks as if there were a channel that works. */
    void commitSilently(int choice) {
        String namespace = Keys.NAMESPACES.get(choice % 2);
        String tag = tag();
        silently(connection -> SqlWriter.put(connection, namespace, Keys.data(choice), '"' + tag + '"', 0, tag));
    }

    /** The last write of a run, to every namespace, without an announcement; answers its time on the monotonic clock. */
    long finish(String value) {
        silently(connection -> {
            for (String namespace : Keys.NAMESPACES) {
                SqlWriter.put(connection, namespace, Keys.FINAL, '"' + value + '"', 0, value);
            }
        });
        return System.nanoTime();
    }

    private void silently(Sql sql) {
        again(() -> {
            try (Connection connection = server.connect();
                    Statement statement = connection.createStatement()) {
                connection.setAutoCommit(false);
                // First of all, so that the row is ours until the commit and nobody sees it without its channel.
                String channel;
                try (ResultSet row = statement.executeQuery("SELECT channel FROM config_head FOR UPDATE")) {
                    row.next();
                    channel = row.getString(1);
                }
                statement.execute("UPDATE config_head SET channel = NULL");
                sql.on(connection);
                statement.execute("SET CONSTRAINTS ALL IMMEDIATE");
                if (channel != null) {
                    statement.execute("UPDATE config_head SET channel = '" + channel + "'");
                }
                connection.commit();
            }
        });
    }

    private void put(String namespace, String key, String value) {
        String tag = tag();
        again(() -> {
            try (Connection connection = server.connect()) {
                SqlWriter.put(connection, namespace, key, value, 0, tag);
            }
        });
    }

    private void sql(String sql) {
        again(() -> {
            try (Connection connection = server.connect();
                    Statement statement = connection.createStatement()) {
                statement.execute(sql);
            }
        });
    }

    private String tag() {
        return Plan.tag("fault", writes.incrementAndGet());
    }

    /** Something to do with the server. */
    @FunctionalInterface
    private interface Task {
        void run() throws SQLException;
    }

    /** Something to do in a transaction. */
    @FunctionalInterface
    private interface Sql {
        void on(Connection connection) throws SQLException;
    }

    /** Until it succeeds: another transaction, or another fault, may be in the way. Says how often it did not. */
    private static String again(Task task) {
        for (int attempt = 1; ; attempt++) {
            try {
                task.run();
                return attempt == 1 ? Texts.NONE : "attempt " + attempt;
            } catch (SQLException e) {
                if (attempt == 50) {
                    throw new IllegalStateException(e);
                }
                Clock.awaitMillis(50);
            }
        }
    }
}
