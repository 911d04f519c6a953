// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.Fleet;
import io.configmanager.FleetInstance;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.spring.autoconfigure.endpoint.ConfigEndpointAutoConfiguration;
import io.configmanager.spring.autoconfigure.metrics.ConfigMetricsAutoConfiguration;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.InstanceReport;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.convert.ApplicationConversionService;
import org.springframework.boot.test.context.assertj.AssertableWebApplicationContext;
import org.springframework.boot.test.context.runner.ContextConsumer;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;
import org.springframework.boot.tomcat.autoconfigure.servlet.TomcatServletWebServerAutoConfiguration;
import org.springframework.boot.web.server.servlet.context.AnnotationConfigServletWebServerApplicationContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The fleet in an application: properties, the endpoint over real HTTP, and meters. */
class FleetTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final HttpClient client = HttpClient.newHttpClient();
    private final SwitchableStore store = new SwitchableStore();
    private final WebApplicationContextRunner alone = new WebApplicationContextRunner(
                    AnnotationConfigServletWebServerApplicationContext::new)
            .withConfiguration(AutoConfigurations.of(
                    TomcatServletWebServerAutoConfiguration.class,
                    org.springframework.boot.webmvc.autoconfigure.DispatcherServletAutoConfiguration.class,
                    org.springframework.boot.webmvc.autoconfigure.WebMvcAutoConfiguration.class,
                    org.springframework.boot.http.converter.autoconfigure.HttpMessageConvertersAutoConfiguration.class,
                    org.springframework.boot.jackson.autoconfigure.JacksonAutoConfiguration.class,
                    org.springframework.boot.actuate.autoconfigure.endpoint.EndpointAutoConfiguration.class,
                    org.springframework.boot.actuate.autoconfigure.endpoint.web.WebEndpointAutoConfiguration.class,
                    org.springframework.boot.actuate.autoconfigure.endpoint.jackson.JacksonEndpointAutoConfiguration
                            .class,
                    org.springframework.boot.actuate.autoconfigure.web.server.ManagementContextAutoConfiguration.class,
                    org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration.class,
                    org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration
                            .class,
                    ConfigValueAutoConfiguration.class,
                    ConfigStoreAutoConfiguration.class,
                    ConfigManagerAutoConfiguration.class,
                    ConfigMetricsAutoConfiguration.class,
                    ConfigEndpointAutoConfiguration.class))
            .withInitializer(
                    context -> context.getEnvironment().setConversionService(new ApplicationConversionService()))
            .withPropertyValues(
                    "server.port=0",
                    "spring.application.name=shop",
                    "config.watch.last-retry=100ms",
                    "management.endpoints.web.exposure.include=*")
            .withBean(MeterRegistry.class, SimpleMeterRegistry::new)
            .withBean(ConfigStore.class, store::store);
    private final WebApplicationContextRunner member =
            alone.withPropertyValues("config.fleet.enabled=true", "config.fleet.interval=1s", "config.fleet.expiry=1h");

    private record Answer(int status, String type, JsonNode body) {}

    private Answer get(AssertableWebApplicationContext context, String query) throws Exception {
        assertThat(context).hasNotFailed();
        int port = context.getSourceApplicationContext(AnnotationConfigServletWebServerApplicationContext.class)
                .getWebServer()
                .getPort();
        URI uri = URI.create("http://127.0.0.1:" + port + "/actuator/configfleet" + query);
        HttpResponse<String> response = client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
        String type = response.headers().firstValue("Content-Type").orElse("");
        return new Answer(
                response.statusCode(),
                type,
                JsonMapper.builder().build().readTree(type.contains("json") ? response.body() : "null"));
    }

    private void other(long number) {
        store.memory.report(new InstanceReport(
                "other",
                number,
                "other",
                store.memory.snapshot(Set.of(), 1).position(),
                false,
                0,
                Instant.EPOCH,
                Duration.ofHours(1)));
    }

    private static double gauge(AssertableWebApplicationContext context, String name, String... tags) {
        return context.getBean(MeterRegistry.class).get(name).tags(tags).gauge().value();
    }

    @Test
    void theEndpointTellsWhoHasAppliedARevision() {
        member.run(context -> {
            Fleet fleet = context.getBean(ConfigManager.class).fleet();
            other(1);
            long revision = context.getBean(Config.class).set("x", 1).entry().revision();
            assertThat(fleet.awaitApplied(revision, 0.5, SOON)).isTrue();

            Answer answer = get(context, "");
            assertThat(answer.status()).isEqualTo(200);
            JsonNode body = answer.body();
            assertThat(body.at("/revision").longValue()).isEqualTo(revision);
            assertThat(body.at("/asked").longValue()).isEqualTo(revision);
            assertThat(body.at("/share").doubleValue()).isEqualTo(0.5);
            assertThat(body.at("/reached").booleanValue()).isFalse();
            assertThat(body.at("/lineage").stringValue()).isNotEmpty();
            assertThat(body.at("/applied/0/name").stringValue()).matches("shop@.+-[0-9a-f]{4}");
            assertThat(body.at("/applied/0/state").stringValue()).isEqualTo("LIVE");
            assertThat(body.at("/applied/0/age").stringValue()).startsWith("PT");
            assertThat(body.at("/missing/0/name").stringValue()).isEqualTo("other");
            assertThat(body.at("/missing/0/state").stringValue()).isEqualTo("STALE");
            assertThat(body.at("/missing/0/revision").longValue()).isZero();

            assertThat(get(context, "?share=0.5").body().at("/reached").booleanValue())
                    .isTrue();
            assertThat(get(context, "?revision=0").body().at("/applied")).hasSize(2);
            assertThat(get(context, "?revision=" + revision + "&timeout=300ms")
                            .body()
                            .at("/reached")
                            .booleanValue())
                    .isFalse();
            other(2);
            assertThat(get(context, "?revision=" + revision + "&share=1.0&timeout=20s")
                            .body()
                            .at("/reached")
                            .booleanValue())
                    .isTrue();
        });
    }

    @Test
    void theEndpointWaits() {
        member.run(context -> {
            await().atMost(SOON).until(() -> !store.memory.fleet().instances().isEmpty());
            long revision = context.getBean(Config.class).set("x", 1).entry().revision();
            assertThat(get(context, "?revision=" + revision + "&timeout=30s")
                            .body()
                            .at("/reached")
                            .booleanValue())
                    .isTrue();
        });
    }

    /** Each that waits has a thread of the web server: they must not take all of them. */
    @Test
    void onlySomeMayWait() {
        member.run(context -> {
            await().atMost(SOON).until(() -> !store.memory.fleet().instances().isEmpty());
            ExecutorService callers = Executors.newFixedThreadPool(12);
            try {
                List<Future<Answer>> answers = new ArrayList<>();
                for (int i = 0; i < 12; i++) {
                    answers.add(callers.submit(() -> get(context, "?revision=99999&timeout=5s")));
                }
                List<Integer> statuses = new ArrayList<>();
                for (Future<Answer> each : answers) {
                    statuses.add(each.get().status());
                }
                assertThat(statuses)
                        .contains(503)
                        .filteredOn(status -> status == 200)
                        .hasSizeGreaterThanOrEqualTo(8);
                assertThat(get(context, "?revision=99999&timeout=1ms").status()).isEqualTo(200);
            } finally {
                callers.shutdownNow();
            }
        });
    }

    @Test
    void problemsAreProblemDetails() {
        member.run(context -> {
            for (String wrong : new String[] {
                "?revision=x",
                "?revision=-1",
                "?share=x",
                "?timeout=x",
                "?share=0",
                "?share=1.1",
                "?share=NaN",
                "?timeout=31s",
                "?timeout=-1s"
            }) {
                Answer answer = get(context, wrong);
                assertThat(answer.status()).as(wrong).isEqualTo(400);
                assertThat(answer.type()).contains("problem+json");
            }
            store.goAway();
            Answer away = get(context, "?revision=1&timeout=1s");
            assertThat(away.status()).isEqualTo(503);
            assertThat(away.body().at("/type").stringValue()).endsWith("store-unavailable");
            store.comeBack();

            context.getBean(ConfigManager.class).close();
            Answer closed = get(context, "");
            assertThat(closed.status()).isEqualTo(503);
            assertThat(closed.body().at("/type").stringValue()).endsWith("no-fleet");
        });
    }

    @Test
    void metersShowTheLastLookAndAskNobody() {
        member.run(context -> {
            other(1);
            Config config = context.getBean(Config.class);
            await().atMost(SOON).untilAsserted(() -> {
                assertThat(gauge(context, "config.fleet.instances", "state", "live"))
                        .isEqualTo(1);
                assertThat(gauge(context, "config.fleet.instances", "state", "stale"))
                        .isEqualTo(1);
                assertThat(gauge(context, "config.fleet.behind")).isZero();
            });
            config.set("x", 1);
            await().atMost(SOON)
                    .untilAsserted(() ->
                            assertThat(gauge(context, "config.fleet.behind")).isEqualTo(1));
            store.goAway();
            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(gauge(context, "config.fleet.instances", "state", "live"))
                            .isNaN());
            store.comeBack();
            await().atMost(SOON)
                    .untilAsserted(() ->
                            assertThat(gauge(context, "config.fleet.behind")).isEqualTo(1));
            assertThat(context.getBean(MeterRegistry.class).getMeters())
                    .extracting(Meter::getId)
                    .filteredOn(id -> id.getName().startsWith("config.fleet"))
                    .hasSize(3);
        });
    }

    @Test
    void valuesThatTargetsCannotUseAreCounted() {
        member.withBean(Target.class).run(context -> {
            assertThat(context).hasNotFailed();
            context.getBean(Config.class).set("limit", "many");
            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(store.memory.fleet().instances())
                            .extracting(FleetInstance::rejected)
                            .containsExactly(1));
            context.getBean(Config.class).set("limit", 3);
            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(store.memory.fleet().instances())
                            .extracting(FleetInstance::rejected)
                            .containsExactly(0));
        });
    }

    @Test
    void itIsOffUnlessItIsTurnedOn() {
        ContextConsumer<AssertableWebApplicationContext> off = context -> {
            assertThat(get(context, "").status()).isEqualTo(404);
            assertThat(context.getBean(MeterRegistry.class)
                            .find("config.fleet.behind")
                            .gauge())
                    .isNull();
        };
        alone.run(off);
        alone.withPropertyValues("config.fleet.enabled=false").run(off);
    }

    @Test
    void propertiesAreUsedAndChecked() {
        member.withPropertyValues("config.fleet.instance=web-1").run(context -> {
            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(store.memory.fleet().instances())
                            .extracting(FleetInstance::name)
                            .containsExactly("web-1"));
        });
        for (String wrong : new String[] {"config.fleet.interval=0s", "config.fleet.expiry=1s"}) {
            member.withPropertyValues(wrong).run(context -> assertThat(context).hasFailed());
        }
    }

    static class Target {
        @ConfigValue(key = "limit", defaultValue = "1")
        int limit;
    }
}
