// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigEntry;
import io.configmanager.spring.autoconfigure.ConfigEnvironmentAutoConfiguration;
import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import io.configmanager.spring.autoconfigure.ConfigStoreAutoConfiguration;
import java.time.Duration;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.aot.hint.MemberCategory;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.TypeReference;
import org.springframework.aot.hint.predicate.RuntimeHintsPredicates;
import org.springframework.aot.test.generate.TestGenerationContext;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.aot.ApplicationContextAotGenerator;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.test.tools.CompileWithForkedClassLoader;
import org.springframework.core.test.tools.TestCompiler;
import org.springframework.javapoet.ClassName;

/** The application that Spring generates ahead of time, on this virtual machine. */
@CompileWithForkedClassLoader
class ConfigAotTest {

    /** JDK 17 looks for it once, by the context class loader, and the one of this test is not below the application's. */
    @BeforeAll
    static void findTheRandomGenerator() {
        ClassLoader forked = Thread.currentThread().getContextClassLoader();
        Thread.currentThread().setContextClassLoader(ClassLoader.getSystemClassLoader());
        try {
            RandomGenerator.getDefault();
        } finally {
            Thread.currentThread().setContextClassLoader(forked);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        ConfigValueAutoConfiguration.class,
        ConfigStoreAutoConfiguration.class,
        ConfigManagerAutoConfiguration.class,
        ConfigEnvironmentAutoConfiguration.class
    })
    static class Application {

        @Bean
        Service service(@ConfigValue(key = "app/name", defaultValue = "nobody") Live<String> name) {
            return new Service(name);
        }
    }

    static class Service {

        @ConfigValue(key = "app/timeout", defaultValue = "5s")
        private Duration timeout = Duration.ZERO;

        private int limit;

        final Live<String> name;

        Service(Live<String> name) {
            this.name = name;
        }

        @ConfigValue(key = "app/limits", defaultValue = "{\"max\": 1}")
        void setLimits(Limits limits) {
            limit = limits.max();
        }
    }

    record Limits(int max) {}

    private static void withProperties(GenericApplicationContext context) {
        context.getEnvironment()
                .getPropertySources()
                .addFirst(new MapPropertySource("test", Map.of("config.store.type", "memory")));
    }

    private void generated(BiConsumer<GenericApplicationContext, RuntimeHints> test) {
        AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
        withProperties(context);
        context.register(Application.class);
        TestGenerationContext generation = new TestGenerationContext();
        ClassName initializer = new ApplicationContextAotGenerator().processAheadOfTime(context, generation);
        generation.writeGeneratedContent();
        TestCompiler.forSystem().with(generation).compile(compiled -> {
            GenericApplicationContext fresh = new GenericApplicationContext();
            withProperties(fresh);
            @SuppressWarnings("unchecked")
            ApplicationContextInitializer<GenericApplicationContext> start =
                    compiled.getInstance(ApplicationContextInitializer.class, initializer.canonicalName());
            start.initialize(fresh);
            try (fresh) {
                fresh.refresh();
                test.accept(fresh, generation.getRuntimeHints());
            }
        });
    }

    @Test
    void everyTargetFollowsInTheGeneratedApplication() {
        generated((context, hints) -> {
            Service service = context.getBean(Service.class);
            assertThat(service.timeout).isEqualTo(Duration.ofSeconds(5));
            assertThat(service.limit).isEqualTo(1);
            assertThat(service.name.get()).isEqualTo("nobody");

            context.getBean(Config.class)
                    .commit(batch -> batch.set("app/timeout", "1s")
                            .set("app/limits", Map.of("max", 2))
                            .set("app/name", "somebody"));
            await().untilAsserted(() -> assertThat(service.name.get()).isEqualTo("somebody"));
            await().untilAsserted(() -> assertThat(service.timeout).isEqualTo(Duration.ofSeconds(1)));
            await().untilAsserted(() -> assertThat(service.limit).isEqualTo(2));
        });
    }

    @Test
    void hintsNameWhatIsSetAndWhatIsReadAsJson() throws Exception {
        generated((context, hints) -> {
            try {
                assertThat(RuntimeHintsPredicates.reflection().onFieldAccess(Service.class.getDeclaredField("timeout")))
                        .accepts(hints);
                assertThat(RuntimeHintsPredicates.reflection()
                                .onMethodInvocation(Service.class.getDeclaredMethod("setLimits", Limits.class)))
                        .accepts(hints);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
            assertThat(RuntimeHintsPredicates.reflection()
                            .onType(Limits.class)
                            .withMemberCategory(MemberCategory.INVOKE_DECLARED_CONSTRUCTORS))
                    .accepts(hints);
        });
        RuntimeHints own = new RuntimeHints();
        new ConfigRuntimeHints().registerHints(own, getClass().getClassLoader());
        assertThat(RuntimeHintsPredicates.resource().forResource(ConfigRuntimeHints.SCRIPT))
                .accepts(own);
        for (TypeReference type : new TypeReference[] {
            TypeReference.of(ConfigRuntimeHints.BOOT_SNAPSHOT), TypeReference.of(ConfigEntry.class)
        }) {
            assertThat(RuntimeHintsPredicates.reflection()
                            .onType(type)
                            .withMemberCategory(MemberCategory.INVOKE_DECLARED_CONSTRUCTORS))
                    .accepts(own);
        }
        assertThat(getClass().getClassLoader().getResource(ConfigRuntimeHints.SCRIPT))
                .isNotNull();
    }
}
