// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigHealth;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigObserver;
import io.configmanager.InvalidConfigException;
import io.configmanager.NamespaceStatus;
import io.configmanager.StoreException;
import io.configmanager.WatchState;
import io.configmanager.codec.Codec;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.spring.ConfigManagerBuilderCustomizer;
import io.configmanager.spring.InMemory;
import java.lang.reflect.Field;
import java.lang.reflect.Type;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.context.properties.bind.BindException;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.MapConfigurationPropertySource;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.core.annotation.Order;
import org.springframework.util.unit.DataSize;

class ConfigManagerAutoConfigurationTest {

    private final SwitchableStore store = new SwitchableStore();
    private final ApplicationContextRunner runner = InMemory.runner(store::store);

    @Test
    void listenersRunOnVirtualThreadsWhereSpringIsAskedForThemAndTheyExist() {
        boolean exist = Runtime.version().feature() >= 21;
        for (boolean wanted : new boolean[] {true, false}) {
            runner.withPropertyValues("spring.threads.virtual.enabled=" + wanted)
                    .run(context -> {
                        CompletableFuture<String> thread = new CompletableFuture<>();
                        Config config = context.getBean(Config.class);
                        config.listen(
                                ConfigFilter.ALL,
                                changes ->
                                        thread.complete(Thread.currentThread().toString()));
                        config.set("a", 1);
                        assertThat(thread.get(5, TimeUnit.SECONDS).startsWith("VirtualThread["))
                                .isEqualTo(wanted && exist);
                    });
        }
    }

    @Test
    void theManagerIsConnectedAndClosedWithTheContext() {
        ConfigManager[] closed = new ConfigManager[1];
        runner.withPropertyValues("config.namespaces=a,b").run(context -> {
            ConfigManager manager = context.getBean(ConfigManager.class);
            closed[0] = manager;
            assertThat(manager.watchStatus().state()).isEqualTo(WatchState.LIVE);
            assertThat(manager.activeNamespaces())
                    .extracting(NamespaceStatus::name)
                    .containsExactly("", "a", "b");
            assertThat(context.getBean(Config.class)).isSameAs(manager.namespace(""));
        });
        assertThat(closed[0].health().status()).isEqualTo(ConfigHealth.Status.CLOSED);
    }

    @Test
    void aStoppedContextCanBeStartedAgain() {
        runner.run(context -> {
            context.stop();
            assertThat(context.getBean(Config.class).entry("x")).isEmpty();
            context.start();
            assertThat(context.getBean(ConfigManager.class).health().status()).isEqualTo(ConfigHealth.Status.UP);
        });
    }

    @Test
    void backsOffForTheApplicationsOwn() {
        ConfigManager own = ConfigManagerBuilder.forStore(new io.configmanager.store.MemoryConfigStore())
                .build();
        runner.withBean("own", ConfigManager.class, () -> own)
                .run(context -> assertThat(context)
                        .hasSingleBean(ConfigManager.class)
                        .getBean(ConfigManager.class)
                        .isSameAs(own));
        runner.withBean("mine", Config.class, () -> own.namespace("mine"))
                .run(context ->
                        assertThat(context.getBean(Config.class).namespace()).isEqualTo("mine"));
    }

