// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.observation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.StoreException;
import io.configmanager.VersionConflictException;
import io.configmanager.WriteOptions;
import io.configmanager.spring.InMemory;
import io.configmanager.spring.autoconfigure.SwitchableStore;
import io.configmanager.spring.autoconfigure.metrics.ConfigMetricsAutoConfiguration;
import io.configmanager.spring.observation.StoreCallContext;
import io.configmanager.spring.observation.StoreCallConvention;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.GlobalObservationConvention;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.tck.TestObservationRegistry;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration;
import org.springframework.boot.micrometer.observation.autoconfigure.ObservationAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

class ConfigObservationAutoConfigurationTest {

    private static final String SECRET = "planted-secret";

    private final SwitchableStore store = new SwitchableStore();
    private final TestObservationRegistry registry = TestObservationRegistry.create();
    private final ApplicationContextRunner runner = InMemory.runner(
                    store::store, ConfigObservationAutoConfiguration.class)
            .withPropertyValues("config.maintenance-interval=1h");

    private ApplicationContextRunner observed() {
        return runner.withBean(ObservationRegistry.class, () -> registry);
    }

    @Test
    void aWriteIsObservedInTheObservationOfWhoWrites() {
        observed().run(context -> {
            Observation request = Observation.start("request", registry);
            request.scoped(() -> context.getBean(Config.class).set("app/" + SECRET, SECRET));
            request.stop();

            assertThat(registry)
                    .hasObservationWithNameEqualTo("config.store")
                    .that()
                    .hasBeenStarted()
                    .hasBeenStopped()
                    .hasContextualNameEqualTo("config store commit")
                    .hasLowCardinalityKeyValue("config.operation", "commit")
                    .hasLowCardinalityKeyValue("config.outcome", "success")
                    .hasParentObservationEqualTo(request)
                    .doesNotHaveError();
            assertThat(registry.getCurrentObservation())
                    .as("its scope is closed")
                    .isNull();
        });
    }

    @Test
    void anAppliedChangeSetIsObserved() {
        observed().run(context -> {
            long revision = context.getBean(Config.class)
                    .commit(batch -> batch.set("a", SECRET).set("b", SECRET))
                    .revision();
            assertThat(context.getBean(ConfigManager.class).awaitRevision(revision, java.time.Duration.ofSeconds(30)))
                    .isTrue();
            // What waits for the revision may be told before the observation has ended.
            await().untilAsserted(() -> assertThat(registry)
                    .hasObservationWithNameEqualTo("config.apply")
                    .that()
                    .hasBeenStopped()
                    .hasContextualNameEqualTo("config apply")
                    .doesNotHaveParentObservation()
                    .hasHighCardinalityKeyValue("config.revision", Long.toString(revision))
                    .hasHighCardinalityKeyValue("config.changes", "2"));
        });
    }

    @Test
    void whatFailsHasAnErrorAndAnOutcome() {
        observed().run(context -> {
            Config config = context.getBean(Config.class);
            config.set("k", SECRET);
            assertThatThrownBy(() -> config.set("k", SECRET, WriteOptions.createOnly()))
                    .isInstanceOf(VersionConflictException.class);
            store.goAway();
            assertThatThrownBy(() -> config.set("k", SECRET)).isInstanceOf(StoreException.class);
            store.comeBack();

            assertThat(registry)
                    .hasAnObservation(observation -> observation
                            .hasLowCardinalityKeyValue("config.operation", "commit")
                            .hasLowCardinalityKeyValue("config.outcome", "conflict")
                            .hasError())
                    .hasAnObservation(observation -> observation
                            .hasLowCardinalityKeyValue("config.operation", "commit")
                            .hasLowCardinalityKeyValue("config.outcome", "failure")
                            .hasError());
        });
    }

    @Test
    void readsFromMemoryAreNotObserved() {
        observed().run(context -> {
            Config config = context.getBean(Config.class);
            config.set("k", 1);
            await().untilAsserted(() -> assertThat(registry)
                    .hasObservationWithNameEqualTo("config.apply")
                    .that()
                    .hasBeenStopped());
            registry.clear();
            for (int i = 0; i < 1_000; i++) {
                config.get("k", Integer.class);
                config.get("absent", Integer.class, 0);
                config.view().get("k", Integer.class);
            }
            assertThat(registry).doesNotHaveAnyObservation();
        });
    }

