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
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.springframework.aop.SpringProxy;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.aop.support.AopUtils;
import org.springframework.aot.generate.GeneratedFiles;
import org.springframework.aot.hint.MemberCategory;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.TypeReference;
import org.springframework.aot.hint.predicate.RuntimeHintsPredicates;
import org.springframework.aot.test.generate.TestGenerationContext;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
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

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        ConfigValueAutoConfiguration.class,
        ConfigStoreAutoConfiguration.class,
        ConfigManagerAutoConfiguration.class,
        ConfigEnvironmentAutoConfiguration.class
    })
    @EnableConfigurationProperties(Pool.class)
    static class Application {

        @Bean
        Service service(@ConfigValue(key = "app/name", defaultValue = "nobody") Live<String> name) {
            return new Service(name);
        }

        @Bean
        Groups groups(Live<Box> box, Door door) {
            return new Groups(box, door);
        }
    }

    static class Groups {

        final Live<Box> box;
        final Door door;
        final List<String> heard = new CopyOnWriteArrayList<>();

        @Autowired
        private Pool pool;

        @Autowired
        private Live<Lamp> lamp;

        Groups(Live<Box> box, Door door) {
            this.box = box;
            this.door = door;
        }

        @ConfigListener
        void heard(Shelf shelf) {
            heard.add(shelf.name());
        }
    }

    @ConfigPrefix("box")
    record Box(
            @DefaultValue("small") String size,
            @DefaultValue Elsewhere.Content content) {}

    static class Elsewhere {
        record Key(String number) {}

        record Content(@DefaultValue("1") int count) {}
    }

    @ConfigPrefix("door")
    interface Door {
        default String color() {
            return "green";
        }

        default Map<String, Elsewhere.Key> keys() {
            return Map.of();
        }
    }

    @ConfigPrefix("lamp")
    record Lamp(@DefaultValue("60") int watt) {}

    @ConfigPrefix("shelf")
    record Shelf(@DefaultValue("low") String name) {}

    @ConfigPrefix
    @ConfigurationProperties("pool")
    static class Pool {

        private int size = 8;

        public int getSize() {
            return size;
        }

        public void setSize(int size) {
            this.size = size;
        }

        int twice() {
            return 2 * size;
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
        assertThat(generation.getGeneratedFiles().getGeneratedFiles(GeneratedFiles.Kind.CLASS))
                .containsKey(Pool.class.getName().replace('.', '/') + "$$SpringCGLIB$$0.class");
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
    void groupsAndListenersFollowInTheGeneratedApplication() {
        generated((context, hints) -> {
            Groups groups = context.getBean(Groups.class);
            assertThat(groups.box.get()).isEqualTo(new Box("small", new Elsewhere.Content(1)));
            assertThat(groups.door.color()).isEqualTo("green");
            assertThat(groups.pool.getSize()).isEqualTo(8);
            assertThat(AopUtils.isCglibProxy(groups.pool)).isTrue();
            assertThat(groups.lamp.get().watt()).isEqualTo(60);

            context.getBean(Config.class)
                    .commit(batch -> batch.set("box/size", "large")
                            .set("box/content", Map.of("count", 2))
                            .set("door/color", "red")
                            .set("door/keys/front/number", "7")
                            .set("pool/size", 9)
                            .set("lamp/watt", 40)
                            .set("shelf/name", "high"));
            await().untilAsserted(() -> assertThat(groups.heard).containsExactly("high"));
            assertThat(groups.box.get()).isEqualTo(new Box("large", new Elsewhere.Content(2)));
            assertThat(groups.door.color()).isEqualTo("red");
            assertThat(groups.door.keys()).isEqualTo(Map.of("front", new Elsewhere.Key("7")));
            assertThat(groups.pool.getSize()).isEqualTo(9);
            assertThat(groups.pool.twice()).isEqualTo(18);
            assertThat(groups.lamp.get().watt()).isEqualTo(40);
        });
    }

    @Test
    void hintsNameHowGroupsAreBoundAndProxiedAndWhatListens() {
        generated((context, hints) -> {
            try {
                assertThat(RuntimeHintsPredicates.reflection()
                                .onMethodInvocation(Groups.class.getDeclaredMethod("heard", Shelf.class)))
                        .accepts(hints);
                assertThat(RuntimeHintsPredicates.reflection()
                                .onMethodInvocation(Pool.class.getDeclaredMethod("setSize", int.class)))
                        .accepts(hints);
                assertThat(RuntimeHintsPredicates.reflection()
                                .onMethodInvocation(Pool.class.getDeclaredMethod("twice")))
                        .accepts(hints);
                assertThat(RuntimeHintsPredicates.reflection()
                                .onMethodInvocation(Door.class.getDeclaredMethod("color")))
                        .accepts(hints);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
            for (Class<?> bound : List.of(
                    Box.class, Elsewhere.Content.class, Elsewhere.Key.class, Lamp.class, Shelf.class, Pool.class)) {
                assertThat(RuntimeHintsPredicates.reflection()
                                .onConstructorInvocation(bound.getDeclaredConstructors()[0]))
                        .as(bound.getName())
                        .accepts(hints);
            }
            assertThat(RuntimeHintsPredicates.proxies().forInterfaces(Door.class))
                    .accepts(hints);
            Door door = context.getBean(Groups.class).door;
            assertThat(door).isInstanceOf(SpringProxy.class);
            assertThat(RuntimeHintsPredicates.proxies()
                            .forInterfaces(AopProxyUtils.completeJdkProxyInterfaces(Door.class)))
                    .accepts(hints);
            assertThat(RuntimeHintsPredicates.reflection()
                            .onType(context.getBean(Groups.class).pool.getClass())
                            .withMemberCategory(MemberCategory.INVOKE_DECLARED_CONSTRUCTORS))
                    .accepts(hints);
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
