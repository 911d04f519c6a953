// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.health;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.spring.ConfigBindings;
import io.configmanager.spring.ConfigPrefix;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.InMemory;
import io.configmanager.spring.Live;
import io.configmanager.spring.autoconfigure.SwitchableStore;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.boot.actuate.autoconfigure.endpoint.EndpointAutoConfiguration;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.availability.ApplicationAvailabilityAutoConfiguration;
import org.springframework.boot.availability.AvailabilityChangeEvent;
import org.springframework.boot.availability.LivenessState;
import org.springframework.boot.availability.ReadinessState;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.health.actuate.endpoint.HealthDescriptor;
import org.springframework.boot.health.actuate.endpoint.HealthEndpoint;
import org.springframework.boot.health.autoconfigure.actuate.endpoint.AvailabilityProbesAutoConfiguration;
import org.springframework.boot.health.autoconfigure.actuate.endpoint.HealthEndpointAutoConfiguration;
import org.springframework.boot.health.autoconfigure.application.AvailabilityHealthContributorAutoConfiguration;
import org.springframework.boot.health.autoconfigure.contributor.HealthContributorAutoConfiguration;
import org.springframework.boot.health.autoconfigure.registry.HealthContributorRegistryAutoConfiguration;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.ApplicationContext;

class ConfigHealthContributorAutoConfigurationTest {

    private final SwitchableStore store = new SwitchableStore();
    private final ApplicationContextRunner runner = InMemory.runner(
                    store::store, ConfigHealthContributorAutoConfiguration.class)
            .withPropertyValues("config.watch.last-retry=100ms", "config.watch.stable-after=1ms");

    @Test
    void upWithEveryDetail() {
        runner.run(context -> {
            Health health = health(context.getBean("configHealthIndicator", HealthIndicator.class));
            assertThat(health.getStatus()).isEqualTo(Status.UP);
            assertThat(health.getDetails())
                    .containsOnlyKeys(
                            "store",
                            "watch.state",
                            "watch.connected",
                            "watch.consecutiveFailures",
                            "watch.lastError",
                            "watch.lastAttempt",
                            "watch.staleness",
                            "cache.size",
                            "cache.hits",
                            "cache.misses",
                            "cache.hitRate",
                            "cache.evictions")
                    .containsEntry("watch.state", "LIVE")
                    .containsEntry("watch.connected", true)
                    .containsEntry("watch.consecutiveFailures", 0)
                    .containsEntry("watch.lastError", "none");
        });
    }

    @Test
    void downWithTheCauseAfterThreeFailuresAndUpAgain() {
        runner.run(context -> {
            HealthIndicator indicator = context.getBean(HealthIndicator.class);
            context.getBean(Config.class).set("x", 1);
            store.goAway();
            await().untilAsserted(
                            () -> assertThat(health(indicator).getStatus()).isEqualTo(Status.DOWN));
            assertThat(health(indicator).getDetails())
                    .containsEntry("watch.lastError", "The server said goodbye")
                    .containsEntry("watch.connected", false)
                    .hasEntrySatisfying(
                            "problem", problem -> assertThat(problem).asString().contains("The server said goodbye"));
            assertThat(context.getBean(Config.class).get("x", Integer.class)).isEqualTo(1);
            store.comeBack();
            await().untilAsserted(
                            () -> assertThat(health(indicator).getStatus()).isEqualTo(Status.UP));
        });
    }

    @Test
    void upWithStaleWithinTheGracePeriodAndDownAfterIt() {
        runner.withPropertyValues("config.health.grace-period=1h").run(context -> {
            HealthIndicator indicator = context.getBean(HealthIndicator.class);
            store.goAway();
            await().until(() ->
                    context.getBean(ConfigManager.class).watchStatus().consecutiveFailures() >= 4);
            assertThat(health(indicator).getStatus()).isEqualTo(Status.UP);
            assertThat(health(indicator).getDetails())
                    .doesNotContainKey("problem")
                    .hasEntrySatisfying(
                            "stale", since -> assertThat(since).asString().startsWith("since PT"));
            store.comeBack();
            await().untilAsserted(
                            () -> assertThat(health(indicator).getDetails()).doesNotContainKey("stale"));
        });
        runner.withPropertyValues("config.health.grace-period=300ms").run(context -> {
            HealthIndicator indicator = context.getBean(HealthIndicator.class);
            store.goAway();
            await().untilAsserted(
                            () -> assertThat(health(indicator).getStatus()).isEqualTo(Status.DOWN));
            assertThat(context.getBean(ConfigManager.class).watchStatus().staleness())
                    .isGreaterThan(Duration.ofMillis(300));
            assertThat(health(indicator).getDetails()).doesNotContainKey("stale");
            store.comeBack();
        });
    }

