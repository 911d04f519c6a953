// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.WriteOptions;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.MemoryConfigStore;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Period;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.ConfigurationPropertiesBinding;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;
import org.springframework.core.convert.converter.Converter;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.io.Resource;
import org.springframework.util.unit.DataSize;

@ExtendWith(OutputCaptureExtension.class)
@NullMarked
class ConfigPrefixTest {

    private final MemoryConfigStore store = new MemoryConfigStore();
    private final ApplicationContextRunner runner = InMemory.runner(() -> store);

    enum Mode {
        STRICT,
        LENIENT
    }

    record Point(int x, int y) {}

    record Endpoint(String host, @DefaultValue("80") int port) {}

    @ConfigPrefix("app/limits")
    record Limits(
            @DefaultValue("10") int maxItems,
            @DefaultValue("5s") Duration timeout,
            @DefaultValue("1MB") DataSize size,
            @DefaultValue("P1D") Period period,
            @DefaultValue("strict") Mode mode,
            @DefaultValue({"a", "b"}) List<String> hosts,
            @DefaultValue Set<Integer> ports,
            @DefaultValue Map<String, Duration> perShop,
            @DefaultValue Map<String, Endpoint> endpoints,
            @DefaultValue("classpath:a") Resource resource,
            @DefaultValue("1:2") Point point,
            Optional<String> note,
            @Nullable Endpoint endpoint,
            @Nullable String comment) {}

    static class UsesLimits {
        final Live<Limits> live;
        final Supplier<Limits> supplier;
        final ObjectProvider<Limits> provider;

        @Autowired
        @Nullable
        Live<Limits> field;