    @Test
    void noValueAndNoKeyIsInAnyNameOrTag() {
        Queue<String> said = new ConcurrentLinkedQueue<>();
        Queue<String> errors = new ConcurrentLinkedQueue<>();
        registry.observationConfig().observationHandler(new ObservationHandler<>() {
            @Override
            public void onStop(Observation.Context observation) {
                said.add(observation.getName() + observation.getContextualName() + observation.getAllKeyValues());
                errors.add(String.valueOf(observation.getError()));
            }

            @Override
            public boolean supportsContext(Observation.Context observation) {
                return true;
            }
        });
        observed().run(context -> {
            Config config = context.getBean(ConfigManager.class).namespace("some-namespace");
            config.set("some-key", SECRET);
            config.latest("some-key");
            assertThatThrownBy(() -> config.set("some-key", SECRET, WriteOptions.createOnly()))
                    .isInstanceOf(VersionConflictException.class);
            config.delete("some-key");
            await().until(() ->
                    said.stream().filter(one -> one.contains("config.apply")).count() == 2);
        });
        assertThat(said).hasSizeGreaterThan(5).noneMatch(one -> one.contains(SECRET) || one.contains("some-"));
        assertThat(errors).anyMatch(one -> one.contains("VersionConflict")).noneMatch(one -> one.contains(SECRET));
    }

    @Test
    void anApplicationChangesTheNames() {
        registry.observationConfig().observationConvention(new OwnNames());
        observed().run(context -> {
            context.getBean(Config.class).set("k", 1);
            assertThat(registry)
                    .hasObservationWithNameEqualTo("own.store")
                    .that()
                    .hasLowCardinalityKeyValue("config.operation", "commit");
        });
    }

    static final class OwnNames extends StoreCallConvention implements GlobalObservationConvention<StoreCallContext> {

        @Override
        public String getName() {
            return "own.store";
        }
    }

    @Test
    void metersAreNotMadeTwiceAndOthersStillAre() {
        runner.withConfiguration(AutoConfigurations.of(
                        MetricsAutoConfiguration.class,
                        CompositeMeterRegistryAutoConfiguration.class,
                        ObservationAutoConfiguration.class,
                        ConfigMetricsAutoConfiguration.class))
                .withBean(MeterRegistry.class, SimpleMeterRegistry::new)
                .run(context -> {
                    Queue<String> observations = new ConcurrentLinkedQueue<>();
                    ObservationRegistry own = context.getBean(ObservationRegistry.class);
                    own.observationConfig().observationHandler(new ObservationHandler<>() {
                        @Override
                        public void onStop(Observation.Context observation) {
                            observations.add(observation.getName());
                        }

                        @Override
                        public boolean supportsContext(Observation.Context observation) {
                            return true;
                        }
                    });
                    Observation.createNotStarted("others", own)
                            .observe(() -> context.getBean(Config.class).set("k", 1));
                    await().until(() -> observations.contains("config.apply"));
                    assertThat(observations).contains("config.store", "others");

                    MeterRegistry meters = context.getBean(MeterRegistry.class);
                    assertThat(meters.find("others").timer()).isNotNull();
                    assertThat(meters.get("config.store.operations")
                                    .tag("operation", "commit")
                                    .timer()
                                    .count())
                            .isEqualTo(1);
                    assertThat(meters.getMeters())
                            .extracting(Meter::getId)
                            .extracting(Meter.Id::getName)
                            .doesNotContain(
                                    "config.store", "config.store.active", "config.apply", "config.apply.active");
                });
    }

    @Test
    void backsOff() {
        runner.run(context -> assertThat(context).doesNotHaveBean(ConfigObservations.class));
        observed()
                .withPropertyValues("config.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(ConfigObservations.class));
        runner.withClassLoader(new FilteredClassLoader(ObservationRegistry.class))
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean("configObservations"));
        runner.withBean(ObservationRegistry.class, () -> ObservationRegistry.NOOP)
                .run(context -> {
                    context.getBean(Config.class).set("k", 1);
                    @Nullable Integer value = context.getBean(Config.class).get("k", Integer.class);
                    assertThat(value).isEqualTo(1);
                });
    }
}