    @Test
    void upWithStaleBelowTheThreshold() {
        runner.withPropertyValues("config.health.failure-threshold=1000000").run(context -> {
            HealthIndicator indicator = context.getBean(HealthIndicator.class);
            store.goAway();
            await().until(() ->
                    context.getBean(ConfigManager.class).watchStatus().consecutiveFailures() >= 4);
            assertThat(health(indicator).getStatus()).isEqualTo(Status.UP);
            assertThat(health(indicator).getDetails()).containsKey("stale");
            store.comeBack();
        });
    }

    @Test
    void joinsNoProbeUnlessItIsAskedTo() {
        ApplicationContextRunner probes = runner.withConfiguration(AutoConfigurations.of(
                        HealthContributorRegistryAutoConfiguration.class,
                        HealthContributorAutoConfiguration.class,
                        AvailabilityHealthContributorAutoConfiguration.class,
                        ApplicationAvailabilityAutoConfiguration.class,
                        HealthEndpointAutoConfiguration.class,
                        AvailabilityProbesAutoConfiguration.class,
                        EndpointAutoConfiguration.class))
                .withPropertyValues(
                        "management.endpoint.health.probes.enabled=true",
                        "management.endpoints.web.exposure.include=*",
                        "management.endpoints.jmx.exposure.include=*",
                        "spring.jmx.enabled=true");
        probes.run(context -> {
            context.getBean(ConfigManager.class).close();
            publishReady(context);
            assertThat(status(context)).isEqualTo(Status.OUT_OF_SERVICE);
            assertThat(status(context, "liveness")).isEqualTo(Status.UP);
            assertThat(status(context, "readiness")).isEqualTo(Status.UP);
        });
        probes.withPropertyValues("management.endpoint.health.group.readiness.include=readinessState,config")
                .run(context -> {
                    publishReady(context);
                    assertThat(status(context, "readiness")).isEqualTo(Status.UP);
                    context.getBean(ConfigManager.class).close();
                    assertThat(status(context, "readiness")).isEqualTo(Status.OUT_OF_SERVICE);
                    assertThat(status(context, "liveness")).isEqualTo(Status.UP);
                });
    }

    private static void publishReady(ApplicationContext context) {
        AvailabilityChangeEvent.publish(context, LivenessState.CORRECT);
        AvailabilityChangeEvent.publish(context, ReadinessState.ACCEPTING_TRAFFIC);
    }

    private static Status status(ApplicationContext context, String... path) {
        HealthEndpoint endpoint = context.getBean(HealthEndpoint.class);
        HealthDescriptor health = path.length == 0 ? endpoint.health() : endpoint.healthForPath(path);
        assertThat(health).isNotNull();
        return health.getStatus();
    }

    @Test
    void unusableValuesAreToldWithoutBeingDown() {
        runner.withBean(Numbered.class).run(context -> {
            context.getBean(Config.class).set("number", "secret");
            await().until(() -> context.getBean(ConfigBindings.class).errors() == 1);
            Health health = health(context.getBean(HealthIndicator.class));
            assertThat(health.getStatus()).isEqualTo(Status.UP);
            assertThat(health.getDetails().get("rejected"))
                    .isInstanceOf(Map.class)
                    .asString()
                    .contains("_/number=")
                    .contains("expected int")
                    .doesNotContain("secret");
        });
    }

    @Test
    void aTypedGroupThatKeepsItsLastGoodInstanceIsToldWithoutBeingDown() {
        runner.withBean(Grouped.class).run(context -> {
            context.getBean(Config.class).set("group/number", "secret");
            await().until(() -> context.getBean(ConfigBindings.class).errors() == 1);
            Health health = health(context.getBean(HealthIndicator.class));
            assertThat(health.getStatus()).isEqualTo(Status.UP);
            assertThat(health.getDetails().get("rejected"))
                    .asString()
                    .contains("_/group/=Group: group/number: expected int")
                    .doesNotContain("secret");
        });
    }

    @Test
    void outOfServiceWhenClosed() {
        runner.run(context -> {
            context.getBean(ConfigManager.class).close();
            assertThat(health(context.getBean(HealthIndicator.class)).getStatus())
                    .isEqualTo(Status.OUT_OF_SERVICE);
        });
    }

    @Test
    void backsOff() {
        runner.withPropertyValues("management.health.config.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(HealthIndicator.class));
        runner.withPropertyValues("config.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(HealthIndicator.class));
        runner.withClassLoader(new FilteredClassLoader(HealthIndicator.class))
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean("configHealthIndicator"));
        runner.withBean(
                        "configHealthIndicator",
                        HealthIndicator.class,
                        () -> () -> Health.unknown().build())
                .run(context -> assertThat(
                                health(context.getBean(HealthIndicator.class)).getStatus())
                        .isEqualTo(Status.UNKNOWN));
    }

    private static Health health(HealthIndicator indicator) {
        Health health = indicator.health(true);
        assertThat(health).isNotNull();
        return health;
    }

    @ConfigPrefix("group")
    record Group(@DefaultValue("1") int number) {}

    record Grouped(Live<Group> group) {}

    static class Numbered {
        @ConfigValue(key = "number", defaultValue = "1")
        int number;
    }
}
