// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Condition;
import io.configmanager.Config;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigManager;
import io.configmanager.ValueType;
import io.configmanager.Watcher;
import io.configmanager.codec.JsonCodec;
import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import io.configmanager.spring.autoconfigure.ConfigStoreAutoConfiguration;
import io.configmanager.store.Commit;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.Operation;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.ref.WeakReference;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Period;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.beans.factory.config.DependencyDescriptor;
import org.springframework.beans.factory.support.DefaultListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.context.properties.ConfigurationPropertiesBinding;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.ContextAnnotationAutowireCandidateResolver;
import org.springframework.context.annotation.Lazy;
import org.springframework.context.annotation.Scope;
import org.springframework.context.event.EventListener;
import org.springframework.context.support.SimpleThreadScope;
import org.springframework.core.MethodParameter;
import org.springframework.core.annotation.AliasFor;
import org.springframework.core.convert.converter.Converter;
import org.springframework.core.io.Resource;
import org.springframework.util.unit.DataSize;

@ExtendWith(OutputCaptureExtension.class)
class ConfigValueTest {

    private final MemoryConfigStore store = new MemoryConfigStore();
    private final ApplicationContextRunner runner = InMemory.runner(() -> store);

    enum Color {
        RED,
        GREEN
    }

    record Limits(int requests, Duration per) {}

    static class Fields {
        @ConfigValue("text")
        String text = "initial";

        @ConfigValue(key = "number", defaultValue = "1")
        int number;

        @ConfigValue(key = "decimal", defaultValue = "1.5")
        double decimal;

        @ConfigValue(key = "flag", defaultValue = "false")
        boolean flag;

        @ConfigValue(key = "letter", defaultValue = "a")
        char letter;

        @ConfigValue(key = "timeout", defaultValue = "5s")
        private Duration timeout = Duration.ZERO;

        @ConfigValue(key = "size", defaultValue = "1MB")
        DataSize size = DataSize.ofBytes(0);

        @ConfigValue(key = "color", defaultValue = "green")
        Color color = Color.RED;

        @ConfigValue(key = "hosts", defaultValue = "a,b")
        List<String> hosts = List.of();

        @ConfigValue(key = "ports", defaultValue = "1,2")
        Set<Integer> ports = Set.of();

        @ConfigValue(key = "weights", defaultValue = "{\"a\":1}")
        Map<String, Integer> weights = Map.of();

        @ConfigValue(key = "array", defaultValue = "1s")
        Duration[] array = {};

        @ConfigValue(key = "limits", defaultValue = "{\"requests\":1,\"per\":\"1s\"}")
        @Nullable
        Limits limits;

        @ConfigValue("optional")
        Optional<Integer> optional = Optional.empty();

        @ConfigValue(key = "live", defaultValue = "1")
        @Nullable
        Live<Integer> live;

        @ConfigValue(key = "supplier", defaultValue = "1,2")
        @Nullable
        Supplier<List<Integer>> supplier;

        @ConfigValue("live-optional")
        @Nullable
        Live<Optional<String>> liveOptional;

        @ConfigValue(key = "unset", required = false)
        @Nullable
        String unset;

        @ConfigValue(key = "unset-number", required = false)
        long unsetNumber;

        List<Integer> seen = new ArrayList<>();

        @ConfigValue(key = "setter", defaultValue = "1")
        void setSetter(int value) {
            seen.add(value);
        }
    }

    @Test
    void everyFormHasItsDefaultAndFollowsItsKey() {
        runner.withBean(Fields.class).run(context -> {
            Fields bean = context.getBean(Fields.class);
            assertDefaults(bean);

            context.getBean(Config.class)
                    .commit(batch -> batch.set("text", "stored")
                            .set("number", 2)
                            .set("decimal", "2.5")
                            .set("flag", true)
                            .set("letter", "b")
                            .set("timeout", "10s")
                            .set("size", "2MB")
                            .set("color", "red")
                            .set("hosts", List.of("c"))
                            .set("ports", "3,4")
                            .set("weights", Map.of("b", 2))
                            .set("array", List.of("2s", "3s"))
                            .set("limits", new Limits(2, Duration.ofSeconds(2)))
                            .set("optional", 7)
                            .set("live", 2)
                            .set("supplier", List.of(3))
                            .set("live-optional", "x")
                            .set("unset", "set")
                            .set("unset-number", 5)
                            .set("setter", 2));

            await().untilAsserted(() -> {
                assertThat(bean.text).isEqualTo("stored");
                assertThat(bean.number).isEqualTo(2);
                assertThat(bean.decimal).isEqualTo(2.5);
                assertThat(bean.flag).isTrue();
                assertThat(bean.letter).isEqualTo('b');
                assertThat(bean.timeout).isEqualTo(Duration.ofSeconds(10));
                assertThat(bean.size).isEqualTo(DataSize.ofMegabytes(2));
                assertThat(bean.color).isEqualTo(Color.RED);
                assertThat(bean.hosts).containsExactly("c");
                assertThat(bean.ports).containsExactly(3, 4);
                assertThat(bean.weights).isEqualTo(Map.of("b", 2));
                assertThat(bean.array).containsExactly(Duration.ofSeconds(2), Duration.ofSeconds(3));
                assertThat(bean.limits).isEqualTo(new Limits(2, Duration.ofSeconds(2)));
                assertThat(bean.optional).contains(7);
                assertThat(bean.live.get()).isEqualTo(2);
                assertThat(bean.supplier.get()).containsExactly(3);
                assertThat(bean.liveOptional.get()).contains("x");
                assertThat(bean.unset).isEqualTo("set");
                assertThat(bean.unsetNumber).isEqualTo(5);
                assertThat(bean.seen).containsExactly(1, 2);
            });

            context.getBean(Config.class)
                    .commit(batch -> List.of(
                                    "text",
                                    "number",
                                    "decimal",
                                    "flag",
                                    "letter",
                                    "timeout",
                                    "size",
                                    "color",
                                    "hosts",
                                    "ports",
                                    "weights",
                                    "array",
                                    "limits",
                                    "optional",
                                    "live",
                                    "supplier",
                                    "live-optional",
                                    "unset",
                                    "unset-number",
                                    "setter")
                            .forEach(batch::delete));

            await().untilAsserted(() -> {
                assertDefaults(bean);
                assertThat(bean.seen).containsExactly(1, 2, 1);
            });
        });
    }