    @Test
    void canBeDisabled() {
        runner.withPropertyValues("config.enabled=false")
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(ConfigManager.class));
    }

    @Test
    void propertiesReachTheBuilder() {
        runner.withPropertyValues("config.value.maximum-size=10B", "config.cache.maximum-entries=1")
                .run(context -> {
                    Config config = context.getBean(Config.class);
                    assertThatThrownBy(() -> config.set("x", "a text that is too long"))
                            .isInstanceOf(InvalidConfigException.class)
                            .hasMessageContaining("10 bytes");
                    config.set("a", 1);
                    config.set("b", 1);
                    await().untilAsserted(() -> assertThat(
                                    context.getBean(ConfigManager.class).activeNamespaces())
                            .extracting(NamespaceStatus::loading)
                            .containsExactly(NamespaceStatus.Loading.ON_DEMAND));
                });
    }

    @Test
    void defaultsAreThoseOfTheBuilder() throws Exception {
        ConfigProperties properties =
                new Binder(new MapConfigurationPropertySource()).bindOrCreate("config", ConfigProperties.class);
        ConfigManagerBuilder builder = ConfigManagerBuilder.forStore(store.memory);

        assertThat(value(builder, "startupPolicy"))
                .isEqualTo(properties.startup().policy());
        assertThat(value(builder, "startupTimeout"))
                .isEqualTo(properties.startup().timeout());
        assertThat(value(builder, "maximumEntries"))
                .isEqualTo(properties.cache().maximumEntries());
        assertThat(value(builder, "maximumValueBytes"))
                .isEqualTo((int) properties.value().maximumSize().toBytes());
        assertThat(value(builder, "firstRetry")).isEqualTo(properties.watch().firstRetry());
        assertThat(value(builder, "lastRetry")).isEqualTo(properties.watch().lastRetry());
        assertThat(value(builder, "stableAfter")).isEqualTo(properties.watch().stableAfter());
        assertThat(value(builder, "maintenanceInterval")).isEqualTo(properties.maintenanceInterval());
        assertThat(value(builder, "failureThreshold"))
                .isEqualTo(properties.health().failureThreshold());
        assertThat(value(builder, "gracePeriod")).isEqualTo(properties.health().gracePeriod());
        assertThat(properties.enabled()).isTrue();
        assertThat(properties.value().maximumSize()).isEqualTo(DataSize.ofMegabytes(1));
    }

    private static Object value(ConfigManagerBuilder builder, String name) throws ReflectiveOperationException {
        Field field = ConfigManagerBuilder.class.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(builder);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "config.startup.timeout=0s",
                "config.startup.policy=maybe",
                "config.namespace=-x",
                "config.namespaces=internal:x",
                "config.store.type=oracle",
                "config.cache.maximum-entries=0",
                "config.value.maximum-size=0B",
                "config.value.maximum-size=3GB",
                "config.watch.first-retry=-1s",
                "config.maintenance-interval=0s",
                "config.health.failure-threshold=0",
                "config.health.grace-period=-1s"
            })
    void badPropertiesAreBindFailures(String property) {
        runner.withPropertyValues(property)
                .run(context -> assertThat(context.getStartupFailure())
                        .satisfies(failure ->
                                assertThat(causes(failure)).hasAtLeastOneElementOfType(BindException.class)));
    }

    private static List<Throwable> causes(@Nullable Throwable failure) {
        List<Throwable> causes = new CopyOnWriteArrayList<>();
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            causes.add(cause);
        }
        return causes;
    }

    @Test
    void observersCodecsAndCustomizersReachTheBuilder() {
        List<String> told = new CopyOnWriteArrayList<>();
        runner.withBean(ConfigObserver.class, () -> new ConfigObserver() {
                    @Override
                    public void applied(int changes) {
                        told.add("applied " + changes);
                    }
                })
                .withBean(Codec.class, Upper::new)
                .withBean("second", ConfigManagerBuilderCustomizer.class, () -> new Named("second", told))
                .withBean("first", First.class, () -> new First(told))
                .run(context -> {
                    assertThat(told).startsWith("first", "second");
                    store.memory.commit(io.configmanager.store.Commit.of(
                            List.of(new io.configmanager.store.Operation.Put(
                                    "",
                                    "x",
                                    "abc",
                                    "upper",
                                    io.configmanager.ValueType.STRING,
                                    null,
                                    io.configmanager.Condition.ALWAYS)),
                            null,
                            null));
                    await().untilAsserted(() -> assertThat(
                                    context.getBean(Config.class).get("x", String.class, ""))
                            .isEqualTo("ABC"));
                    await().untilAsserted(() -> assertThat(told).contains("applied 1"));
                });
    }

    private record Named(String name, List<String> told) implements ConfigManagerBuilderCustomizer {
        @Override
        public void customize(ConfigManagerBuilder builder) {
            told.add(name);
        }
    }

    @Order(1)
    private record First(List<String> told) implements ConfigManagerBuilderCustomizer {
        @Override
        public void customize(ConfigManagerBuilder builder) {
            told.add("first");
        }
    }

    private static final class Upper implements Codec {
        @Override
        public String name() {
            return "upper";
        }

        @Override
        public Encoded encode(Object value) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Object decode(String text, Type type) {
            return text.toUpperCase(java.util.Locale.ROOT);
        }

        @Override
        public void check(String text) {}
    }

    @Test
    void aStoreThatIsAwayStopsTheStartAndSaysHowToGoOn() {
        store.goAway();
        runner.withPropertyValues("config.startup.timeout=200ms").run(context -> {
            FailureAnalysis analysis = new StartupFailureAnalyzer().analyze(context.getStartupFailure());
            assertThat(analysis).isNotNull();
            assertThat(analysis.getDescription()).contains("The server said goodbye");
            assertThat(analysis.getAction()).contains("config.startup.policy=defaults");
        });
    }

    @Test
    void aStoreThatRefusesStopsTheStartAtOnce() {
        store.fail(new StoreException("table config_head is missing", false, null));
        runner.withPropertyValues("config.startup.timeout=1m").run(context -> {
            FailureAnalysis analysis = new StartupFailureAnalyzer().analyze(context.getStartupFailure());
            assertThat(analysis).isNotNull();
            assertThat(analysis.getDescription()).contains("table config_head is missing");
            assertThat(analysis.getAction()).contains("initialize-schema=always");
        });
    }

    @Test
    void otherFailuresAreNotExplainedAway() {
        assertThat(new StartupFailureAnalyzer().analyze(new IllegalStateException("x")))
                .isNull();
        assertThat(new StartupFailureAnalyzer().analyze(new InvalidConfigException("x")))
                .isNull();
    }

    @Test
    void withPolicyDefaultsTheStartGoesOnAndValuesComeLater() {
        store.memory.commit(io.configmanager.store.Commit.of(
                List.of(new io.configmanager.store.Operation.Put(
                        "",
                        "x",
                        "\"stored\"",
                        "json",
                        io.configmanager.ValueType.STRING,
                        null,
                        io.configmanager.Condition.ALWAYS)),
                null,
                null));
        store.goAway();
        runner.withPropertyValues(
                        "config.startup.policy=defaults",
                        "config.startup.timeout=100ms",
                        "config.watch.last-retry=100ms")
                .withBean(Follower.class)
                .run(context -> {
                    Follower follower = context.getBean(Follower.class);
                    assertThat(follower.x).isEqualTo("default");
                    store.comeBack();
                    await().atMost(Duration.ofSeconds(5))
                            .untilAsserted(() -> assertThat(follower.x).isEqualTo("stored"));
                });
    }

    static class Follower {
        @io.configmanager.spring.ConfigValue(key = "x", defaultValue = "default")
        String x = "";
    }
}
