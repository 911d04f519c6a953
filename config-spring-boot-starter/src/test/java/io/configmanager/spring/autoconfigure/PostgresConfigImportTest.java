// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.WatchState;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.store.TcpProxy;
import io.configmanager.store.postgres.PostgresNames;
import io.configmanager.store.postgres.PostgresSchema;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;

/** {@code spring.config.import=config:} on a real PostgreSQL, there and away. */
class PostgresConfigImportTest {

    private static final Duration LONG = Duration.ofSeconds(30);

    private static EmbeddedPostgres postgres;
    private static TcpProxy proxy;

    @TempDir
    private Path directory;

    private final JdbcTemplate sql = new JdbcTemplate(postgres.getPostgresDatabase());

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        DataSourceAutoConfiguration.class,
        PostgresConfigStoreAutoConfiguration.class,
        ConfigValueAutoConfiguration.class,
        ConfigStoreAutoConfiguration.class,
        ConfigManagerAutoConfiguration.class,
        ConfigEnvironmentAutoConfiguration.class
    })
    static class Application {}

    @BeforeAll
    static void start() throws IOException {
        postgres = EmbeddedPostgres.start();
        proxy = new TcpProxy("127.0.0.1", postgres.getPort());
    }

    @AfterAll
    static void stop() throws IOException {
        proxy.close();
        postgres.close();
    }

    @BeforeEach
    void clean() {
        proxy.refuse(false);
        sql.execute("DROP SCHEMA public CASCADE");
        sql.execute("CREATE SCHEMA public");
    }

    private ConfigurableApplicationContext run(String... arguments) {
        return run(context -> {}, arguments);
    }

    private ConfigurableApplicationContext run(
            ApplicationContextInitializer<ConfigurableApplicationContext> early, String... arguments) {
        SpringApplication application = new SpringApplication(Application.class);
        application.setWebApplicationType(WebApplicationType.NONE);
        application.setRegisterShutdownHook(false);
        application.setBannerMode(Banner.Mode.OFF);
        application.setLogStartupInfo(false);
        application.addInitializers(early);
        application.setDefaultProperties(Map.of(
                "spring.config.location",
                directory + "/",
                "spring.datasource.hikari.connection-timeout",
                "300",
                "config.store.postgres.initialize-schema",
                "always",
                "config.watch.last-retry",
                "200ms"));
        return application.run(arguments);
    }

    private String url() {
        return "jdbc:postgresql://127.0.0.1:" + proxy.port() + "/postgres?user=postgres&ApplicationName=import";
    }

    private void away() {
        proxy.refuse(true);
        proxy.cut();
    }

    @Test
    void theAddressMayBeThatOfAProfile() throws IOException {
        Files.writeString(directory.resolve("application.properties"), "spring.config.import=config:\napp.x=file\n");
        Files.writeString(directory.resolve("application-prod.properties"), "spring.datasource.url=" + url() + "\n");
        String[] arguments = {"--spring.profiles.active=prod"};
        // The tables are not there yet: the import makes them.
        try (var context = run(arguments)) {
            assertThat(context.getEnvironment().getProperty("app.x")).isEqualTo("file");
            sql.execute("INSERT INTO config_entry (key, value) VALUES ('app/x', '\"one\"')");
            await().atMost(LONG)
                    .untilAsserted(() -> assertThat(context.getEnvironment().getProperty("app.x"))
                            .isEqualTo("one"));
            sql.execute("DELETE FROM config_entry");
            await().atMost(LONG)
                    .untilAsserted(() -> assertThat(context.getEnvironment().getProperty("app.x"))
                            .isEqualTo("file"));
            sql.execute("INSERT INTO config_entry (key, value) VALUES ('app/x', '\"two\"')");
        }
        List<Object> early = new ArrayList<>();
        try (var context = run(
                starting -> {
                    early.add(String.valueOf(starting.getEnvironment().getProperty("app.x")));
                    await().untilAsserted(() -> assertThat(sql.queryForObject(
                                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'import'",
                                    Integer.class))
                            .isZero());
                    early.add("its connection is closed");
                },
                arguments)) {
            assertThat(early).containsExactly("two", "its connection is closed");
            assertThat(context.getEnvironment().getProperty("app.x")).isEqualTo("two");
        }
    }

    @Test
    void aMissingDatabaseStopsTheStartUnlessOptional() {
        away();
        String[] arguments = {
            "--spring.datasource.url=" + url(), "--config.startup.timeout=300ms", "--config.startup.policy=defaults", ""
        };
        arguments[3] = "--spring.config.import=config:shop";
        FailureAnalysis analysis = new ConfigImportFailureAnalyzer().analyze(catchThrowable(() -> run(arguments)));
        assertThat(Objects.requireNonNull(analysis).getDescription()).contains("config:shop");
        assertThat(analysis.getAction()).contains("Start the database").contains("optional:config:");

        arguments[3] = "--spring.config.import=optional:config:shop";
        try (var context = run(arguments)) {
            assertThat(context.getEnvironment().getProperty("app.x", "nothing")).isEqualTo("nothing");
            proxy.refuse(false);
            ConfigManager manager = context.getBean(ConfigManager.class);
            // The tables are made at the start only, and it was away.
            new PostgresSchema(PostgresNames.DEFAULT).initialize(postgres.getPostgresDatabase());
            await().atMost(LONG).until(() -> manager.watchStatus().state() == WatchState.LIVE);
            sql.execute("INSERT INTO config_entry (namespace, key, value) VALUES ('shop', 'app/x', '1')");
            await().atMost(LONG)
                    .untilAsserted(() -> assertThat(context.getEnvironment().getProperty("app.x"))
                            .isEqualTo("1"));
        }
    }

    @Test
    void missingTablesAndAMissingAddressAreSaid() {
        FailureAnalysis analysis = new ConfigImportFailureAnalyzer()
                .analyze(catchThrowable(() -> run(
                        "--spring.config.import=config:",
                        "--spring.datasource.url=" + url(),
                        "--config.store.postgres.initialize-schema=never")));
        assertThat(Objects.requireNonNull(analysis).getAction()).contains("initialize-schema=always");

        analysis = new ConfigImportFailureAnalyzer()
                .analyze(catchThrowable(() -> run("--spring.config.import=config:", "--config.store.type=postgres")));
        assertThat(Objects.requireNonNull(analysis).getAction()).contains("spring.datasource.url");
    }

    /** C1 for the environment, and complaint 8: no start while the config server is down. */
    @Test
    void withABootSnapshotTheDatabaseMayBeAway(@TempDir Path snapshots) {
        String[] arguments = {
            "--spring.config.import=config:",
            "--spring.datasource.url=" + url(),
            "--config.snapshot.enabled=true",
            "--config.snapshot.directory=" + snapshots,
            "--config.startup.timeout=10s"
        };
        try (var context = run(arguments)) {
            long revision = context.getBean(Config.class).set("app/x", "kept").revision();
            assertThat(context.getBean(ConfigManager.class).awaitRevision(revision, LONG))
                    .isTrue();
        }
        away();
        arguments[4] = "--config.startup.timeout=300ms";
        List<Object> early = new ArrayList<>();
        try (var context = run(
                starting -> early.add(String.valueOf(starting.getEnvironment().getProperty("app.x"))), arguments)) {
            assertThat(early).containsExactly("kept");
            assertThat(context.getBean(ConfigManager.class).watchStatus().state())
                    .isEqualTo(WatchState.STALE);
            sql.execute("UPDATE config_entry SET value = '\"new\"' WHERE key = 'app/x'");
            proxy.refuse(false);
            await().atMost(LONG)
                    .untilAsserted(() -> assertThat(context.getEnvironment().getProperty("app.x"))
                            .isEqualTo("new"));
        }
    }
}
