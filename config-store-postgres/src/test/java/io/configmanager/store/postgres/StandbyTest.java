// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static io.configmanager.store.postgres.PostgresWritesTest.commitOf;
import static io.configmanager.store.postgres.PostgresWritesTest.put;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import io.configmanager.Config;
import io.configmanager.ConfigHealth;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigObserver;
import io.configmanager.StoreException;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.Feed;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real primary and a real standby that streams from it. */
class StandbyTest {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private EmbeddedPostgres primary;
    private EmbeddedPostgres standby;
    private HikariDataSource pool;

    @BeforeEach
    void start(@TempDir Path directory) throws Exception {
        Path data = directory.resolve("primary");
        Path copy = directory.resolve("standby");
        primary = start(data, 0);
        int port = primary.getPort();
        primary.close();
        assertThat(new ProcessBuilder("cp", "-a", data.toString(), copy.toString())
                        .inheritIO()
                        .start()
                        .waitFor())
                .isZero();
        primary = start(data, port);
        Files.createFile(copy.resolve("standby.signal"));
        Files.writeString(
                copy.resolve("postgresql.auto.conf"),
                "primary_conninfo = 'host=127.0.0.1 port=" + port + " user=postgres'\n",
                StandardOpenOption.APPEND);
        standby = start(copy, 0);
        pool = TestDatabase.pool(primaryOfBoth(), 2, settings -> settings.setConnectionTimeout(1_000));
        new PostgresSchema(PostgresNames.DEFAULT).initialize(pool);
        awaitStandby(
                "SELECT to_regclass('config_head') IS NOT NULL AND (SELECT count(*) FROM pg_stat_wal_receiver) = 1");
    }

    @AfterEach
    void stop() throws IOException {
        pool.close();
        standby.close();
        primary.close();
    }

    private static EmbeddedPostgres start(Path data, int port) throws IOException {
        EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder()
                .setDataDirectory(data)
                .setCleanDataDirectory(false)
                .setServerConfig("listen_addresses", "127.0.0.1");
        return port == 0 ? builder.start() : builder.setPort(port).start();
    }

    private DataSource primaryOfBoth() {
        return PostgresConfigStore.unpooled(
                "jdbc:postgresql://127.0.0.1:" + primary.getPort() + ",127.0.0.1:" + standby.getPort()
                        + "/postgres?targetServerType=primary",
                "postgres",
                null);
    }

    private String askStandby(String sql) throws SQLException {
        try (Connection connection = standby.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return String.valueOf(row.getString(1));
        }
    }

    private void awaitStandby(String condition) {
        await().atMost(PATIENCE).ignoreExceptions().until(() -> askStandby(condition), "t"::equals);
    }

    private void cutStandbyOff() throws SQLException {
        try (Connection connection = standby.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("ALTER SYSTEM SET primary_conninfo = ''");
            statement.execute("SELECT pg_reload_conf()");
        }
        awaitStandby("SELECT count(*) = 0 FROM pg_stat_wal_receiver");
    }

    @Test
    void p19TheLagOfAStandbyIsStaleness() throws Exception {
        PostgresConfigStore store = PostgresConfigStore.builder(pool)
                .listenConnections(TestDatabase.connections(standby.getPort()))
                .pollIntervals(Duration.ofSeconds(5), Duration.ofMillis(100))
                .build();
        try (Feed feed = store.openFeed(store.snapshot(Set.of(""), 10).position())) {
            assertThat(feed.poll(Duration.ofMillis(1)).pushAvailable()).isFalse();
            askStandby("SELECT pg_wal_replay_pause()");
            long revision = store.commit(commitOf(put("a", "1"))).revision();
            awaitStandby("SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()");

            try (Feed ahead = store.openFeed(store.snapshot(Set.of(""), 10).position())) {
                assertThatThrownBy(() -> ahead.poll(Duration.ofMillis(1)))
                        .as("no other history")
                        .isInstanceOfSatisfying(
                                StoreException.class,
                                e -> assertThat(e.isTransient()).isTrue())
                        .hasMessageContaining("standby lags");
            }

            long behind = System.nanoTime();
            await().atMost(PATIENCE).until(() -> {
                Duration known = Duration.ofNanos(System.nanoTime() - behind);
                Feed.Batch batch = feed.poll(Duration.ofMillis(200));
                assertThat(batch.changeSets()).isEmpty();
                assertThat(batch.provedAgo()).isGreaterThanOrEqualTo(known);
                return known.toMillis() > 1_000;
            });

            askStandby("SELECT pg_wal_replay_resume()");
            await().atMost(PATIENCE).until(() -> {
                Feed.Batch batch = feed.poll(Duration.ofMillis(200));
                return batch.position().revision() == revision
                        && batch.provedAgo().toMillis() < 1_000;
            });

            cutStandbyOff();
            long cut = System.nanoTime();
            await().atMost(PATIENCE).until(() -> {
                Duration known = Duration.ofNanos(System.nanoTime() - cut);
                assertThat(feed.poll(Duration.ofMillis(200)).provedAgo()).isGreaterThanOrEqualTo(known);
                return known.toMillis() > 500;
            });
        }
        store.close();
    }

    @Test
    void p14AFailOverThatLosesTheLastTransactionsIsNoticed() throws Exception {
        List<String> resyncs = new CopyOnWriteArrayList<>();
        PostgresConfigStore store = PostgresConfigStore.builder(pool)
                .listenConnections(primaryOfBoth())
                .pollIntervals(Duration.ofSeconds(1), Duration.ofMillis(200))
                .build();
        try (ConfigManager manager = ConfigManagerBuilder.forStore(store)
                .preload("")
                .observer(new ConfigObserver() {
                    @Override
                    public void resynced(String reason) {
                        resyncs.add(reason);
                    }
                })
                .build()) {
            manager.connect();
            Config config = manager.namespace("");
            config.set("app/limit", 1);
            awaitStandby("SELECT rev = 1 FROM config_head");
            cutStandbyOff();
            config.set("app/limit", 2);
            config.set("app/lost", 1);
            manager.awaitRevision(3, PATIENCE);

            primary.close();
            askStandby("SELECT pg_promote()");

            await().atMost(PATIENCE).until(() -> config.get("app/limit", Integer.class) == 1);
            assertThat(config.entry("app/lost")).isEmpty();
            assertThat(resyncs).containsExactly("history_replaced");
            await().atMost(PATIENCE)
                    .ignoreExceptions()
                    .until(() -> config.set("app/limit", 3).revision() > 0);
            await().atMost(PATIENCE).until(() -> manager.health().status() == ConfigHealth.Status.UP);
            assertThat(config.get("app/limit", Integer.class)).isEqualTo(3);
            assertThat(manager.watchStatus().pushAvailable()).isTrue();
        }
    }
}
