// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import io.configmanager.Config;
import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigHealth;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigObserver;
import io.configmanager.StoreException;
import io.configmanager.WatchState;
import io.configmanager.WriteOptions;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import io.configmanager.store.TcpProxy;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole manager on a real server while things break. */
class ManagerOnPostgresTest {

    private static final Duration SOON = Duration.ofSeconds(15);

    private final TestDatabase database = new TestDatabase(ManagerOnPostgresTest.class);
    private final TcpProxy proxy = new TcpProxy("127.0.0.1", TestDatabase.port());
    private final HikariDataSource proxied = TestDatabase.pool(
            TestDatabase.connections(proxy.port()), 4, settings -> settings.setConnectionTimeout(1_000));
    private final AtomicInteger resyncs = new AtomicInteger();
    private final List<ConfigChangeSet> seen = new CopyOnWriteArrayList<>();

    @BeforeEach
    void start() {
        database.execute(
                "INSERT INTO public.config_entry (key, value) VALUES ('app/greeting', '\"Hello\"'), ('app/limit', '1')");
    }

    @AfterEach
    void stop() {
        proxied.close();
        proxy.close();
        database.close();
    }

    @Test
    void aServerThatStopsAndStartsIsSurvived(@TempDir Path data) throws Exception {
        EmbeddedPostgres server = start(data, 0);
        int port = server.getPort();
        try (HikariDataSource pool =
                TestDatabase.pool(TestDatabase.connections(port), 2, settings -> settings.setConnectionTimeout(500))) {
            new PostgresSchema(PostgresNames.DEFAULT).initialize(pool);
            PostgresConfigStore store = PostgresConfigStore.builder(pool)
                    .listenConnections(TestDatabase.connections(port))
                    .callTimeout(Duration.ofSeconds(1))
                    .build();
            try (ConfigManager manager = connected(ConfigManagerBuilder.forStore(store))) {
                Config config = manager.namespace("");
                config.set("app/greeting", "Hello");
                manager.awaitRevision(1, SOON);

                server.close();
                await().atMost(SOON).until(() -> manager.health().status() == ConfigHealth.Status.DOWN);
                assertThat(manager.health().problem())
                        .contains("failures in a row")
                        .contains("refused");
                assertThat(manager.watchStatus().state()).isEqualTo(WatchState.STALE);
                assertThat(config.get("app/greeting", String.class)).isEqualTo("Hello");
                assertThatThrownBy(() -> config.set("app/greeting", "lost"))
                        .isInstanceOfSatisfying(
                                StoreException.class,
                                e -> assertThat(e.isTransient()).isTrue());

                server = start(data, port);
                try (Connection other = TestDatabase.connections(port).getConnection();
                        Statement statement = other.createStatement()) {
                    statement.execute("UPDATE public.config_entry SET value = '\"Bonjour\"'");
                }
                await().atMost(SOON)
                        .until(() -> config.get("app/greeting", String.class).equals("Bonjour"));
                await().atMost(SOON).until(() -> manager.health().status() == ConfigHealth.Status.UP);
                assertThat(resyncs).hasValue(0);
            }
        } finally {
            server.close();
        }
    }

