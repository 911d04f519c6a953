// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import io.configmanager.spring.autoconfigure.ConfigStoreAutoConfiguration;
import io.configmanager.spring.autoconfigure.MongoConfigStoreAutoConfiguration;
import io.configmanager.spring.autoconfigure.PostgresConfigStoreAutoConfiguration;
import io.configmanager.spring.autoconfigure.health.ConfigHealthContributorAutoConfiguration;
import io.configmanager.spring.autoconfigure.metrics.ConfigMetricsAutoConfiguration;
import io.configmanager.store.mongo.TestServer;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.springframework.boot.actuate.autoconfigure.endpoint.EndpointAutoConfiguration;
import org.springframework.boot.actuate.autoconfigure.endpoint.web.WebEndpointAutoConfiguration;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.convert.ApplicationConversionService;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.jackson.autoconfigure.JacksonAutoConfiguration;
import org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration;
import org.springframework.boot.mongodb.autoconfigure.MongoAutoConfiguration;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;
import org.springframework.context.ApplicationContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Health, metrics and endpoint are the same whatever the store is: dashboards and alerts need not know. */
class StoreShapeTest {

    private static final String DATABASE = "t_shape";

    private final WebApplicationContextRunner runner = new WebApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    MetricsAutoConfiguration.class,
                    CompositeMeterRegistryAutoConfiguration.class,
                    JacksonAutoConfiguration.class,
                    EndpointAutoConfiguration.class,
                    WebEndpointAutoConfiguration.class,
                    ConfigValueAutoConfiguration.class,
                    ConfigStoreAutoConfiguration.class,
                    ConfigManagerAutoConfiguration.class,
                    ConfigHealthContributorAutoConfiguration.class,
                    ConfigMetricsAutoConfiguration.class,
                    ConfigEndpointAutoConfiguration.class))
            .withInitializer(
                    context -> context.getEnvironment().setConversionService(new ApplicationConversionService()))
            .withPropertyValues("management.endpoints.web.exposure.include=*", "config.startup.timeout=30s")
            .withBean(SimpleMeterRegistry.class)
            .withBean(Greeter.class);

    /** Names of details, of meters and their tags, and of the properties that the endpoint answers with. */
    private record Shape(Set<String> health, Set<String> meters, Set<String> overview, Set<String> entries) {}

    @Test
    void mongoLooksLikePostgres() throws Exception {
        Shape postgres;
        try (EmbeddedPostgres server = EmbeddedPostgres.start()) {
            postgres = shape(runner.withConfiguration(AutoConfigurations.of(
                            DataSourceAutoConfiguration.class, PostgresConfigStoreAutoConfiguration.class))
                    .withPropertyValues(
                            "config.store.type=postgres",
                            "config.store.postgres.initialize-schema=always",
                            "spring.datasource.url=" + server.getJdbcUrl("postgres", "postgres")));
        }
        Shape mongo;
        try (MongoClient client = MongoClients.create(TestServer.uri())) {
            client.getDatabase(DATABASE).drop();
            mongo = shape(runner.withConfiguration(AutoConfigurations.of(
                            MongoAutoConfiguration.class, MongoConfigStoreAutoConfiguration.class))
                    .withPropertyValues(
                            "config.store.type=mongo",
                            "config.store.mongo.database=" + DATABASE,
                            "spring.mongodb.uri=" + TestServer.uri()));
            client.getDatabase(DATABASE).drop();
        }
        assertThat(mongo).isEqualTo(postgres);
        assertThat(mongo.health()).contains("store", "watch.state", "cache.size");
        assertThat(mongo.meters()).contains("config.watch.connected {}", "config.watch.staleness {}");
        assertThat(mongo.overview()).contains("store", "watch.state", "namespaces.[].name");
        assertThat(mongo.entries()).contains("entries.[].key", "entries.[].version");
    }

    private static Shape shape(WebApplicationContextRunner runner) {
        AtomicReference<Shape> shape = new AtomicReference<>();
        runner.run(context -> {
            assertThat(context).hasNotFailed();
            shape.set(shape(context));
        });
        return shape.get();
    }

    private static Shape shape(ApplicationContext context) {
        Config config = context.getBean(Config.class);
        config.set("app/greeting", "Ciao");
        config.set("app/greeting", 7);
        await().atMost(Duration.ofSeconds(30))
                .until(() -> context.getBean(Greeter.class).greeting.equals("7"));
        config.latest("app/greeting");
        config.history("app/greeting", 1, null);
        context.getBean(ConfigManager.class).sync(Duration.ofSeconds(30));
        ConfigEndpoint endpoint = context.getBean(ConfigEndpoint.class);
        JsonMapper json = JsonMapper.builder().build();
        return new Shape(
                new TreeSet<>(context.getBean("configHealthIndicator", HealthIndicator.class)
                        .health(true)
                        .getDetails()
                        .keySet()),
                context.getBean(MeterRegistry.class).getMeters().stream()
                        .map(Meter::getId)
                        .filter(id -> id.getName().startsWith("config.")
                                || id.getName().startsWith("cache."))
                        .map(id -> id.getName() + " "
                                + id.getTags().stream()
                                        .map(Tag::getKey)
                                        .sorted()
                                        .collect(Collectors.joining(",", "{", "}")))
                        .collect(Collectors.toCollection(TreeSet::new)),
                names(json.valueToTree(endpoint.overview())),
                names(json.valueToTree(endpoint.list("_", null, null, null, null, null, SecurityContext.NONE)
                        .getBody())));
    }

    private static Set<String> names(JsonNode node) {
        Set<String> names = new TreeSet<>();
        collect(node, "", names);
        return names;
    }

    private static void collect(JsonNode node, String path, Set<String> names) {
        if (!path.isEmpty()) {
            names.add(path.substring(1));
        }
        if (node.isObject()) {
            node.properties().forEach(each -> collect(each.getValue(), path + "." + each.getKey(), names));
        } else if (node.isArray()) {
            node.forEach(each -> collect(each, path + ".[]", names));
        }
    }

    static class Greeter {
        @ConfigValue(key = "app/greeting", defaultValue = "Hello")
        String greeting = "";
    }
}
