// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import io.configmanager.Config;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.store.mongo.TestServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.mongodb.autoconfigure.MongoAutoConfiguration;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;

/** {@code spring.config.import=config:} on the server of the run. */
class MongoConfigImportTest {

    private static final String DATABASE = "t_import";
    private static final Duration LONG = Duration.ofSeconds(30);

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        MongoAutoConfiguration.class,
        MongoConfigStoreAutoConfiguration.class,
        ConfigValueAutoConfiguration.class,
        ConfigStoreAutoConfiguration.class,
        ConfigManagerAutoConfiguration.class,
        ConfigEnvironmentAutoConfiguration.class
    })
    static class Application {}

    private static ConfigurableApplicationContext run(
            ApplicationContextInitializer<ConfigurableApplicationContext> early, String... arguments) {
        SpringApplication application = new SpringApplication(Application.class);
        application.setWebApplicationType(WebApplicationType.NONE);
        application.setRegisterShutdownHook(false);
        application.setBannerMode(Banner.Mode.OFF);
        application.setLogStartupInfo(false);
        application.addInitializers(early);
        application.setDefaultProperties(Map.of("spring.config.import", "config:shop"));
        return application.run(arguments);
    }

    @Test
    void entriesAreThereBeforeTheContextAndFollow() {
        String[] arguments = {
            "--spring.mongodb.uri=" + TestServer.uri(),
            "--spring.mongodb.database=" + DATABASE,
            "--config.namespace=shop",
            "--config.startup.timeout=30s"
        };
        try (MongoClient mongo = MongoClients.create(TestServer.uri())) {
            mongo.getDatabase(DATABASE).drop();
            try (var context = run(starting -> {}, arguments)) {
                context.getBean(Config.class).set("app/x", "one");
                await().atMost(LONG)
                        .untilAsserted(() -> assertThat(context.getEnvironment().getProperty("app.x"))
                                .isEqualTo("one"));
            }
            List<Object> early = new ArrayList<>();
            try (var context = run(
                    starting ->
                            early.add(String.valueOf(starting.getEnvironment().getProperty("app.x"))),
                    arguments)) {
                assertThat(early).containsExactly("one");
                context.getBean(Config.class).delete("app/x");
                await().atMost(LONG).until(() -> !context.getEnvironment().containsProperty("app.x"));
            }
            mongo.getDatabase(DATABASE).drop();
        }
    }

    @Test
    void aMissingServerStopsTheStart() {
        FailureAnalysis analysis = new ConfigImportFailureAnalyzer()
                .analyze(catchThrowable(() -> run(
                        starting -> {},
                        "--spring.mongodb.uri=mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200",
                        "--config.startup.timeout=300ms")));
        assertThat(Objects.requireNonNull(analysis).getDescription()).contains("config:shop");
        assertThat(analysis.getAction()).contains("Start the database");
    }
}