    private static void assertDefaults(Fields bean) {
        assertThat(bean.text).isEqualTo("initial");
        assertThat(bean.number).isEqualTo(1);
        assertThat(bean.decimal).isEqualTo(1.5);
        assertThat(bean.flag).isFalse();
        assertThat(bean.letter).isEqualTo('a');
        assertThat(bean.timeout).isEqualTo(Duration.ofSeconds(5));
        assertThat(bean.size).isEqualTo(DataSize.ofMegabytes(1));
        assertThat(bean.color).isEqualTo(Color.GREEN);
        assertThat(bean.hosts).containsExactly("a", "b");
        assertThat(bean.ports).containsExactly(1, 2);
        assertThat(bean.weights).isEqualTo(Map.of("a", 1));
        assertThat(bean.array).containsExactly(Duration.ofSeconds(1));
        assertThat(bean.limits).isEqualTo(new Limits(1, Duration.ofSeconds(1)));
        assertThat(bean.optional).isEmpty();
        assertThat(bean.live.get()).isEqualTo(1);
        assertThat(bean.supplier.get()).containsExactly(1, 2);
        assertThat(bean.liveOptional.get()).isEmpty();
        assertThat(bean.unset).isNull();
        assertThat(bean.unsetNumber).isZero();
    }

    static class Constructed {
        final int number;
        final String text;
        final Optional<String> optional;
        final Optional<Integer> absent;
        final Live<Integer> live;
        final Supplier<Duration> supplier;
        final ObjectProvider<Integer> provider;

        @Nullable
        final String nullable;

        Constructed(
                @ConfigValue(key = "number", defaultValue = "1") int number,
                @ConfigValue(key = "text", defaultValue = "#{1 + 1}") String text,
                @ConfigValue("optional") Optional<String> optional,
                @ConfigValue("absent") Optional<Integer> absent,
                @ConfigValue(key = "live", defaultValue = "1") Live<Integer> live,
                @ConfigValue(key = "supplier", defaultValue = "1s") Supplier<Duration> supplier,
                @ConfigValue(key = "number", defaultValue = "1") ObjectProvider<Integer> provider,
                @ConfigValue("nullable") @Nullable String nullable) {
            this.number = number;
            this.text = text;
            this.optional = optional;
            this.absent = absent;
            this.live = live;
            this.supplier = supplier;
            this.provider = provider;
            this.nullable = nullable;
        }
    }

    @Test
    void constructorParametersGetTheirValueAndLiveOnesFollow(CapturedOutput output) {
        put("", "optional", "\"#{systemProperties} ${user.home}\"");
        put("", "number", "7");
        runner.withBean(Constructed.class)
                .withBean("unrelated", String.class, () -> "never injected")
                .run(context -> {
                    Constructed bean = context.getBean(Constructed.class);
                    assertThat(bean.number).isEqualTo(7);
                    assertThat(bean.text).isEqualTo("#{1 + 1}");
                    assertThat(bean.optional).contains("#{systemProperties} ${user.home}");
                    assertThat(bean.absent).isEmpty();
                    assertThat(bean.nullable).isNull();
                    assertThat(bean.provider.getObject()).isEqualTo(7);

                    context.getBean(Config.class)
                            .commit(batch ->
                                    batch.set("number", 8).set("live", 2).set("supplier", "2s"));

                    await().untilAsserted(() -> {
                        assertThat(bean.live.get()).isEqualTo(2);
                        assertThat(bean.supplier.get()).isEqualTo(Duration.ofSeconds(2));
                    });
                    assertThat(bean.number).isEqualTo(7);
                    assertThat(bean.provider.getObject()).isEqualTo(8);
                });
        assertThat(output)
                .containsOnlyOnce("Constructed(text) (java.lang.String) gets its value once")
                .contains("inject Live<T> to follow")
                .doesNotContain("Constructed(live)")
                .doesNotContain("Constructed(provider)");
    }

