// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static io.configmanager.store.postgres.PostgresWritesTest.commitOf;
import static io.configmanager.store.postgres.PostgresWritesTest.put;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import io.configmanager.StoreException;
import io.configmanager.store.Feed;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.ds.PGSimpleDataSource;

/** P7: a real PgBouncer in front of the server. Without one only CI fails; elsewhere the output says so. */
class PgBouncerTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final List<Path> CANDIDATES = Stream.concat(
                    Stream.of(System.getenv().getOrDefault("PATH", "").split(":")), Stream.of("/usr/sbin"))
            .map(directory -> Path.of(directory, "pgbouncer"))
            .filter(Files::isExecutable)
            .toList();

    private static Process pooler;
    private static Path directory;
    private static int port;

    private final TestDatabase database = new TestDatabase(PgBouncerTest.class);

    @BeforeAll
    static void start() throws IOException {
        if (CANDIDATES.isEmpty()) {
            String missing = "NOT TESTED: the store behind PgBouncer, because there is no pgbouncer in the PATH"
                    + " (apt-get install -y --no-install-recommends pgbouncer)";
            System.err.println(missing);
            assertThat(System.getenv("CI")).as(missing).isNull();
            Assumptions.abort(missing);
        }
        directory = Files.createTempDirectory("pgbouncer");
        // It does not run as root, but as a user who has to read this.
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        for (int attempt = 1; !startOnAFreePort(); attempt++) {
            assertThat(attempt).as(PgBouncerTest::log).isLessThan(5);
        }
    }

    private static boolean startOnAFreePort() throws IOException {
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            port = free.getLocalPort();
        }
        String server = " = host=127.0.0.1 port=" + TestDatabase.port() + " dbname=postgres user=postgres pool_mode=";
        Path settings = Files.writeString(
                directory.resolve("pgbouncer.ini"),
                String.join(
                        "\n",
                        "[databases]",
                        "transaction" + server + "transaction",
                        "single" + server + "transaction pool_size=1",
                        "statement" + server + "statement",
                        "session" + server + "session",
                        "[pgbouncer]",
                        "listen_addr = 127.0.0.1",
                        "listen_port = " + port,
                        "unix_socket_dir =",
                        "auth_type = any",
                        "ignore_startup_parameters = extra_float_digits",
                        ""));
        List<String> command = new ArrayList<>(List.of(CANDIDATES.get(0).toString(), settings.toString()));
        if (Files.getOwner(directory).getName().equals("root")) {
            command.addAll(1, List.of("-u", "nobody"));
        }
        pooler = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("log").toFile())
                .start();
        await().atMost(PATIENCE).until(() -> !pooler.isAlive() || answers());
        return pooler.isAlive();
    }

    private static boolean answers() {
        try (Connection connection = connections("session", "").getConnection()) {
            return connection.isValid(1);
        } catch (SQLException e) {
            return false;
        }
    }

    @AfterAll
    static void stop() throws Exception {
        if (pooler != null) {
            pooler.destroyForcibly().waitFor();
            try (Stream<Path> files = Files.list(directory)) {
                for (Path file : files.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(directory);
        }
    }

    @AfterEach
    void close() {
        database.close();
    }

    private static String log() {
        try {
            return Files.readString(directory.resolve("log"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static PGSimpleDataSource connections(String mode, String parameters) {
        return (PGSimpleDataSource) PostgresConfigStore.unpooled(
                "jdbc:postgresql://127.0.0.1:" + port + "/" + mode + parameters, "postgres", null);
    }

    private PostgresConfigStore store(String mode, String parameters) {
        HikariDataSource pool = database.closeLater(TestDatabase.pool(connections(mode, parameters), 5));
        return database.closeLater(PostgresConfigStore.builder(pool)
                .names(database.names)
                .listenConnections(connections(mode, parameters))
                .pollIntervals(Duration.ofSeconds(2), Duration.ofMillis(100))
                .callTimeout(PATIENCE)
                .build());
    }

    @ParameterizedTest
    @ValueSource(strings = {"transaction", "single", "statement", "session"})
    void everythingArrivesAndNothingIsLeftBehindIn(String mode) throws Exception {
        PostgresConfigStore store = store(mode, "?prepareThreshold=0");
        Follower follower = database.closeLater(new Follower(store, ""));
        await().atMost(PATIENCE)
                .until(() -> follower.connected() && follower.pushAvailable() == mode.equals("session"));

        List<CompletableFuture<Void>> writers = new ArrayList<>();
        for (int w = 0; w < 3; w++) {
            String key = "k" + w;
            writers.add(CompletableFuture.runAsync(() -> {
                for (int i = 0; i < 50; i++) {
                    store.commit(commitOf(put(key, Integer.toString(i))));
                }
            }));
        }
        for (CompletableFuture<Void> writer : writers) {
            writer.get(60, TimeUnit.SECONDS);
        }
        follower.awaitRevision(150);

        assertThat(follower.revisions()).hasSize(150).isSorted().doesNotHaveDuplicates();
        assertThat(follower.failures).isEmpty();
        store.maintain();
        assertThat(store.snapshot(Set.of(""), 10).entries()).hasSize(3);
        follower.close();
        try (Connection connection = connections(mode, "?prepareThreshold=0").getConnection()) {
            assertThat(query(connection, "SHOW enable_seqscan")).isEqualTo("on");
            assertThat(query(connection, "SHOW jit")).isEqualTo("on");
            assertThat(query(connection, "SHOW statement_timeout")).isEqualTo("0");
        }
    }

    /** An answer may bring what was announced to the session, not to this connection. */
    @Test
    void aNotificationOfASharedSessionIsNoProof() throws Exception {
        PostgresConfigStore store = store("transaction", "?prepareThreshold=0");
        List<Connection> others = new ArrayList<>();
        try (Feed feed = store.openFeed(store.snapshot(Set.of(""), 10).position());
                Connection blocker = database.direct.getConnection();
                Statement statement = blocker.createStatement()) {
            feed.poll(Duration.ofMillis(1));
            blocker.setAutoCommit(false);
            statement.execute(database.names.apply("LOCK TABLE public.config_head"));
            CompletableFuture<Feed.Batch> read = CompletableFuture.supplyAsync(() -> feed.poll(Duration.ofSeconds(3)));
            String waiting = " FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ '"
                    + database.names.schema() + "'";
            await().atMost(PATIENCE).until(() -> database.number("SELECT count(*)" + waiting) == 1);
            String session = database.query("SELECT pid" + waiting);
            database.execute("NOTIFY " + database.names.channel() + ", '0'");
            blocker.rollback();
            read.get(20, TimeUnit.SECONDS);

            String taken;
            do {
                Connection other =
                        connections("transaction", "?prepareThreshold=0").getConnection();
                others.add(other);
                other.setAutoCommit(false);
                taken = query(other, "SELECT pg_backend_pid()");
            } while (!taken.equals(session));
            long revision = database.store().commit(commitOf(put("k", "1"))).revision();

            await().pollDelay(Duration.ZERO)
                    .atMost(PATIENCE)
                    .until(() -> feed.poll(Duration.ofMillis(100)).position().revision() == revision);
            assertThat(feed.poll(Duration.ofMillis(1)).pushAvailable()).isFalse();
        } finally {
            for (Connection other : others) {
                other.close();
            }
        }
    }

    @Test
    void statementsPreparedInAnotherSessionSayWhatToDo() {
        PostgresConfigStore store = store("transaction", "?prepareThreshold=1");

        assertThatThrownBy(() -> {
                    for (int i = 0; i < 10; i++) {
                        store.snapshot(Set.of(""), 10);
                    }
                })
                .isInstanceOfSatisfying(
                        StoreException.class, e -> assertThat(e.isTransient()).isFalse())
                .hasMessageContaining("prepareThreshold=0");
    }

    @Test
    void aSchemaThatCannotBeMadeInStatementModeSaysWhy() {
        assertThatThrownBy(() -> new PostgresSchema(database.names.withTablePrefix("new_"))
                        .initialize(connections("statement", "")))
                .hasMessageContaining("transaction blocks not allowed");
    }

    private static String query(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getString(1);
        }
    }
}
