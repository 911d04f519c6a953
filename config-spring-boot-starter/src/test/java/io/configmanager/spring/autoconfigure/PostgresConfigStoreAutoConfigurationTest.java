// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import io.configmanager.Config;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigHealth;
import io.configmanager.ConfigManager;
import io.configmanager.WatchState;
import io.configmanager.spring.ConfigBindings;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.TcpProxy;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration;
import org.springframework.boot.jdbc.autoconfigure.DataSourceInitializationAutoConfiguration;
import org.springframework.boot.jdbc.autoconfigure.DataSourceTransactionManagerAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.transaction.autoconfigure.TransactionAutoConfiguration;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.jdbc.datasource.TransactionAwareDataSourceProxy;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionTemplate;

/** The starter from end to end, on a real PostgreSQL. */
class PostgresConfigStoreAutoConfigurationTest {

    private static EmbeddedPostgres postgres;

    private final JdbcTemplate sql = new JdbcTemplate(postgres.getPostgresDatabase());
    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    DataSourceAutoConfiguration.class,
                    DataSourceTransactionManagerAutoConfiguration.class,
                    TransactionAutoConfiguration.class,
                    PostgresConfigStoreAutoConfiguration.class,
                    ConfigStoreAutoConfiguration.class,
                    ConfigManagerAutoConfiguration.class,
                    ConfigValueAutoConfiguration.class))
            .withPropertyValues(
                    "spring.datasource.url=" + postgres.getJdbcUrl("postgres", "postgres"),
                    "config.watch.last-retry=200ms")
            .withBean(Greeter.class);
    private final ApplicationContextRunner prepared =
            runner.withPropertyValues("config.store.postgres.initialize-schema=always");

    @BeforeAll
    static void start() throws IOException {
        postgres = EmbeddedPostgres.start();
    }

    @AfterAll
    static void stop() throws IOException {
        postgres.close();
    }

    @BeforeEach
    void clean() {
        sql.execute("DROP SCHEMA public CASCADE");
        sql.execute("CREATE SCHEMA public");
    }

    /** As {@code @ConfigTest} brings one beside {@code @SpringBootTest}. */
    @Test
    void aStoreThatIsThereAlreadyGoesWithScriptsOfTheApplication() {
        runner.withConfiguration(AutoConfigurations.of(DataSourceInitializationAutoConfiguration.class))
                .withPropertyValues(
                        "config.store.type=memory",
                        "spring.sql.init.mode=always",
                        "spring.sql.init.schema-locations=classpath:io/configmanager/store/postgres/schema-postgresql.sql",
                        "spring.sql.init.separator=^^^ END OF SCRIPT ^^^")
                .withInitializer(
                        context -> context.getBeanFactory().registerSingleton("configStore", new MemoryConfigStore()))
                .run(context -> {
                    context.getBean(Config.class).set("app/greeting", "Salut");
                    assertThat(sql.queryForObject("SELECT count(*) FROM config_entry", Long.class))
                            .isZero();
                });
    }

    @Test
    void aFieldFollowsWhateverSqlDoes() {
        prepared.run(context -> {
            Greeter bean = context.getBean(Greeter.class);
            assertThat(bean.greeting).isEqualTo("Hello");

            sql.execute("INSERT INTO config_entry (key, value) VALUES ('app/greeting', '\"Ciao\"')");
            await().untilAsserted(() -> assertThat(bean.greeting).isEqualTo("Ciao"));

            sql.execute("UPDATE config_entry SET value = '\"Bonjour\"' WHERE key = 'app/greeting'");
            await().untilAsserted(() -> assertThat(bean.greeting).isEqualTo("Bonjour"));

            sql.execute("DELETE FROM config_entry WHERE key = 'app/greeting'");
            await().untilAsserted(() -> assertThat(bean.greeting).isEqualTo("Hello"));

            context.getBean(Config.class).set("app/greeting", "Salut");
            await().untilAsserted(() -> assertThat(bean.greeting).isEqualTo("Salut"));
        });
    }

    @Test
    void aHandMadeRowThatIsBadDisturbsNobodyElse() {
        prepared.run(context -> {
            Greeter bean = context.getBean(Greeter.class);
            context.getBean(Config.class)
                    .commit(batch -> batch.set("app/greeting", "Ciao").set("app/count", 2));
            await().untilAsserted(() -> assertThat(bean.count).isEqualTo(2));

            sql.execute("UPDATE config_entry SET codec = 'rot13' WHERE key = 'app/greeting'");
            sql.execute("UPDATE config_entry SET value = '\"many\"' WHERE key = 'app/count'");
            await().until(() -> context.getBean(ConfigBindings.class).errors() == 1);
            assertThat(bean.greeting).isEqualTo("Ciao");
            assertThat(bean.count).isEqualTo(2);
            assertThat(context.getBean(ConfigManager.class)
                            .activeNamespaces()
                            .get(0)
                            .rejected())
                    .containsOnlyKeys("app/greeting");

            sql.execute("UPDATE config_entry SET value = '3' WHERE key = 'app/count'");
            await().untilAsserted(() -> assertThat(bean.count).isEqualTo(3));
        });
    }

    @Test
    void aWriteJoinsTheTransactionOfTheApplication() {
        prepared.withBean(Shops.class).run(context -> {
            sql.execute("CREATE TABLE shop (id int PRIMARY KEY)");
            Greeter bean = context.getBean(Greeter.class);
            Config config = context.getBean(Config.class);
            Shops shops = context.getBean(Shops.class);

            assertThatThrownBy(() -> shops.open(1, "never", () -> {
                        throw new IllegalStateException("planned");
                    }))
                    .hasMessage("planned");
            assertThat(sql.queryForList("SELECT id FROM shop")).isEmpty();
            assertThat(sql.queryForList("SELECT key FROM config_entry")).isEmpty();

            ConfigEntry entry = shops.open(2, "Ciao", () -> {
                assertThat(sql.queryForList("SELECT id FROM shop")).isEmpty();
                assertThat(sql.queryForList("SELECT key FROM config_entry")).isEmpty();
                assertThat(config.entry("app/greeting")).isEmpty();
                assertThat(config.latest("app/greeting")).isEmpty();
            });
            assertThat(entry.revision()).isZero();
            assertThat(config.latest("app/greeting")).map(ConfigEntry::revision).contains(1L);
            assertThat(config.get("app/greeting", String.class)).isEqualTo("Ciao");
            await().untilAsserted(() -> assertThat(bean.greeting).isEqualTo("Ciao"));
            assertThat(sql.queryForList("SELECT id FROM shop", Integer.class)).containsExactly(2);
        });
    }

    /** It hands out the connection of the transaction, which nothing but the transaction may end. */
    @Test
    void aDataSourceThatKnowsOfTransactionsItselfDoesNotEndThem() {
        prepared.withBean(
                        TransactionAwareDataSourceProxy.class,
                        () -> new TransactionAwareDataSourceProxy(postgres.getPostgresDatabase()))
                .withBean(Shops.class)
                .run(context -> {
                    sql.execute("CREATE TABLE shop (id int PRIMARY KEY)");
                    Config config = context.getBean(Config.class);

                    assertThatThrownBy(() -> context.getBean(Shops.class).open(1, "never", () -> {
                                assertThat(config.latest("app/greeting")).isEmpty();
                                throw new IllegalStateException("planned");
                            }))
                            .hasMessage("planned");

                    assertThat(sql.queryForList("SELECT id FROM shop")).isEmpty();
                    assertThat(sql.queryForList("SELECT key FROM config_entry")).isEmpty();
                });
    }

    @Test
    void theWatchReconnectsWithThePasswordThatThePoolHasNow() {
        sql.execute("DROP ROLE IF EXISTS rotating");
        sql.execute("CREATE ROLE rotating LOGIN SUPERUSER");
        prepared.withPropertyValues("spring.datasource.username=postgres").run(context -> {
            context.getBean(HikariDataSource.class).setUsername("rotating");

            sql.queryForList("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    + " WHERE application_name = 'config-feed'");

            await().until(() -> sql.queryForList(
                            "SELECT usename FROM pg_stat_activity WHERE application_name = 'config-feed'", String.class)
                    .contains("rotating"));
        });
    }

    @Test
    void aWriteOutsideOfTheTransactionsDataSourceIsOneOfItsOwn() {
        prepared.run(context -> {
            TransactionTemplate elsewhere =
                    new TransactionTemplate(new DataSourceTransactionManager(postgres.getPostgresDatabase()));
            elsewhere.executeWithoutResult(status -> {
                context.getBean(Config.class).set("app/greeting", "Ciao");
                status.setRollbackOnly();
            });
            await().untilAsserted(() ->
                    assertThat(context.getBean(Greeter.class).greeting).isEqualTo("Ciao"));
        });
    }

    /** Business rows and configuration in one transaction. */
    static class Shops {

        private final JdbcTemplate rows;
        private final Config config;

        Shops(DataSource dataSource, Config config) {
            this.rows = new JdbcTemplate(dataSource);
            this.config = config;
        }

        @Transactional
        ConfigEntry open(int id, String greeting, Runnable beforeTheEnd) {
            rows.update("INSERT INTO shop VALUES (?)", id);
            ConfigEntry entry = config.set("app/greeting", greeting).entry();
            beforeTheEnd.run();
            return entry;
        }
    }

    @Test
    void theWatchNeedsNoConnectionOfThePool() {
        prepared.withPropertyValues("spring.datasource.hikari.maximum-pool-size=1")
                .run(context -> {
                    assertThat(context.getBean(ConfigManager.class)
                                    .watchStatus()
                                    .pushAvailable())
                            .isTrue();
                    await().untilAsserted(() -> assertThat(context.getBean(HikariDataSource.class)
                                    .getHikariPoolMXBean()
                                    .getActiveConnections())
                            .isZero());
                });
    }

    @Test
    void ownNamesAndAnOwnListener() {
        sql.execute("DROP SCHEMA IF EXISTS settings CASCADE");
        prepared.withPropertyValues(
                        "config.store.postgres.schema=settings",
                        "config.store.postgres.table-prefix=live_",
                        "config.store.postgres.channel=live",
                        "config.store.postgres.listener.url=" + postgres.getJdbcUrl("postgres", "postgres"),
                        "config.store.postgres.listener.username=postgres")
                .run(context -> {
                    sql.execute("INSERT INTO settings.live_entry (key, value) VALUES ('app/count', '5')");
                    await().untilAsserted(() ->
                            assertThat(context.getBean(Greeter.class).count).isEqualTo(5));
                });
    }

    @Test
    void aMissingSchemaStopsTheStartWithWhatToRun() {
        for (String mode : new String[] {"never", "embedded"}) {
            runner.withPropertyValues("config.store.postgres.initialize-schema=" + mode, "config.startup.timeout=30s")
                    .run(context -> {
                        FailureAnalysis analysis = new StartupFailureAnalyzer().analyze(context.getStartupFailure());
                        assertThat(analysis).isNotNull();
                        assertThat(analysis.getDescription()).contains("config_");
                        assertThat(analysis.getAction())
                                .contains("config.store.postgres.initialize-schema=always")
                                .contains("schema-postgresql.sql");
                    });
        }
    }

    @Test
    void anOlderSchemaStopsTheStartUntilItIsUpgraded() {
        prepared.run(context -> assertThat(context).hasNotFailed());
        sql.execute("UPDATE config_head SET schema_version = 0");

        runner.withPropertyValues("config.store.postgres.initialize-schema=never", "config.startup.timeout=30s")
                .run(context -> {
                    FailureAnalysis analysis = new StartupFailureAnalyzer().analyze(context.getStartupFailure());
                    assertThat(analysis).isNotNull();
                    assertThat(analysis.getDescription()).contains("version 0");
                    assertThat(analysis.getAction())
                            .contains("older")
                            .contains("config.store.postgres.initialize-schema=always")
                            .contains("schema-postgresql.sql");
                });
        prepared.run(context -> assertThat(context).hasNotFailed());
        runner.run(context -> assertThat(context).hasNotFailed());
    }

    @Test
    void missingPrivilegesStopTheStartWithWhatToGrant() {
        prepared.run(context -> assertThat(context).hasNotFailed());
        sql.execute("DROP ROLE IF EXISTS guest");
        sql.execute("CREATE ROLE guest LOGIN");
        runner.withPropertyValues("spring.datasource.url=" + postgres.getJdbcUrl("guest", "postgres"))
                .run(context -> {
                    FailureAnalysis analysis = new StartupFailureAnalyzer().analyze(context.getStartupFailure());
                    assertThat(analysis).isNotNull();
                    assertThat(analysis.getDescription()).containsIgnoringCase("permission");
                    assertThat(analysis.getAction()).contains("grant");
                });
    }

    @Test
    void withPolicyDefaultsTheDatabaseMayBeAway() {
        String nobody = "spring.datasource.url=jdbc:postgresql://127.0.0.1:1/nobody?user=postgres";
        prepared.withPropertyValues(
                        nobody,
                        "spring.datasource.hikari.connection-timeout=300",
                        "config.startup.timeout=300ms",
                        "config.startup.policy=defaults")
                .run(context -> {
                    assertThat(context.getBean(Greeter.class).greeting).isEqualTo("Hello");
                    assertThat(context.getBean(ConfigManager.class)
                                    .watchStatus()
                                    .state())
                            .isEqualTo(WatchState.STARTING);
                });
        runner.withPropertyValues(nobody, "config.startup.timeout=300ms")
                .run(context -> assertThat(new StartupFailureAnalyzer().analyze(context.getStartupFailure()))
                        .extracting(FailureAnalysis::getAction)
                        .asString()
                        .contains("config.startup.policy=defaults"));
    }

    /** C1: DB down at start, with a boot snapshot. */
    @Test
    void withABootSnapshotTheDatabaseMayBeAway(@TempDir Path directory) {
        try (TcpProxy proxy = new TcpProxy("127.0.0.1", postgres.getPort())) {
            ApplicationContextRunner behind = prepared.withPropertyValues(
                    "spring.datasource.url=jdbc:postgresql://127.0.0.1:" + proxy.port() + "/postgres?user=postgres",
                    "spring.datasource.hikari.connection-timeout=300",
                    "config.startup.timeout=300ms",
                    "config.snapshot.enabled=true",
                    "config.snapshot.directory=" + directory);
            behind.withPropertyValues("config.startup.timeout=10s").run(context -> {
                long revision = context.getBean(Config.class)
                        .set("app/greeting", "Ciao")
                        .revision();
                assertThat(context.getBean(ConfigManager.class).awaitRevision(revision, Duration.ofSeconds(10)))
                        .isTrue();
            });
            proxy.refuse(true);
            proxy.cut();
            behind.run(context -> {
                Greeter bean = context.getBean(Greeter.class);
                ConfigManager manager = context.getBean(ConfigManager.class);
                assertThat(bean.greeting).isEqualTo("Ciao");
                assertThat(manager.watchStatus().state()).isEqualTo(WatchState.STALE);

                sql.execute("UPDATE config_entry SET value = '\"Bonjour\"' WHERE key = 'app/greeting'");
                proxy.refuse(false);
                await().atMost(Duration.ofSeconds(10))
                        .untilAsserted(() -> assertThat(bean.greeting).isEqualTo("Bonjour"));
                await().atMost(Duration.ofSeconds(10))
                        .until(() -> manager.watchStatus().state() == WatchState.LIVE);
            });
            proxy.refuse(true);
            proxy.cut();
            behind.withPropertyValues("config.snapshot.encryption-key=AAAAAAAAAAAAAAAAAAAAAA==")
                    .run(context -> assertThat(new StartupFailureAnalyzer().analyze(context.getStartupFailure()))
                            .extracting(FailureAnalysis::getDescription)
                            .asString()
                            .contains("is not encrypted though a key is set"));
        }
    }

    @Test
    void aCutConnectionHeals() {
        prepared.run(context -> {
            ConfigManager manager = context.getBean(ConfigManager.class);
            sql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                    + " AND datname = current_database()");
            sql.execute("INSERT INTO config_entry (key, value) VALUES ('app/count', '9')");
            await().atMost(Duration.ofSeconds(10))
                    .untilAsserted(() ->
                            assertThat(context.getBean(Greeter.class).count).isEqualTo(9));
            assertThat(manager.health().status()).isEqualTo(ConfigHealth.Status.UP);
        });
    }

    static class Greeter {
        @ConfigValue(key = "app/greeting", defaultValue = "Hello")
        String greeting = "";

        @ConfigValue(key = "app/count", defaultValue = "1")
        int count;
    }
}