        UsesLimits(Live<Limits> live, Supplier<Limits> supplier, ObjectProvider<Limits> provider) {
            this.live = live;
            this.supplier = supplier;
            this.provider = provider;
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Converters {
        @Bean
        @ConfigurationPropertiesBinding
        static Converter<String, Point> points() {
            return new PointConverter();
        }
    }

    static class PointConverter implements Converter<String, Point> {
        @Override
        public Point convert(String source) {
            int colon = source.indexOf(':');
            return new Point(
                    Integer.parseInt(source.substring(0, colon)), Integer.parseInt(source.substring(colon + 1)));
        }
    }

    @Test
    void aRecordIsBoundWholeFollowsItsKeysAndGoesBackToItsDefaults(CapturedOutput output) {
        runner.withBean(UsesLimits.class)
                .withUserConfiguration(Converters.class)
                .run(context -> {
                    UsesLimits bean = context.getBean(UsesLimits.class);
                    assertDefaults(bean.live.get());
                    assertThat(bean.supplier.get()).isSameAs(bean.live.get());
                    assertThat(bean.field.get()).isSameAs(bean.live.get());

                    Config config = context.getBean(Config.class);
                    config.commit(batch -> batch.set("app/limits/max-items", 7)
                            .set("app/limits/TIMEOUT", "9s")
                            .set("app/limits/size", "2MB")
                            .set("app/limits/period", "P2D")
                            .set("app/limits/mode", "Lenient")
                            .set("app/limits/hosts", List.of("c", "d,e"))
                            .set("app/limits/ports", "1,2")
                            .set("app/limits/perShop/Berlin.Mitte", "1m")
                            .set("app/limits/per-shop/bonn_1", "2m")
                            .set("app/limits/endpoints", Map.of("main", new Endpoint("h", 1)))
                            .set("app/limits/endpoints/other/host", "o")
                            .set("app/limits/resource", "classpath:b")
                            .set("app/limits/point", "3:4")
                            .set("app/limits/note", "${user.home} #{1}")
                            .set("app/limits/endpoint", Map.of("host", "single"))
                            .set("app/limits/comment", true)
                            .set("app/limitsother", "not below"));

                    await().until(() -> bean.live.get().maxItems() == 7);
                    Limits now = bean.live.get();
                    assertThat(now.timeout()).isEqualTo(Duration.ofSeconds(9));
                    assertThat(now.size()).isEqualTo(DataSize.ofMegabytes(2));
                    assertThat(now.period()).isEqualTo(Period.ofDays(2));
                    assertThat(now.mode()).isEqualTo(Mode.LENIENT);
                    assertThat(now.hosts()).containsExactly("c", "d,e");
                    assertThat(now.ports()).containsExactly(1, 2);
                    assertThat(now.perShop())
                            .isEqualTo(Map.of("Berlin.Mitte", Duration.ofMinutes(1), "bonn_1", Duration.ofMinutes(2)));
                    assertThat(now.endpoints())
                            .isEqualTo(Map.of("main", new Endpoint("h", 1), "other", new Endpoint("o", 80)));
                    assertThat(now.resource().getFilename()).isEqualTo("b");
                    assertThat(now.point()).isEqualTo(new Point(3, 4));
                    assertThat(now.note()).contains("${user.home} #{1}");
                    assertThat(now.endpoint()).isEqualTo(new Endpoint("single", 80));
                    assertThat(now.comment()).isEqualTo("true");
                    assertThat(bean.provider.getObject()).isSameAs(now);

                    config.commit(batch -> config.view().entries().forEach(entry -> batch.delete(entry.key())));
                    await().until(() -> bean.live.get().maxItems() == 10);
                    assertDefaults(bean.live.get());
                });
        assertThat(output).doesNotContain("UsesLimits(provider)");
    }

    private static void assertDefaults(Limits limits) {
        assertThat(limits.maxItems()).isEqualTo(10);
        assertThat(limits.timeout()).isEqualTo(Duration.ofSeconds(5));
        assertThat(limits.size()).isEqualTo(DataSize.ofMegabytes(1));
        assertThat(limits.period()).isEqualTo(Period.ofDays(1));
        assertThat(limits.mode()).isEqualTo(Mode.STRICT);
        assertThat(limits.hosts()).containsExactly("a", "b");
        assertThat(limits.ports()).isEmpty();
        assertThat(limits.perShop()).isEmpty();
        assertThat(limits.endpoints()).isEmpty();
        assertThat(limits.resource().getFilename()).isEqualTo("a");
        assertThat(limits.point()).isEqualTo(new Point(1, 2));
        assertThat(limits.note()).isEmpty();
        assertThat(limits.endpoint()).isNull();
        assertThat(limits.comment()).isNull();
    }

    @ConfigPrefix(prefix = "${app.name}/pool", namespace = "prod")
    interface Pool {
        int maxSize();

        default Duration getTimeout() {
            return Duration.ofSeconds(1);
        }

        default List<String> hosts() {
            return List.of("a", "b");
        }

        boolean isOpen();

        Optional<String> note();

        @Nullable
        Endpoint endpoint();

        default String summary() {
            return maxSize() + " within " + getTimeout();
        }
    }

    record UsesPool(Pool pool, Live<Pool> live) {}

    @Test
    void anInterfaceIsAProxyThatAnswersFromTheNewestInstance() {
        put("prod", "shop/pool/max-size", 3);
        put("prod", "shop/pool/open", true);
        runner.withPropertyValues("app.name=shop").withBean(UsesPool.class).run(context -> {
            UsesPool bean = context.getBean(UsesPool.class);
            Pool first = bean.live().get();
            assertThat(bean.pool().summary()).isEqualTo("3 within PT1S");
            assertThat(bean.pool().hosts()).containsExactly("a", "b");
            assertThat(bean.pool().isOpen()).isTrue();
            assertThat(bean.pool().note()).isEmpty();
            assertThat(bean.pool().endpoint()).isNull();

            put("prod", "shop/pool/max-size", 4);
            await().until(() -> bean.pool().maxSize() == 4);
            put("prod", "shop/pool/timeout", "3s");
            await().until(() -> bean.pool().summary().equals("4 within PT3S"));
            assertThat(first.maxSize()).as("an instance never changes").isEqualTo(3);
            assertThat(bean.pool()).hasToString(Pool.class.getName()).isEqualTo(bean.pool());
        });
    }

    @ConfigPrefix
    @ConfigurationProperties("app.mail")
    static class MailProperties {
        private String host = "localhost";
        private int port = 25;
        private List<String> to = List.of();

        public String getHost() {
            return host;
        }

        public void setHost(String host) {
            this.host = host;
        }

        public int getPort() {
            return port;
        }

        public void setPort(int port) {
            this.port = port;
        }

        public List<String> getTo() {
            return to;
        }

        public void setTo(List<String> to) {
            this.to = to;
        }
    }

    @ConfigPrefix("mail/v2")
    @ConfigurationProperties("app.mail2")
    record MailRecord(@DefaultValue("1") int port) {}

    record UsesMail(MailProperties mail, Live<MailProperties> live, MailRecord once, Live<MailRecord> record) {}

    @Configuration(proxyBeanMethods = false)
    @EnableConfigurationProperties({MailProperties.class, MailRecord.class})
    static class Properties {}

    @Test
    void anExistingPropertiesClassIsMadeLiveByTheAnnotation(CapturedOutput output) {
        put("", "app/mail/port", 465);
        runner.withUserConfiguration(Properties.class)
                .withBean(UsesMail.class)
                .withInitializer(context -> context.getEnvironment()
                        .getPropertySources()
                        .addLast(new MapPropertySource(
                                "application.properties",
                                Map.of(
                                        "app.mail.host",
                                        "${smtp}.example",
                                        "smtp",
                                        "out",
                                        "app.mail.to",
                                        "a,b",
                                        "app.mail2.port",
                                        "3"))))
                .run(context -> {
                    UsesMail bean = context.getBean(UsesMail.class);
                    assertThat(context.getBean(MailProperties.class)).isSameAs(bean.mail());
                    assertThat(bean.mail().getHost()).isEqualTo("out.example");
                    assertThat(bean.mail().getPort()).isEqualTo(465);
                    assertThat(bean.mail().getTo()).containsExactly("a", "b");
                    assertThat(bean.record().get().port()).isEqualTo(3);
                    MailProperties before = bean.live().get();

                    Config config = context.getBean(Config.class);
                    config.commit(batch -> batch.delete("app/mail/port")
                            .set("app/mail/host", "${smtp}")
                            .set("mail/v2/port", 4));
                    await().until(() -> bean.mail().getPort() == 25);
                    assertThat(bean.mail().getHost()).isEqualTo("${smtp}");
                    await().until(() -> bean.record().get().port() == 4);
                    assertThat(bean.once().port()).isEqualTo(3);
                    assertThat(before.getHost()).isEqualTo("out.example");
                    assertThat(before.getPort()).isEqualTo(465);
                });
        assertThat(output)
                .containsOnlyOnce("inject Live<MailRecord> to follow")
                .doesNotContain("inject Live<MailProperties>");
    }

    @Test
    void systemPropertiesGoBeforeTheStore() {
        put("", "app/mail/host", "stored");
        put("", "app/mail/port", 1);
        runner.withUserConfiguration(Properties.class)
                .withSystemProperties("app.mail.host=commanded")
                .run(context -> {
                    MailProperties mail = context.getBean(MailProperties.class);
                    assertThat(mail.getHost()).isEqualTo("commanded");
                    assertThat(mail.getPort()).isEqualTo(1);
                });
    }

    @ConfigPrefix("strict")
    record Strict(
            @Min(1) @Max(9) int number, String text, @Valid Inner inner) {
        Strict {
            if (text.equals("refuse")) {
                throw new IllegalArgumentException("top secret " + text);
            }
        }
    }

    record Inner(
            @Min(value = 1, message = "not ${validatedValue}")
            int deep,

            Duration timeout) {}

    record UsesStrict(Live<Strict> strict) {}

    static class Heard {
        final List<ConfigRejectedEvent> rejected = new CopyOnWriteArrayList<>();
        final List<ConfigChangedEvent> changed = new CopyOnWriteArrayList<>();

        @EventListener
        void on(ConfigRejectedEvent event) {
            rejected.add(event);
        }

        @EventListener
        void on(ConfigChangedEvent event) {
            changed.add(event);
        }
    }

    private void strict() {
        put("", "strict/number", 5);
        put("", "strict/text", "a");
        put("", "strict/inner/deep", 5);
        put("", "strict/inner/timeout", "1s");
    }

    @Test
    void aChangeSetThatIsRejectedLeavesTheWholeTargetAsItWas(CapturedOutput output) {
        strict();
        runner.withBean(UsesStrict.class).withBean(Heard.class).run(context -> {
            Live<Strict> live = context.getBean(UsesStrict.class).strict();
            ConfigBindings bindings = context.getBean(ConfigBindings.class);
            Heard heard = context.getBean(Heard.class);
            Config config = context.getBean(Config.class);
            Strict good = live.get();

            long revision = config.commit(batch -> batch.set("strict/text", "b")
                            .set("strict/number", "top secret", WriteOptions.DEFAULT.asSecret())
                            .set("strict/inner/timeout", List.of("top secret")))
                    .revision();
            await().until(() -> heard.changed.size() == 1);
            assertThat(live.get()).isSameAs(good);
            assertThat(bindings.errors()).isEqualTo(2);
            assertThat(heard.rejected)
                    .containsExactlyInAnyOrder(
                            new ConfigRejectedEvent(
                                    "",
                                    "strict/number",
                                    Strict.class.getName(),
                                    "int",
                                    "expected int, found a text that does not fit it",
                                    revision),
                            new ConfigRejectedEvent(
                                    "",
                                    "strict/inner/timeout",
                                    Strict.class.getName(),
                                    "java.time.Duration",
                                    "expected java.time.Duration, found an object or a list that does not fit it",
                                    revision));
            assertThat(bindings.bindings()).singleElement().satisfies(binding -> {
                assertThat(binding.key()).isEqualTo("strict/");
                assertThat(binding.lastError()).contains("strict/number: expected int");
                assertThat(binding.revision()).isEqualTo(revision - 1);
                assertThat(binding.lastRejection())
                        .isEqualTo(new ConfigBinding.Rejected(revision, binding.lastError()));
            });

            config.commit(batch -> batch.set("strict/number", 10)
                    .set("strict/inner/timeout", "2s")
                    .set("strict/inner/deep", -77));
            await().until(() -> heard.changed.size() == 2);
            assertThat(live.get()).isSameAs(good);
            assertThat(bindings.bindings().get(0).lastError())
                    .contains("strict/number: must be less than or equal to 9")
                    .contains("strict/inner/deep: violates @Min")
                    .doesNotContain("77");

            config.commit(batch ->
                    batch.set("strict/number", 1.5).set("strict/inner/deep", 1).set("strict/text", "refuse"));
            await().until(() -> heard.changed.size() == 3);
            assertThat(live.get()).isSameAs(good);
            assertThat(bindings.bindings().get(0).lastError())
                    .isEqualTo("strict/number: expected int, found a number that does not fit it");

            config.set("strict/number", 2);
            await().until(() -> heard.changed.size() == 4);
            assertThat(bindings.bindings().get(0).lastError()).contains("IllegalArgumentException");
            assertThat(live.get()).isSameAs(good);

            config.commit(batch -> batch.delete("strict/text"));
            await().until(() -> heard.changed.size() == 5);
            assertThat(bindings.bindings().get(0).lastError()).isEqualTo("strict/text: there is no such key");
            assertThat(live.get()).isSameAs(good);

            config.set("strict/text", "c");
            await().until(() -> live.get() != good);
            assertThat(live.get()).isEqualTo(new Strict(2, "c", new Inner(1, Duration.ofSeconds(2))));
            assertThat(bindings.bindings().get(0).lastError()).isNull();
            assertThat(bindings.bindings().get(0).lastRejection())
                    .extracting("reason")
                    .isEqualTo("strict/text: there is no such key");
            assertThat(output).doesNotContain("top secret").doesNotContain("-77");
        });
    }

    static class NeedsMore {
        @ConfigValue("other/key")
        @Nullable
        String other;
    }

    @Test
    void whatIsMissingOrBadAtTheStartIsListedTogether() {
        put("", "strict/inner/deep", "x");
        runner.withBean(UsesStrict.class).withBean(NeedsMore.class).run(context -> {
            FailureAnalysis analysis = new MissingConfigFailureAnalyzer().analyze(context.getStartupFailure());
            assertThat(analysis).isNotNull();
            assertThat(analysis.getDescription())
                    .contains("key 'strict/number' for " + Strict.class.getName() + " (int): there is no such key")
                    .contains("key 'strict/text'")
                    .contains("key 'strict/inner/deep' for " + Strict.class.getName() + " (int): expected int, found")
                    .contains("key 'strict/inner/timeout'")
                    .doesNotContain("refused by");
        });
    }

    @Test
    void withoutAStoreThereAreTheDefaults() {
        runner.withUserConfiguration(Converters.class)
                .withPropertyValues("config.enabled=false")
                .withBean(UsesLimits.class)
                .run(context ->
                        assertDefaults(context.getBean(UsesLimits.class).live.get()));
    }

    @Test
    void aBeanOfTheWantedTypeGoesBefore() {
        Pool mine = (Pool) Proxy.newProxyInstance(
                Pool.class.getClassLoader(), new Class<?>[] {Pool.class}, (proxy, method, arguments) -> 99);
        runner.withBean(Pool.class, () -> mine)
                .withBean(PoolUser.class)
                .run(context -> assertThat(
                                context.getBean(PoolUser.class).pool().maxSize())
                        .isEqualTo(99));
    }

    record PoolUser(Pool pool) {}

    private void put(String namespace, String key, Object value) {
        try (ConfigManager writer =
                ConfigManagerBuilder.forStore(store.another()).build()) {
            writer.connect();
            writer.namespace(namespace).set(key, value);
        }
    }
}
