// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static io.configmanager.store.postgres.PostgresWritesTest.commitOf;
import static io.configmanager.store.postgres.PostgresWritesTest.put;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import io.configmanager.Condition;
import io.configmanager.ConfigFilter;
import io.configmanager.store.Feed;
import io.configmanager.store.InstanceReport;
import io.configmanager.store.Operation;
import io.configmanager.store.Snapshot;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.ds.PGSimpleDataSource;
import org.springframework.jdbc.datasource.DelegatingDataSource;

/** What companies put into URLs and set for roles and databases. */
class ConnectionSettingsTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final TestDatabase database = new TestDatabase(ConnectionSettingsTest.class);

    @AfterEach
    void close() {
        database.close();
    }

    private static PGSimpleDataSource connections(String parameters) {
        return (PGSimpleDataSource) PostgresConfigStore.unpooled(
                "jdbc:postgresql://127.0.0.1:" + TestDatabase.port() + "/postgres?" + parameters, "postgres", null);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "preferQueryMode=simple",
                "preferQueryMode=extendedForPrepared",
                "preferQueryMode=extendedCacheEverything",
                "prepareThreshold=0",
                "prepareThreshold=1",
                "binaryTransfer=false",
                "stringtype=unspecified",
                "socketTimeout=1",
                "autosave=always",
                "defaultRowFetchSize=1",
                "currentSchema=pg_catalog",
                "options=-c%20default_transaction_isolation=serializable",
                "options=-c%20IntervalStyle=postgres_verbose%20-c%20TimeZone=Asia/Kathmandu",
                "options=-c%20standard_conforming_strings=off",
                "options=-c%20array_nulls=off%20-c%20plpgsql.variable_conflict=use_variable"
            })
    void everyCallWorksWith(String parameters) {
        DataSource connections = connections(parameters);
        HikariDataSource pool = database.closeLater(TestDatabase.pool(connections, 3));
        PostgresConfigStore store = database.closeLater(database.builder()
                .listenConnections(connections)
                .pollIntervals(Duration.ofMinutes(1), Duration.ofMinutes(1))
                .build());
        PostgresConfigStore writer = database.closeLater(
                PostgresConfigStore.builder(pool).names(database.names).build());
        // More often than it takes until the driver prepares a statement on the server.
        for (int i = 0; i < 7; i++) {
            Snapshot before = writer.snapshot(Set.of("", "elsewhere"), 100);
            try (Feed feed = store.openFeed(before.position())) {
                feed.poll(Duration.ofMillis(1));
                // Once longer than the shortest of the timeouts.
                feed.poll(Duration.ofMillis(i == 0 ? 1_200 : 1));
                writer.commit(commitOf(put("a", Integer.toString(i)), put("b", "1")));
                long last = writer.commit(commitOf(new Operation.Delete("", "b", Condition.PRESENT)))
                        .revision();
                await().pollDelay(Duration.ZERO)
                        .atMost(PATIENCE)
                        .until(() -> feed.poll(PATIENCE).position().revision() == last);
            }
            assertThat(writer.snapshot(Set.of(""), 100).entries()).hasSize(1);
            assertThat(Objects.requireNonNull(writer.get("", "a").entry()).value())
                    .isEqualTo(Integer.toString(i));
        }
        assertThat(writer.list("", ConfigFilter.prefix(""), 10, null).items()).hasSize(1);
        assertThat(writer.list("", ConfigFilter.glob("*"), 10, null).items()).hasSize(1);
        assertThat(writer.list("", new ConfigFilter.Keys(Set.of("a", "b")), 10, null)
                        .items())
                .hasSize(1);
        assertThat(writer.namespaces(10, null).items()).containsExactly("");
        assertThat(writer.history("", "b", 100, null).items()).hasSize(14);
        assertThat(writer.changes("", Instant.EPOCH, 100, null).items()).hasSize(21);
        writer.maintain();
        writer.report(new InstanceReport(
                "i", 1, "i", writer.snapshot(Set.of(), 1).position(), true, 0, Instant.EPOCH, Duration.ofMinutes(1)));
        assertThat(writer.fleet().instances()).hasSize(1);
    }

    /** A pooler in transaction mode hands the session to others, who would keep what was set. */
    @Test
    void nothingButTheNameIsSetInASession() throws SQLException {
        List<Connection> sessions = new ArrayList<>();
        DataSource recording = new DelegatingDataSource(database.direct) {
            @Override
            public Connection getConnection() throws SQLException {
                Connection connection = super.getConnection();
                sessions.add(connection);
                return connection;
            }
        };
        String set =
                "SELECT coalesce(string_agg(name, ',' ORDER BY name), '') FROM pg_settings WHERE source = 'session'";
        PostgresConfigStore store = database.closeLater(
                database.builder().listenConnections(recording).build());

        try (Feed feed = store.openFeed(store.snapshot(Set.of(""), 1).position())) {
            feed.poll(Duration.ofMillis(1));

            // The first one was the snapshot's.
            try (Statement statement = sessions.get(1).createStatement();
                    ResultSet row = statement.executeQuery(set)) {
                row.next();
                assertThat(row.getString(1)).isEqualTo("application_name");
            }
        }
        store.snapshot(Set.of(""), 1);
        assertThat(queryOnThePool(set)).as("set by the driver").isEqualTo("application_name");
    }

    /** One that is meant for the statements of the application is too short for a large namespace. */
    @Test
    void readsOfTheWatchHaveTheirOwnTimeout() throws Exception {
        PGSimpleDataSource hasty = connections("options=-c%20statement_timeout=100");
        PostgresConfigStore store = database.closeLater(PostgresConfigStore.builder(hasty)
                .names(database.names)
                .callTimeout(Duration.ofSeconds(20))
                .build());
        Snapshot before = store.snapshot(Set.of(""), 10);
        try (Feed feed = store.openFeed(before.position());
                Connection blocker = database.direct.getConnection();
                Statement statement = blocker.createStatement()) {
            blocker.setAutoCommit(false);
            statement.execute(database.names.apply("LOCK TABLE public.config_head, public.config_entry"));
            CompletableFuture<Feed.Batch> batch = CompletableFuture.supplyAsync(() -> feed.poll(Duration.ofMillis(1)));
            CompletableFuture<Snapshot> snapshot = CompletableFuture.supplyAsync(() -> store.snapshot(Set.of(""), 10));
            await().atMost(PATIENCE)
                    .until(() -> batch.isDone()
                            || snapshot.isDone()
                            || database.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                            + " AND query ~ '" + database.names.schema()
                                            + "' AND clock_timestamp() - query_start > interval '0.3 s'")
                                    == 2);
            blocker.rollback();

            assertThat(snapshot.get(20, TimeUnit.SECONDS).position()).isEqualTo(before.position());
            assertThat(batch.get(20, TimeUnit.SECONDS).position()).isEqualTo(before.position());
        }
    }

    private String queryOnThePool(String sql) throws SQLException {
        try (Connection connection = database.pool.getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getString(1);
        }
    }
}