    record Point(int x, int y) {}

    @Configuration(proxyBeanMethods = false)
    static class Converters {
        @Bean
        @ConfigurationPropertiesBinding
        static Converter<String, Point> points() {
            return new Converter<>() {
                @Override
                public Point convert(String source) {
                    String[] numbers = source.split(":", 2);
                    return new Point(Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1]));
                }
            };
        }
    }

    static class MoreForms {
        @ConfigValue(key = "period", defaultValue = "P1D")
        Period period = Period.ZERO;

        @ConfigValue(key = "resource", defaultValue = "classpath:a")
        @Nullable
        Resource resource;

        @ConfigValue(key = "point", defaultValue = "1:2")
        @Nullable
        Point point;

        @ConfigValue(key = "nested", defaultValue = "{\"a\":[\"1s\"]}")
        Map<String, List<Duration>> nested = Map.of();

        final Watcher<Integer> watcher;
        final List<@Nullable String> setter = new ArrayList<>();

        MoreForms(@ConfigValue(key = "watched", defaultValue = "1") Watcher<Integer> watcher) {
            this.watcher = watcher;
        }

        void setNullable(@ConfigValue("nullable") @Nullable String value) {
            setter.add(value);
        }
    }

    @Test
    void periodsResourcesConvertersGenericsWatchersAndNullableParameters() {
        runner.withBean(MoreForms.class).withUserConfiguration(Converters.class).run(context -> {
            MoreForms bean = context.getBean(MoreForms.class);
            assertMoreDefaults(bean);
            assertThat(bean.watcher.poll()).contains(1);
            Config config = context.getBean(Config.class);
            config.commit(batch -> batch.set("period", "P2D")
                    .set("resource", "classpath:b")
                    .set("point", "3:4")
                    .set("nested", Map.of("b", List.of("2s", "3s")))
                    .set("watched", 2)
                    .set("nullable", "x"));
            assertThat(bean.watcher.get(Duration.ofSeconds(30))).contains(2);
            await().untilAsserted(() -> {
                assertThat(bean.period).isEqualTo(Period.ofDays(2));
                assertThat(bean.resource.getFilename()).isEqualTo("b");
                assertThat(bean.point).isEqualTo(new Point(3, 4));
                assertThat(bean.nested).isEqualTo(Map.of("b", List.of(Duration.ofSeconds(2), Duration.ofSeconds(3))));
                assertThat(bean.setter).endsWith("x");
            });

            config.commit(batch -> config.view().entries().forEach(entry -> batch.delete(entry.key())));
            assertThat(bean.watcher.get(Duration.ofSeconds(30))).contains(1);
            await().untilAsserted(() -> {
                assertMoreDefaults(bean);
                assertThat(bean.setter).endsWith((String) null);
            });
        });
    }

    private static void assertMoreDefaults(MoreForms bean) {
        assertThat(bean.period).isEqualTo(Period.ofDays(1));
        assertThat(bean.resource.getFilename()).isEqualTo("a");
        assertThat(bean.point).isEqualTo(new Point(1, 2));
        assertThat(bean.nested).isEqualTo(Map.of("a", List.of(Duration.ofSeconds(1))));
    }

    @Test
    void scopedBeansFollowWhileTheyLiveAndAreForgottenThen() {
        SimpleThreadScope request = new SimpleThreadScope();
        runner.withInitializer(context -> context.getBeanFactory().registerScope("request", request))
                .withBean("fields", Fields.class, Fields::new, definition -> definition.setScope("request"))
                .run(context -> {
                    ConfigBindings bindings = context.getBean(ConfigBindings.class);
                    long before = bindings.targets();
                    WeakReference<Fields> bean = new WeakReference<>(context.getBean(Fields.class));
                    assertThat(bindings.targets()).isGreaterThan(before);
                    context.getBean(Config.class).set("number", 9);
                    await().untilAsserted(() ->
                            assertThat(context.getBean(Fields.class).number).isEqualTo(9));

                    assertThat(request.remove("fields")).isNotNull();
                    await().untilAsserted(() -> {
                        System.gc();
                        assertThat(bean.get()).isNull();
                        assertThat(bindings.targets()).isEqualTo(before);
                    });
                });
    }

    static class Final {
        @ConfigValue(key = "number", defaultValue = "3")
        final int number;

        Final() {
            number = Integer.parseInt("1");
        }
    }

    static class LooksForABean {
        @Autowired
        @ConfigValue(key = "number", defaultValue = "1")
        Live<Integer> number = () -> 0;
    }

    @Test
    void aFieldThatSpringInjectsTooIsRefused() {
        runner.withBean(LooksForABean.class)
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .hasMessageContaining("LooksForABean.number by itself; remove @Autowired"));
    }

    /** Of which many an application has one. */
    @Configuration(proxyBeanMethods = false)
    static class NamedConfig {}

    @Test
    void aConfigurationClassMayBeCalledConfig() {
        runner.withBean("config", NamedConfig.class)
                .run(context -> assertThat(context).hasSingleBean(Config.class).hasSingleBean(NamedConfig.class));
    }

    static class Dotted {
        @ConfigValue("app.timeout")
        int timeout;
    }

    @Test
    void aMissingKeyWithDotsIsToldTheKeyOfTheProperty() {
        runner.withBean(Dotted.class)
                .run(context -> assertThat(context)
                        .getFailure()
                        .hasMessageContaining(
                                "there is no such key; the property app.timeout is the key 'app/timeout'"));
    }

    @Test
    void aStoredTextWithoutQuotesIsLogged(CapturedOutput output) {
        runner.withBean(Fields.class).run(context -> {
            store.commit(Commit.of(
                    List.of(new Operation.Put(
                            "", "text", "Hello there", JsonCodec.NAME, ValueType.STRING, null, Condition.ALWAYS)),
                    null,
                    null));
            await().untilAsserted(() -> assertThat(output)
                    .contains("key 'text' in namespace '' cannot be read")
                    .doesNotContain("Hello there"));
        });
    }

    @Test
    void aFinalFieldGetsItsValueOnceAndAWarning(CapturedOutput output) {
        runner.withBean("one", Final.class)
                .withBean("two", Final.class)
                .run(context ->
                        assertThat(context.getBean("one", Final.class).number).isEqualTo(3));

        assertThat(output).containsOnlyOnce("Final.number (int) gets its value once");
    }

    @Configuration(proxyBeanMethods = false)
    static class Methods {
        @Bean
        StringBuilder fromParameter(
                @ConfigValue(key = "greeting", defaultValue = "Hello") String greeting,
                @ConfigValue(key = "live", defaultValue = "x") Live<String> live) {
            return new StringBuilder(greeting).append(live.get());
        }

        @Bean
        Injected injected() {
            return new Injected();
        }
    }

    static class Injected {
        int number;
        String text = "";

        @Autowired
        void init(@ConfigValue(key = "number", defaultValue = "4") int value) {
            number = value;
        }

        void setText(@ConfigValue(key = "text", defaultValue = "a") String value) {
            text = value;
        }
    }

    @Test
    void beanMethodsAutowiredMethodsAndSettersGetTheirParameters() {
        runner.withUserConfiguration(Methods.class).run(context -> {
            assertThat(context.getBean(StringBuilder.class)).hasToString("Hellox");
            Injected bean = context.getBean(Injected.class);
            assertThat(bean.number).isEqualTo(4);
            assertThat(bean.text).isEqualTo("a");
            context.getBean(Config.class).set("text", "b");
            await().untilAsserted(() -> assertThat(bean.text).isEqualTo("b"));
        });
    }

    static class Required {
        @ConfigValue("app/first")
        String first;

        @ConfigValue(key = "app/second", namespace = "other")
        int second;

        @ConfigValue("app/third")
        Live<Integer> third;
    }

    @Test
    void missingRequiredKeysStopTheStartTogether() {
        put("", "app/third", "\"not a number\"");
        runner.withBean(Required.class).run(context -> {
            assertThat(context).hasFailed();
            FailureAnalysis analysis = new MissingConfigFailureAnalyzer().analyze(context.getStartupFailure());
            assertThat(analysis).isNotNull();
            assertThat(analysis.getDescription())
                    .contains("key 'app/first' for " + Required.class.getName() + ".first (java.lang.String)")
                    .contains("key 'app/second' in namespace 'other' for " + Required.class.getName() + ".second (int)")
                    .contains("third (java.lang.Integer): expected java.lang.Integer, found a text")
                    .doesNotContain("not a number");
            assertThat(analysis.getAction()).contains("defaultValue");
        });
    }

    record RequiredParameter(@ConfigValue("needed") String value) {}

    record OtherParameters(
            @ConfigValue("later/one") int one,
            @ConfigValue("later/two") Live<Integer> two,

            @ConfigValue(key = "later/three", defaultValue = "1")
            int three,

            Live<Missing> group) {}

    @ConfigPrefix("later/group")
    record Missing(int number) {}

    @Configuration(proxyBeanMethods = false)
    static class LaterMethods {
        @Bean
        StringBuilder later(@ConfigValue("later/method") String text) {
            return new StringBuilder(text);
        }
    }

    @Test
    void aMissingParameterStopsTheStartAtOnceWithAllOtherParameters() {
        runner.withBean(Required.class)
                .withBean(RequiredParameter.class)
                .withBean(OtherParameters.class)
                .withUserConfiguration(LaterMethods.class)
                .run(context -> {
                    FailureAnalysis analysis = new MissingConfigFailureAnalyzer().analyze(context.getStartupFailure());
                    assertThat(analysis).isNotNull();
                    assertThat(analysis.getDescription())
                            .contains("key 'app/first'")
                            .containsOnlyOnce("key 'needed'")
                            .contains("key 'later/one' for " + OtherParameters.class.getName() + "(one) (int)")
                            .contains("key 'later/two'")
                            .contains("key 'later/method' for " + LaterMethods.class.getName() + ".later(text)")
                            .contains("key 'later/group/number'")
                            .doesNotContain("later/three");
                });
    }

    @Test
    void aRequiredKeyThatIsDeletedLaterKeepsItsLastValue() {
        put("", "app/first", "\"a\"");
        put("", "app/third", "3");
        put("other", "app/second", "2");
        runner.withBean(Required.class).run(context -> {
            Required bean = context.getBean(Required.class);
            assertThat(bean.second).isEqualTo(2);
            context.getBean(Config.class).delete("app/first");
            await().untilAsserted(() -> assertThat(
                            context.getBean(ConfigBindings.class).bindings())
                    .filteredOn(binding -> binding.key().equals("app/first"))
                    .singleElement()
                    .satisfies(binding -> assertThat(binding.lastError()).contains("the last value stays")));
            assertThat(bean.first).isEqualTo("a");
        });
    }

    @Test
    void aBadValueKeepsTheLastGoodOneAndIsReportedOncePerRevision(CapturedOutput output) {
        put("", "number", "2");
        runner.withBean("one", Fields.class).withBean("two", Fields.class).run(context -> {
            Fields bean = context.getBean("one", Fields.class);
            Config config = context.getBean(Config.class);
            ConfigBindings bindings = context.getBean(ConfigBindings.class);

            long revision = config.set("number", "top secret").revision();
            await().until(() -> bindings.errors() == 1);
            bindings.refresh("", "number");

            assertThat(bean.number).isEqualTo(2);
            assertThat(bindings.errors()).isEqualTo(1);
            assertThat(bindings.bindings())
                    .filteredOn(binding -> binding.key().equals("number"))
                    .singleElement()
                    .satisfies(binding -> {
                        assertThat(binding.instances()).isEqualTo(2);
                        assertThat(binding.follows()).isTrue();
                        assertThat(binding.type()).isEqualTo("int");
                        assertThat(binding.lastError()).isEqualTo("expected int, found a text that does not fit it");
                        assertThat(binding.revision()).isEqualTo(1);
                        assertThat(binding.lastRejection())
                                .isEqualTo(new ConfigBinding.Rejected(revision, binding.lastError()));
                    });
            assertThat(output)
                    .containsOnlyOnce("Fields.number (int) at revision " + revision + " cannot be used: expected int")
                    .doesNotContain("top secret");

            long better = config.set("number", 3).revision();
            await().untilAsserted(() -> assertThat(bean.number).isEqualTo(3));
            assertThat(bindings.bindings()).allMatch(binding -> binding.lastError() == null);
            await().untilAsserted(() -> assertThat(bindings.bindings())
                    .filteredOn(binding -> binding.key().equals("number"))
                    .singleElement()
                    .satisfies(binding -> {
                        assertThat(binding.revision()).isEqualTo(better);
                        assertThat(binding.lastRejection())
                                .extracting("revision")
                                .isEqualTo(revision);
                    }));
            config.delete("number");
            await().untilAsserted(() -> assertThat(bindings.bindings())
                    .filteredOn(binding -> binding.key().equals("number"))
                    .extracting(ConfigBinding::revision)
                    .containsExactly(0L));
        });
    }

    @Test
    void aValueThatIsBadFromTheStartMeansTheDefault() {
        put("", "number", "\"x\"");
        runner.withBean(Fields.class).run(context -> {
            assertThat(context.getBean(Fields.class).number).isEqualTo(1);
            ConfigBindings bindings = context.getBean(ConfigBindings.class);
            assertThat(bindings.errors()).isEqualTo(1);
            assertThat(bindings.bindings())
                    .filteredOn(binding -> binding.key().equals("number"))
                    .singleElement()
                    .satisfies(binding -> {
                        assertThat(binding.revision()).isZero();
                        assertThat(binding.lastRejection())
                                .extracting("revision")
                                .isEqualTo(1L);
                    });
        });
    }

    record Wrong(
            @ConfigValue(key = "number", defaultValue = "x") int number) {}

    @Test
    void aDefaultThatDoesNotFitStopsTheStart() {
        runner.withBean(Wrong.class)
                .run(context -> assertThat(context.getStartupFailure())
                        .hasRootCauseInstanceOf(IllegalArgumentException.class)
                        .hasStackTraceContaining("The default of key 'number'"));
    }

    @Test
    void prototypesDoNotLeak() {
        runner.withBean(Fields.class, Fields::new, definition -> definition.setScope("prototype"))
                .run(context -> {
                    ConfigBindings bindings = context.getBean(ConfigBindings.class);
                    List<WeakReference<Fields>> created = new ArrayList<>();
                    for (int i = 0; i < 1_000; i++) {
                        created.add(new WeakReference<>(context.getBean(Fields.class)));
                    }
                    Fields kept = context.getBean(Fields.class);

                    await().untilAsserted(() -> {
                        System.gc();
                        assertThat(created).allMatch(reference -> reference.get() == null);
                        assertThat(bindings.bindings()).isNotEmpty().allMatch(binding -> binding.instances() == 1);
                    });
                    context.getBean(Config.class).set("number", 9);
                    await().untilAsserted(() -> assertThat(kept.number).isEqualTo(9));
                });
    }

    interface Numbered {
        int number();
    }

    static class Proxied implements Numbered {
        @ConfigValue(key = "number", defaultValue = "1")
        private int number;

        @Override
        public int number() {
            return number;
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Proxying {
        @Bean
        static BeanPostProcessor proxies() {
            return new BeanPostProcessor() {
                @Override
                public Object postProcessAfterInitialization(Object bean, String name) {
                    return bean instanceof Numbered
                            ? Proxy.newProxyInstance(
                                    Numbered.class.getClassLoader(),
                                    new Class<?>[] {Numbered.class},
                                    (proxy, method, arguments) -> method.invoke(bean, arguments))
                            : bean;
                }
            };
        }

        @Bean
        @Lazy
        Numbered lazy() {
            return new Proxied();
        }

        @Bean
        @Scope("prototype")
        Fields unused() {
            return new Fields();
        }
    }

    @Test
    void proxiedAndLazyBeansFollow() {
        runner.withUserConfiguration(Proxying.class).run(context -> {
            context.getBean(Config.class).set("number", 5);
            Numbered bean = context.getBean(Numbered.class);
            assertThat(bean).isNotInstanceOf(Proxied.class);
            assertThat(bean.number()).isEqualTo(5);
            context.getBean(Config.class).set("number", 6);
            await().untilAsserted(() -> assertThat(bean.number()).isEqualTo(6));
        });
    }

    static class Placed {
        @ConfigValue(key = "${app.name}/greeting", defaultValue = "${app.default:Hi}")
        String greeting = "";

        @ConfigValue(key = "greeting", namespace = "${app.name}", defaultValue = "x")
        String named = "";

        @ConfigValue(key = "greeting", namespace = "_", defaultValue = "x")
        String unnamed = "";
    }

    @Test
    void placeholdersAndNamespaces() {
        put("prod", "shop/greeting", "\"a\"");
        put("shop", "greeting", "\"b\"");
        put("", "greeting", "\"c\"");
        runner.withPropertyValues("app.name=shop", "config.namespace=prod")
                .withBean(Placed.class)
                .run(context -> {
                    Placed bean = context.getBean(Placed.class);
                    assertThat(bean.greeting).isEqualTo("a");
                    assertThat(bean.named).isEqualTo("b");
                    assertThat(bean.unnamed).isEqualTo("c");
                    assertThat(context.getBean(Config.class).namespace()).isEqualTo("prod");
                    context.getBean(Config.class).delete("shop/greeting");
                    await().untilAsserted(() -> assertThat(bean.greeting).isEqualTo("Hi"));
                });
    }

    @Test
    void whenDisabledEverythingHasItsDefault() {
        runner.withPropertyValues("config.enabled=false")
                .withBean(Fields.class)
                .withBean(Constructed.class)
                .run(context -> {
                    assertThat(context).doesNotHaveBean(ConfigManager.class);
                    assertDefaults(context.getBean(Fields.class));
                    assertThat(context.getBean(Constructed.class).number).isEqualTo(1);
                });
    }

    static class Refusing {
        int number;

        @ConfigValue(key = "number", defaultValue = "1")
        void setNumber(int value) {
            if (value < 0) {
                throw new IllegalArgumentException("secret " + value);
            }
            number = value;
        }
    }

    @Test
    void aSetterThatThrowsKeepsNobodyElseFromFollowing(CapturedOutput output) {
        runner.withBean(Refusing.class).withBean(Proxied.class).run(context -> {
            context.getBean(Config.class).set("number", -5);
            await().untilAsserted(() ->
                    assertThat(context.getBean(Proxied.class).number()).isEqualTo(-5));
            await().until(() -> context.getBean(ConfigBindings.class).errors() == 1);
            assertThat(context.getBean(Refusing.class).number).isEqualTo(1);
            assertThat(output)
                    .contains("refused the value: java.lang.IllegalArgumentException")
                    .doesNotContain("secret");
            context.getBean(Config.class).set("number", 5);
            await().untilAsserted(() ->
                    assertThat(context.getBean(Refusing.class).number).isEqualTo(5));
        });
    }

    @Test
    void aFieldNeverGoesBackwardsWhileManyWrite() throws Exception {
        runner.withBean(Proxied.class).run(context -> {
            Proxied bean = context.getBean(Proxied.class);
            Config config = context.getBean(Config.class);
            Thread writer = new Thread(() -> {
                for (int i = 2; i <= 500; i++) {
                    config.set("number", i);
                }
            });
            writer.start();
            int last = 0;
            while (last < 500) {
                int now = bean.number();
                assertThat(now).isGreaterThanOrEqualTo(last);
                last = now;
            }
            writer.join();
        });
    }

    @Retention(RetentionPolicy.RUNTIME)
    @ConfigValue
    @interface NumberOr {
        @AliasFor(annotation = ConfigValue.class, attribute = "defaultValue")
        String otherwise();

        @AliasFor(annotation = ConfigValue.class, attribute = "key")
        String of() default "number";
    }

    static class Composed {
        final int number;

        @NumberOr(otherwise = "1")
        int field;

        Composed(@NumberOr(otherwise = "3") int number) {
            this.number = number;
        }
    }

    @Test
    void aComposedAnnotationPassesItsAttributesOn() {
        runner.withBean(Composed.class).run(context -> {
            Composed bean = context.getBean(Composed.class);
            assertThat(bean.number).isEqualTo(3);
            assertThat(bean.field).isEqualTo(1);
            context.getBean(Config.class).set("number", 7);
            await().untilAsserted(() -> assertThat(bean.field).isEqualTo(7));
        });
    }

    @Test
    void aResolverThatWasThereBeforeIsAskedForEverythingElse() {
        List<String> asked = new CopyOnWriteArrayList<>();
        runner.withInitializer(context -> ((DefaultListableBeanFactory) context.getBeanFactory())
                        .setAutowireCandidateResolver(new ContextAnnotationAutowireCandidateResolver() {
                            @Override
                            public @Nullable Object getLazyResolutionProxyIfNecessary(
                                    DependencyDescriptor descriptor, @Nullable String beanName) {
                                asked.add(String.valueOf(beanName));
                                return super.getLazyResolutionProxyIfNecessary(descriptor, beanName);
                            }
                        }))
                .withBean("composed", Composed.class)
                .withBean("constructed", Constructed.class)
                .run(context -> assertThat(asked).contains("configManager").doesNotContain("composed"));
    }

    record Picky(int n) {
        Picky {
            if (n == 2) {
                throw new AssertionError("expected");
            }
        }
    }

    static class WithPicky {
        @ConfigValue("a/picky")
        Picky picky = new Picky(0);

        @ConfigValue(key = "b/number", defaultValue = "1")
        int number;
    }

    @Test
    void anErrorOfAValuesClassTouchesNoOtherTarget() {
        runner.withBean(WithPicky.class).run(context -> {
            WithPicky bean = context.getBean(WithPicky.class);
            context.getBean(Config.class)
                    .commit(batch -> batch.set("a/picky", Map.of("n", 2)).set("b/number", 5));
            await().untilAsserted(() -> assertThat(bean.number).isEqualTo(5));
            assertThat(bean.picky).isEqualTo(new Picky(0));
            assertThat(context.getBean(ConfigBindings.class).bindings("", "a/picky"))
                    .singleElement()
                    .satisfies(binding -> assertThat(binding.lastError()).isEqualTo("java.lang.AssertionError"));
        });
    }

    static class OfALargeNamespace {
        @ConfigValue("k/1")
        int one;

        @ConfigValue(key = "k/2", defaultValue = "7")
        int two;
    }

    @Test
    void whatIsNoLongerInMemoryIsFollowedAcrossAGapToo() {
        for (int i = 0; i < 20; i++) {
            put("", "k/" + i, "1");
        }
        MemoryConfigStore others = store.another();
        runner.withPropertyValues("config.cache.maximum-entries=5", "config.watch.last-retry=100ms")
                .withBean(OfALargeNamespace.class)
                .run(context -> {
                    OfALargeNamespace bean = context.getBean(OfALargeNamespace.class);
                    ConfigManager manager = context.getBean(ConfigManager.class);
                    assertThat(bean.one).isEqualTo(1);
                    for (int i = 3; i < 100; i++) {
                        manager.namespace("").get("k/" + i, Integer.class, 0);
                    }
                    store.setAvailable(false);
                    await().until(() -> manager.watchStatus().consecutiveFailures() > 1);
                    others.commit(Commit.of(
                            List.of(
                                    new Operation.Put(
                                            "",
                                            "k/1",
                                            "2",
                                            JsonCodec.NAME,
                                            io.configmanager.ValueType.INTEGER,
                                            null,
                                            io.configmanager.Condition.ALWAYS),
                                    new Operation.Delete("", "k/2", io.configmanager.Condition.ALWAYS)),
                            null,
                            null));
                    others.compact();
                    store.setAvailable(true);

                    await().untilAsserted(() ->
                            assertThat(List.of(bean.one, bean.two)).containsExactly(2, 7));
                });
    }

    private void put(String namespace, String key, String json) {
        store.commit(Commit.of(
                List.of(new Operation.Put(
                        namespace,
                        key,
                        json,
                        JsonCodec.NAME,
                        io.configmanager.ValueType.STRING,
                        null,
                        io.configmanager.Condition.ALWAYS)),
                null,
                null));
    }

    static class OptionalInKotlin {
        OptionalInKotlin(@ConfigValue("absent") int number) {}
    }

    /** As Kotlin's {@code class Shop(@ConfigValue("absent") val number: Int = 99)} asks. */
    @Test
    void aPrimitiveThatMayBeAbsentIsNotZero() {
        runner.run(context -> {
            DependencyDescriptor parameter = new DependencyDescriptor(
                    new MethodParameter(OptionalInKotlin.class.getDeclaredConstructor(int.class), 0), false);
            assertThat(context.getBeanFactory().resolveDependency(parameter, "kotlin"))
                    .isNull();
            context.getBean(Config.class).set("absent", 7);
            assertThat(context.getBeanFactory().resolveDependency(parameter, "kotlin"))
                    .isEqualTo(7);
        });
    }

    static class SetByItsConstructor {
        @ConfigValue("there")
        private final @Nullable String text;

        @ConfigValue(key = "live", defaultValue = "x")
        private final Live<String> live;

        private final Live<String> given;

        SetByItsConstructor(
                @ConfigValue("there") @Nullable String text,
                @ConfigValue(key = "live", defaultValue = "x") Live<String> live) {
            this.text = text;
            this.live = live;
            this.given = live;
        }
    }

    /** Kotlin and Lombok annotate both. */
    @Test
    void aFinalFieldThatItsConstructorSetsIsNotInjectedAgain(CapturedOutput output) {
        runner.withBean(SetByItsConstructor.class).run(context -> {
            SetByItsConstructor bean = context.getBean(SetByItsConstructor.class);
            assertThat(bean.text).isNull();
            assertThat(bean.live).isSameAs(bean.given);
        });
        assertThat(output).containsOnlyOnce("gets its value once");
    }

    static class InAChild {
        @ConfigValue(key = "number", defaultValue = "1")
        volatile int number;

        final Live<Typed> typed;
        final List<Long> heard = new CopyOnWriteArrayList<>();
        final List<Long> published = new CopyOnWriteArrayList<>();

        InAChild(Live<Typed> typed) {
            this.typed = typed;
        }

        @ConfigListener(keys = "number")
        void hear(ConfigChangeSet changes) {
            heard.add(changes.revision());
        }

        @EventListener
        void hear(ConfigChangedEvent event) {
            published.add(event.changes().revision());
        }
    }

    @ConfigPrefix("typed")
    record Typed(@DefaultValue("1") int size) {}

    @Test
    void beansOfAChildContextFollowTheManagerOfItsParent() {
        runner.withBean(InAChild.class).run(parent -> {
            Config config = parent.getBean(Config.class);
            AtomicReference<InAChild> ended = new AtomicReference<>();
            new ApplicationContextRunner()
                    .withParent(parent)
                    .withConfiguration(AutoConfigurations.of(
                            ConfigValueAutoConfiguration.class,
                            ConfigStoreAutoConfiguration.class,
                            ConfigManagerAutoConfiguration.class))
                    .withBean("child", InAChild.class)
                    .run(context -> {
                        InAChild child = context.getBean("child", InAChild.class);
                        ended.set(child);
                        config.commit(batch -> batch.set("number", 2).set("typed/size", 2));
                        await().untilAsserted(() -> {
                            assertThat(child.number).isEqualTo(2);
                            assertThat(child.typed.get().size()).isEqualTo(2);
                            assertThat(child.heard).containsExactly(1L);
                            assertThat(child.published).containsExactly(1L);
                        });
                    });

            InAChild stays = parent.getBean(InAChild.class);
            config.set("number", 3);
            await().untilAsserted(() -> {
                assertThat(stays.number).isEqualTo(3);
                assertThat(stays.heard).containsExactly(1L, 2L);
                assertThat(stays.published).containsExactly(1L, 2L);
            });
            assertThat(ended.get().number).isEqualTo(2);
            assertThat(ended.get().heard).containsExactly(1L);
        });
    }

    /** What Lombok makes of an annotated field. */
    static class WithoutCopiedAnnotation {
        @ConfigValue("app/limit")
        final Live<Integer> limit;

        WithoutCopiedAnnotation(Live<Integer> limit) {
            this.limit = limit;
        }
    }

    static class NeedsOne {
        NeedsOne(WithoutCopiedAnnotation other) {}
    }

    static class NotAGroup {
        @Autowired
        Live<Limits> limits;
    }

    @Test
    void whereAnAnnotationIsMissingItIsNotABeanThatIs() {
        runner.withBean(NeedsOne.class)
                .withBean(WithoutCopiedAnnotation.class)
                .run(context -> assertThat(analysed(context.getStartupFailure()))
                        .contains(WithoutCopiedAnnotation.class.getName() + ".limit", "lombok.copyableAnnotations +="));
        runner.withBean(NotAGroup.class)
                .run(context -> assertThat(analysed(context.getStartupFailure()))
                        .contains("NotAGroup.limits", "Limits with @ConfigPrefix"));
        runner.withBean(NoBean.class)
                .run(context -> assertThat(new MissingAnnotationFailureAnalyzer().analyze(context.getStartupFailure()))
                        .isNull());
    }

    static class NoBean {
        NoBean(List<Thread> threads, Thread thread) {}
    }

    private static String analysed(Throwable failure) {
        FailureAnalysis analysis = new MissingAnnotationFailureAnalyzer().analyze(failure);
        return analysis == null ? "" : analysis.getDescription() + analysis.getAction();
    }
}
