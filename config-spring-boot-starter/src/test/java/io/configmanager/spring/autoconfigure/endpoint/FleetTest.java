// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.Fleet;
import io.configmanager.FleetInstance;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.autoconfigure.metrics.ConfigMetricsAutoConfiguration;
import io.configmanager.store.InstanceReport;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
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
import org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration;
import org.springframework.boot.test.context.assertj.AssertableWebApplicationContext;
import org.springframework.boot.test.context.runner.ContextConsumer;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;
import tools.jackson.databind.JsonNode;

/** The fleet in an application: properties, the endpoint over real HTTP, and meters. */
class FleetTest extends EndpointFixture {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final WebApplicationContextRunner alone = runner.withConfiguration(AutoConfigurations.of(
                    MetricsAutoConfiguration.class,
                    CompositeMeterRegistryAutoConfiguration.class,
                    ConfigMetricsAutoConfiguration.class))
            .withPropertyValues("spring.application.name=shop", "config.watch.last-retry=100ms")
            .withBean(MeterRegistry.class, SimpleMeterRegistry::new);
    private final WebApplicationContextRunner member =
            alone.withPropertyValues("config.fleet.enabled=true", "config.fleet.interval=1s", "config.fleet.expiry=1h");

    private Answer get(AssertableWebApplicationContext context, String query) throws Exception {
        return http(context, "/actuator/configfleet").send("GET", query, null, null);
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