    @Test
    void c1AStoreThatIsAwayAtTheStartBecomesLiveLater() {
        proxy.refuse(true);
        ConfigManagerBuilder builder =
                ConfigManagerBuilder.forStore(proxiedStore()).startup(StartupPolicy.DEFAULTS, Duration.ofMillis(300));
        try (ConfigManager manager = connected(builder)) {
            Config config = manager.namespace("");
            config.listen(ConfigFilter.ALL, seen::add);
            assertThat(manager.watchStatus().state()).isEqualTo(WatchState.STARTING);
            assertThat(config.get("app/greeting", String.class, "default")).isEqualTo("default");

            proxy.refuse(false);
            await().atMost(SOON)
                    .until(() ->
                            config.get("app/greeting", String.class, "default").equals("Hello"));
            await().atMost(SOON).until(() -> !seen.isEmpty());
            assertThat(seen.get(0).changes()).extracting(ConfigChange::kind).containsOnly(ConfigChange.Kind.INSERT);
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.LIVE);
        }
    }

    @Test
    void c1AStartWithoutTheStoreFailsWithTheCause() {
        proxy.refuse(true);
        ConfigManager manager = ConfigManagerBuilder.forStore(proxiedStore())
                .startup(StartupPolicy.FAIL, Duration.ofSeconds(1))
                .build();
        assertThatThrownBy(manager::connect)
                .hasMessageContaining("is not live")
                .hasRootCauseInstanceOf(IOException.class);
        proxy.refuse(false);
        manager.connect();
        assertThat(manager.namespace("").get("app/limit", Integer.class)).isEqualTo(1);
        manager.close();
    }

    @Test
    void c3ABlackHoleIsNoticedAndHeals() {
        try (ConfigManager manager = connected(ConfigManagerBuilder.forStore(proxiedStore()))) {
            Config config = manager.namespace("");
            assertThat(config.get("app/limit", Integer.class)).isEqualTo(1);

            proxy.freeze(true);
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.STALE);
            database.execute("UPDATE public.config_entry SET value = '2' WHERE key = 'app/limit'");
            assertThat(config.get("app/limit", Integer.class)).isEqualTo(1);
            Duration staleness = manager.watchStatus().staleness();
            await().until(() -> manager.watchStatus().staleness().compareTo(staleness) > 0);

            proxy.freeze(false);
            proxy.cut();
            await().atMost(SOON).until(() -> config.get("app/limit", Integer.class) == 2);
            assertThat(resyncs).hasValue(0);
        }
    }

    @Test
    void c4AFlappingLinkLosesNothingAndIsNotHealthy() throws Exception {
        try (ConfigManager manager = connected(ConfigManagerBuilder.forStore(proxiedStore())
                .retry(Duration.ofMillis(20), Duration.ofMillis(100), Duration.ofSeconds(2)))) {
            Config config = manager.namespace("");
            Map<String, Object> replayed = new HashMap<>();
            config.view().entries().forEach(entry -> replayed.put(entry.key(), entry.value()));
            AtomicBoolean legal = new AtomicBoolean(true);
            config.listen(ConfigFilter.ALL, changes -> replay(changes, replayed, legal));

            for (int i = 0; i < 40; i++) {
                database.execute("UPDATE public.config_entry SET value = '" + (i + 10) + "' WHERE key = 'app/limit'");
                if (i % 3 == 0) {
                    database.execute("INSERT INTO public.config_entry (key, value) VALUES ('app/k" + i + "', '1')");
                    database.execute("DELETE FROM public.config_entry WHERE key = 'app/k" + (i - 3) + "'");
                }
                await().atMost(SOON)
                        .pollInterval(Duration.ofMillis(5))
                        .until(() -> manager.watchStatus().connected());
                int failures = manager.watchStatus().consecutiveFailures();
                proxy.cut();
                await().atMost(SOON)
                        .pollInterval(Duration.ofMillis(5))
                        .until(() -> manager.watchStatus().consecutiveFailures() > failures);
            }
            assertThat(manager.health().status()).isEqualTo(ConfigHealth.Status.DOWN);
            await().atMost(SOON).until(() -> config.get("app/limit", Integer.class) == 49);
            await().atMost(SOON).until(() -> manager.health().status() == ConfigHealth.Status.UP);
            Map<String, Object> stored = new HashMap<>();
            config.view().entries().forEach(entry -> stored.put(entry.key(), entry.value()));
            await().atMost(SOON).until(() -> {
                synchronized (replayed) {
                    return replayed.equals(stored);
                }
            });
            assertThat(legal).isTrue();
            assertThat(resyncs).hasValue(0);
        }
    }

    @Test
    void c5AnOwnWriteIsReadAtOnceWhileTheFeedIsFrozen() {
        PostgresConfigStore store = database.builder()
                .listenConnections(TestDatabase.connections(proxy.port()))
                .build();
        try (ConfigManager manager = connected(ConfigManagerBuilder.forStore(store))) {
            Config config = manager.namespace("");
            config.get("app/limit", Integer.class);
            proxy.freeze(true);
            config.set("app/limit", 7);
            assertThat(config.get("app/limit", Integer.class)).isEqualTo(7);
            assertThat(config.view().get("app/limit", Integer.class)).contains(1);
            config.delete("app/limit");
            assertThat(config.get("app/limit", Integer.class, 0)).isZero();

            proxy.freeze(false);
            proxy.cut();
            await().atMost(SOON)
                    .until(() -> config.view().get("app/limit", Integer.class).isEmpty());
        }
    }

    @Test
    void c9ClosingAFrozenManagerTakesTwoSecondsAtMost() {
        ConfigManager manager = connected(ConfigManagerBuilder.forStore(proxiedStore()));
        proxy.freeze(true);
        long start = System.nanoTime();
        manager.close();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
        await().atMost(SOON)
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().startsWith("config-")));
    }

    @Test
    void c9ClosingDuringFrozenHousekeepingLeavesNothingBehind() throws Exception {
        CountDownLatch maintained = new CountDownLatch(2);
        ConfigManager manager = connected(ConfigManagerBuilder.forStore(proxiedStore())
                .maintenanceInterval(Duration.ofMillis(20))
                .observer(new ConfigObserver() {
                    @Override
                    public Ending storeCalling(String operation) {
                        return operation.equals("maintain") ? failure -> maintained.countDown() : Ending.UNTOLD;
                    }
                }));
        maintained.await();
        proxy.freeze(true);
        await().atMost(SOON).until(() -> proxied.getHikariPoolMXBean().getActiveConnections() > 0);
        manager.close();
        await().atMost(Duration.ofSeconds(2))
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().startsWith("config-")));
    }

    @Test
    void p16AChangedLineageLoadsAnewOnceAndChangesNothing() {
        try (ConfigManager manager = connected(ConfigManagerBuilder.forStore(database.store()))) {
            Config config = manager.namespace("");
            config.listen(ConfigFilter.ALL, seen::add);
            database.execute("UPDATE public.config_head SET lineage = gen_random_uuid()");
            await().atMost(SOON).until(() -> resyncs.get() == 1);
            database.execute("UPDATE public.config_entry SET value = '5' WHERE key = 'app/limit'");
            await().atMost(SOON).until(() -> config.get("app/limit", Integer.class) == 5);
            await().atMost(SOON).until(() -> !seen.isEmpty());
            assertThat(seen).hasSize(1);
            assertThat(seen.get(0).resync()).isFalse();
            assertThat(resyncs).hasValue(1);
        }
    }

    @Test
    void p17APausedInstanceBeyondRetentionHearsOfTheDeletions() {
        try (ConfigManager manager = connected(ConfigManagerBuilder.forStore(proxiedStore()))) {
            Config config = manager.namespace("");
            config.listen(ConfigFilter.ALL, seen::add);
            proxy.refuse(true);
            proxy.cut();
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.STALE);
            database.execute("DELETE FROM public.config_entry WHERE key = 'app/greeting'");
            database.execute("UPDATE public.config_entry SET value = '3' WHERE key = 'app/limit'");
            database.compact();
            proxy.refuse(false);

            await().atMost(SOON).until(() -> !seen.isEmpty());
            assertThat(seen).hasSize(1);
            assertThat(seen.get(0).resync()).isTrue();
            assertThat(seen.get(0).changes())
                    .extracting(ConfigChange::key, ConfigChange::kind)
                    .containsExactly(
                            org.assertj.core.groups.Tuple.tuple("app/greeting", ConfigChange.Kind.DELETE),
                            org.assertj.core.groups.Tuple.tuple("app/limit", ConfigChange.Kind.UPDATE));
            assertThat(resyncs).hasValue(1);
        }
    }

    @Test
    void p22AnEntryIsNotServedAfterItsTime() {
        try (ConfigManager manager = connected(
                ConfigManagerBuilder.forStore(database.store()).maintenanceInterval(Duration.ofMillis(200)))) {
            Config config = manager.namespace("");
            config.listen(ConfigFilter.keys("app/short"), seen::add);
            config.set("app/short", 1, WriteOptions.DEFAULT.withTtl(Duration.ofMillis(400)));
            assertThat(config.get("app/short", Integer.class)).isEqualTo(1);
            await().atMost(SOON).until(() -> config.get("app/short", Integer.class, 0) == 0);
            assertThat(database.query("SELECT count(*) FROM public.config_entry WHERE key = 'app/short'"
                            + " AND expires_at > clock_timestamp()"))
                    .isEqualTo("0");
            await().atMost(SOON).until(() -> seen.size() == 2);
            assertThat(seen.get(1).changes()).extracting(ConfigChange::kind).containsExactly(ConfigChange.Kind.DELETE);
        }
    }

    @Test
    void aBrokenRowKeepsTheLastGoodValueAndDisturbsNothing() {
        try (ConfigManager manager = connected(ConfigManagerBuilder.forStore(database.store()))) {
            Config config = manager.namespace("");
            assertThat(config.get("app/limit", Integer.class)).isEqualTo(1);
            database.execute("UPDATE public.config_entry SET value = '{broken' WHERE key = 'app/limit'");
            database.execute("INSERT INTO public.config_entry (key, value, codec) VALUES ('app/odd', 'x', 'unknown')");
            database.execute("UPDATE public.config_entry SET value = '\"Bonjour\"' WHERE key = 'app/greeting'");

            await().atMost(SOON)
                    .until(() -> config.get("app/greeting", String.class).equals("Bonjour"));
            assertThat(config.get("app/limit", Integer.class)).isEqualTo(1);
            assertThat(config.entry("app/odd")).isEmpty();
            assertThat(manager.activeNamespaces().get(0).rejected()).containsOnlyKeys("app/limit", "app/odd");

            database.execute("UPDATE public.config_entry SET value = '2' WHERE key = 'app/limit'");
            await().atMost(SOON).until(() -> config.get("app/limit", Integer.class) == 2);
            assertThat(manager.activeNamespaces().get(0).rejected()).containsOnlyKeys("app/odd");
        }
    }

    @Test
    void p23ADroppedSchemaKeepsTheValuesAndNamesTheCause() {
        try (ConfigManager manager = connected(ConfigManagerBuilder.forStore(database.store())
                .retry(Duration.ofMillis(50), Duration.ofMillis(200), Duration.ofMillis(500)))) {
            Config config = manager.namespace("");
            assertThat(config.get("app/limit", Integer.class)).isEqualTo(1);
            database.execute("ALTER TABLE public.config_log RENAME TO config_log_away");
            await().atMost(SOON).until(() -> manager.health().status() == ConfigHealth.Status.DOWN);
            assertThat(manager.health().problem()).contains("initialize-schema");
            assertThat(config.get("app/limit", Integer.class)).isEqualTo(1);
            database.execute("ALTER TABLE public.config_log_away RENAME TO config_log");
            await().atMost(SOON).until(() -> manager.health().status() == ConfigHealth.Status.UP);
        }
    }

    private ConfigManager connected(ConfigManagerBuilder builder) {
        ConfigManager manager = builder.preload("")
                .observer(new ConfigObserver() {
                    @Override
                    public void resynced(String reason) {
                        resyncs.incrementAndGet();
                    }
                })
                .build();
        manager.connect();
        return manager;
    }

    /** A store that reaches the server only through the proxy. */
    private PostgresConfigStore proxiedStore() {
        return PostgresConfigStore.builder(proxied)
                .listenConnections(TestDatabase.connections(proxy.port()))
                .names(database.names)
                .pollIntervals(Duration.ofSeconds(1), Duration.ofMillis(200))
                .callTimeout(Duration.ofSeconds(1))
                .build();
    }

    private static void replay(ConfigChangeSet changes, Map<String, Object> replayed, AtomicBoolean legal) {
        synchronized (replayed) {
            List<ConfigChange> all = new ArrayList<>(changes.changes());
            for (ConfigChange change : all) {
                boolean known = replayed.containsKey(change.key());
                if (known == (change.kind() == ConfigChange.Kind.INSERT)) {
                    legal.set(false);
                }
                if (change.after() == null) {
                    replayed.remove(change.key());
                } else {
                    replayed.put(change.key(), change.after().value());
                }
            }
        }
    }

    private static EmbeddedPostgres start(Path data, int port) throws IOException {
        EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder()
                .setDataDirectory(data)
                .setCleanDataDirectory(false)
                .setServerConfig("listen_addresses", "127.0.0.1");
        return port == 0 ? builder.start() : builder.setPort(port).start();
    }
}
