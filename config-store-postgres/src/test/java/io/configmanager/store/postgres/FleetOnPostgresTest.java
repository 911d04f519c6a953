// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static io.configmanager.store.postgres.PostgresWritesTest.commitOf;
import static io.configmanager.store.postgres.PostgresWritesTest.put;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import io.configmanager.ConfigManager;
import io.configmanager.Fleet;
import io.configmanager.FleetInstance;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.InstanceReport;
import io.configmanager.store.Position;
import io.configmanager.store.TcpProxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;

/** Two managers that know of each other through a real server, and what it costs that. */
class FleetOnPostgresTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Duration INTERVAL = Duration.ofSeconds(1);
    private static final Duration MOMENT = Duration.ofSeconds(2);

    private final TestDatabase database = new TestDatabase(FleetOnPostgresTest.class);
    private final TcpProxy proxy = new TcpProxy("127.0.0.1", TestDatabase.port());
    private final HikariDataSource proxied = TestDatabase.pool(
            TestDatabase.connections(proxy.port()), 4, settings -> settings.setConnectionTimeout(1_000));

    @AfterEach
    void stop() {
        proxied.close();
        proxy.close();
        database.close();
    }

    private ConfigManager connected(PostgresConfigStore store, String name, Duration expiry) {
        ConfigManager manager = ConfigManagerBuilder.forStore(store)
                .preload("")
                .retry(Duration.ofMillis(50), Duration.ofMillis(200), Duration.ofMillis(100))
                .fleet(name, INTERVAL, expiry)
                .build();
        manager.connect();
        return manager;
    }

    private PostgresConfigStore.Builder quick() {
        return database.builder().callTimeout(Duration.ofSeconds(1));
    }

    /** Its feed is cut, but it can still say so. */
    @Test
    void aLaggardIsNamedUntilItHasCaughtUp() {
        PostgresConfigStore lame = quick().listenConnections(TestDatabase.connections(proxy.port()))
                .build();
        Duration expiry = Duration.ofMinutes(5);
        try (ConfigManager good = connected(quick().build(), "good", expiry);
                ConfigManager bad = connected(lame, "bad", expiry)) {
            Fleet fleet = good.fleet();
            await().atMost(SOON).until(() -> fleet.look().instances().size() == 2);
            proxy.refuse(true);
            proxy.cut();
            // Writes go past it, so it learns nothing.
            long revision = database.store().commit(commitOf(put("k", "1"))).revision();

            assertThat(fleet.awaitApplied(revision, 0.5, SOON)).isTrue();
            assertThat(fleet.awaitApplied(revision, 1, MOMENT)).isFalse();
            assertThat(fleet.look().without(revision))
                    .extracting(FleetInstance::name)
                    .containsExactly("bad");
            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(fleet.look().without(revision))
                            .extracting(FleetInstance::live)
                            .containsExactly(false));
            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(fleet.laggards())
                            .extracting(FleetInstance::name)
                            .containsExactly("bad"));

            proxy.refuse(false);
            assertThat(fleet.awaitApplied(revision, 1, SOON)).isTrue();
            assertThat(bad.awaitRevision(revision, Duration.ZERO))
                    .as("what it said is so")
                    .isTrue();
            await().atMost(SOON).until(() -> fleet.laggards().isEmpty());
        }
        assertThat(database.store().fleet().instances()).isEmpty();
    }

    @Test
    void whoCannotReachTheDatabaseStopsCountingAndComesBack() {
        PostgresConfigStore lost = PostgresConfigStore.builder(proxied)
                .listenConnections(TestDatabase.connections(proxy.port()))
                .names(database.names)
                .callTimeout(Duration.ofSeconds(1))
                .build();
        try (ConfigManager good = connected(quick().build(), "good", Duration.ofMinutes(5));
                ConfigManager bad = connected(lost, "bad", INTERVAL.multipliedBy(3))) {
            Fleet fleet = good.fleet();
            await().atMost(SOON).until(() -> fleet.look().instances().size() == 2);
            proxy.refuse(true);
            proxy.cut();
            long revision = database.store().commit(commitOf(put("k", "1"))).revision();

            assertThat(fleet.awaitApplied(revision, 1, SOON)).isTrue();
            assertThat(fleet.look().instances()).extracting(FleetInstance::name).containsExactly("good");

            proxy.refuse(false);
            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(fleet.look().instances())
                            .filteredOn(instance -> instance.hasApplied(revision))
                            .extracting(FleetInstance::name)
                            .containsExactly("bad", "good"));
            assertThat(bad.awaitRevision(revision, Duration.ZERO)).isTrue();
        }
    }

    /** It is the same table over and over: neither it nor its index grows, and nobody is woken up. */
    @Test
    void reportsAreQuietAndSmall() throws SQLException {
        PostgresConfigStore store = database.store();
        store.commit(commitOf(put("k", "1")));
        Position applied = store.snapshot(Set.of(), 1).position();
        String before = database.query("SELECT h::text FROM public.config_head h");
        try (Connection listener = database.direct.getConnection();
                Statement statement = listener.createStatement()) {
            statement.execute("LISTEN " + database.names.channel());
            for (int i = 1; i <= 3_000; i++) {
                store.report(new InstanceReport(
                        "i" + i % 5, i, "instance", applied, true, 0, Instant.EPOCH, Duration.ofMinutes(1)));
            }
            assertThat(listener.unwrap(PGConnection.class).getNotifications(200))
                    .isNullOrEmpty();
        }
        assertThat(database.query("SELECT h::text FROM public.config_head h")).isEqualTo(before);
        assertThat(database.number("SELECT count(*) FROM public.config_log")).isEqualTo(1);
        assertThat(database.number("SELECT count(*) FROM public.config_instance"))
                .isEqualTo(5);
        assertThat(database.number("SELECT pg_relation_size('public.config_instance_pkey')"))
                .as("updates do not touch the index")
                .isLessThanOrEqualTo(4 * 8_192);
        assertThat(database.number("SELECT pg_relation_size('public.config_instance')"))
                .isLessThanOrEqualTo(10 * 8_192);

        database.execute("UPDATE public.config_instance SET expires_at = now()");
        assertThat(store.fleet().instances()).isEmpty();
        store.maintain();
        assertThat(database.number("SELECT count(*) FROM public.config_instance"))
                .isZero();
    }
}
