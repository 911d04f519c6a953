// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import io.configmanager.WriteOptions;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.MemoryConfigStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.actuate.endpoint.SanitizingFunction;
import org.springframework.boot.actuate.endpoint.Show;
import org.springframework.boot.actuate.env.EnvironmentEndpoint;
import org.springframework.boot.actuate.env.EnvironmentEndpoint.EnvironmentEntryDescriptor;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.bootstrap.BootstrapRegistry.InstanceSupplier;
import org.springframework.boot.bootstrap.BootstrapRegistry.Scope;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.cloud.autoconfigure.RefreshAutoConfiguration;
import org.springframework.cloud.context.environment.EnvironmentChangeEvent;
import org.springframework.cloud.context.refresh.ContextRefresher;
import org.springframework.context.ApplicationListener;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;

/** {@code spring.config.import=config:} in applications on a memory store. */
class ConfigImportTest {

    @TempDir
    private Path directory;

    private final MemoryConfigStore store = new MemoryConfigStore();

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        ConfigValueAutoConfiguration.class,
        ConfigStoreAutoConfiguration.class,
        ConfigManagerAutoConfiguration.class,
        ConfigEnvironmentAutoConfiguration.class
    })
    @EnableConfigurationProperties(Limits.class)
    static class Application {

        @Bean
        Holder holder(@Value("${app.limits.max:0}") int max) {
            return new Holder(max);
        }

        @Bean
        ConfigStore store(Shared shared) {
            return shared.store().another();
        }
    }

    record Holder(int max) {}

    record Shared(MemoryConfigStore store) {}

    @ConfigurationProperties("app.limits")
    record Limits(
            int max,
            @Nullable Duration maxWait,
            @Nullable List<String> colors,
            @Nullable Map<String, Integer> of) {}

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        ConfigValueAutoConfiguration.class,
        ConfigStoreAutoConfiguration.class,
        ConfigManagerAutoConfiguration.class,
        ConfigEnvironmentAutoConfiguration.class
    })
    static class Child {}

    private ConfigurableApplicationContext run(Consumer<SpringApplication> customizer, String... arguments) {
        return run(Application.class, customizer, arguments);
    }

    private ConfigurableApplicationContext run(
            Class<?> type, Consumer<SpringApplication> customizer, String... arguments) {
        SpringApplication application = new SpringApplication(type);
        application.setWebApplicationType(WebApplicationType.NONE);
        application.setRegisterShutdownHook(false);
        application.setBannerMode(Banner.Mode.OFF);
        application.setLogStartupInfo(false);
        application.addBootstrapRegistryInitializer(registry -> registry.register(
                ConfigStore.class,
                InstanceSupplier.<ConfigStore>from(store::another).withScope(Scope.PROTOTYPE)));
        application.addInitializers(context -> context.getBeanFactory().registerSingleton("shared", new Shared(store)));
        application.setDefaultProperties(Map.of("spring.config.location", directory + "/"));
        customizer.accept(application);
        return application.run(arguments);
    }

    private ConfigurableApplicationContext run(String... arguments) {
        return run(application -> {}, arguments);
    }

    private void file(String name, String... lines) throws IOException {
        Files.write(directory.resolve(name), List.of(lines));
    }

    /** As another instance would. */
    private void write(String namespace, Consumer<Config> writes) {
        try (ConfigManager other =
                ConfigManagerBuilder.forStore(store.another()).build()) {
            other.connect();
            writes.accept(other.namespace(namespace));
        }
    }

    @Test
    void valuesAndConfigurationPropertiesSeeTheEntries() throws IOException {
        file("application.properties", "spring.config.import=config:", "app.limits.max=1");
        write("", config -> {
            config.set("app/limits/max", 2);
            config.set("app/limits/maxWait", "5s");
            config.set("app/limits", Map.of("colors", List.of("red", "green"), "of", Map.of("a", 1)));
        });
        try (var context = run()) {
            assertThat(context.getBean(Holder.class).max()).isEqualTo(2);
            assertThat(context.getBean(Limits.class))
                    .isEqualTo(new Limits(2, Duration.ofSeconds(5), List.of("red", "green"), Map.of("a", 1)));
            assertThat(context.getEnvironment().getProperty("app.limits.max-wait"))
                    .isEqualTo("5s");
            assertThat(context.getEnvironment().getProperty("app.limits.colors[1]"))
                    .isEqualTo("green");
        }
    }

    /** Complaint 24: precedence surprises; no local override for development. */
    @Test
    void commandLineSystemPropertiesAndEnvironmentVariablesWin() throws IOException {
        file("application.properties", "spring.config.import=config:", "app.a=file", "app.e=file");
        write("", config -> {
            for (String key : List.of("app/a", "app/b", "app/c", "app/d")) {
                config.set(key, "entry");
            }
        });
        StandardEnvironment environment = new StandardEnvironment();
        environment
                .getPropertySources()
                .replace(
                        "systemProperties",
                        new MapPropertySource(
                                "systemProperties",
                                Map.of(
                                        "app.c",
                                        "system property",
                                        "logging.config",
                                        System.getProperty("logging.config", ""))));
        environment
                .getPropertySources()
                .replace(
                        "systemEnvironment",
                        new SystemEnvironmentPropertySource("systemEnvironment", Map.of("APP_D", "environment")));
        try (var context = run(application -> application.setEnvironment(environment), "--app.b=command line")) {
            assertThat(List.of("app.a", "app.b", "app.c", "app.d", "app.e").stream()
                            .map(context.getEnvironment()::getProperty))
                    .containsExactly("entry", "command line", "system property", "environment", "file");
        }
    }

    @Test
    void laterNamespacesWinAndThoseOfProfilesWinOverAll() throws IOException {
        file(
                "application.properties",
                "spring.config.import=config:shared,config:shop",
                "spring.profiles.active=eu,prod");
        file("application-prod.properties", "from=profile file", "file.or.shop=profile file");
        for (String namespace : List.of("shared", "shop", "shared-prod", "shop-eu", "shop-prod")) {
            write(namespace, config -> {
                config.set("in/" + namespace, true);
                config.set("from", namespace);
                if (!namespace.contains("-")) {
                    config.set("base", namespace);
                    config.set("file/or/shop", namespace);
                }
                if (!namespace.equals("shop-prod")) {
                    config.set("without/prod", namespace);
                }
            });
        }
        try (var context = run()) {
            ConfigurableEnvironment environment = context.getEnvironment();
            for (String namespace : List.of("shared", "shop", "shared-prod", "shop-eu", "shop-prod")) {
                assertThat(environment.getProperty("in." + namespace)).isEqualTo("true");
            }
            assertThat(environment.getProperty("base")).isEqualTo("shop");
            assertThat(environment.getProperty("without.prod")).isEqualTo("shop-eu");
            assertThat(environment.getProperty("file.or.shop")).isEqualTo("profile file");
            assertThat(environment.getProperty("from")).isEqualTo("shop-prod");
        }
    }

    @Test
    void theImportNamesItsNamespaceOrTakesTheConfiguredOne() throws IOException {
        file("application.properties", "spring.config.import=config:,config:_", "config.namespace=tenant");
        write("tenant", config -> config.set("a", "tenant"));
        write("", config -> config.set("b", "default"));
        try (var context = run("--spring.profiles.active=x+y")) {
            assertThat(context.getEnvironment().getProperty("a")).isEqualTo("tenant");
            assertThat(context.getEnvironment().getProperty("b")).isEqualTo("default");
        }
        assertThatThrownBy(() -> run("--spring.config.import=config:no/namespace"))
                .hasMessageContaining("no/namespace");
    }

    /** Complaints 16 and 10: a listener still reads the old value; a deletion does not restore the default. */
    @Test
    void theEnvironmentIsCurrentWhenListenersAreTold() throws Exception {
        file("application.properties", "spring.config.import=config:", "app.x=file");
        try (var context = run()) {
            ConfigurableEnvironment environment = context.getEnvironment();
            assertThat(environment.getProperty("app.x")).isEqualTo("file");
            BlockingQueue<String> seen = new LinkedBlockingQueue<>();
            context.getBean(Config.class)
                    .listen(ConfigFilter.ALL, changes -> seen.add(environment.getProperty("app.x", "nothing")));
            write("", config -> config.set("app/x", "one"));
            assertThat(seen.poll(10, TimeUnit.SECONDS)).isEqualTo("one");
            write("", config -> config.set("app/x", "two"));
            assertThat(seen.poll(10, TimeUnit.SECONDS)).isEqualTo("two");
            write("", config -> config.delete("app/x"));
            assertThat(seen.poll(10, TimeUnit.SECONDS)).isEqualTo("file");
        }
    }

    @Test
    void theEnvironmentOfAChildContextFollowsTheManagerOfItsParent() throws IOException {
        file("application.properties", "spring.config.import=config:", "app.x=file");
        try (var parent = run();
                var child = run(
                        Child.class,
                        application -> application.addInitializers(context -> context.setParent(parent)))) {
            assertThat(child.getEnvironment().getProperty("app.x")).isEqualTo("file");
            write("", config -> config.set("app/x", "one"));
            await().until(() -> "one".equals(child.getEnvironment().getProperty("app.x")));
        }
    }

    /** Complaint 4: no atomic change of several keys. */
    @Test
    void severalPropertiesOfOneChangeSetAppearTogether() throws IOException {
        file("application.properties", "spring.config.import=config:");
        try (var context = run()) {
            for (int i = 0; i < 50; i++) {
                int number = i;
                write(
                        "",
                        config -> config.commit(
                                batch -> batch.set("a/" + number, 1).set("b/" + number, 1)));
                await().until(() -> context.getEnvironment().containsProperty("a." + number));
                assertThat(context.getEnvironment().containsProperty("b." + number))
                        .isTrue();
            }
        }
    }

    /** Complaint 20: secrets are shown. */
    @Test
    void theEndpointShowsOriginsButNoSecret() throws IOException {
        file("application.properties", "spring.config.import=config:shop");
        write("shop", config -> {
            config.set("app/x", "plain");
            config.set("app/password", "swordfish", WriteOptions.DEFAULT.asSecret());
        });
        try (var context = run()) {
            EnvironmentEndpoint endpoint = new EnvironmentEndpoint(
                    context.getEnvironment(),
                    context.getBeanProvider(SanitizingFunction.class)
                            .orderedStream()
                            .toList(),
                    Show.ALWAYS);
            assertThat(context.getEnvironment().getProperty("app.password")).isEqualTo("swordfish");
            EnvironmentEntryDescriptor shown = endpoint.environmentEntry("app.x");
            assertThat(shown.getProperty().getSource()).isEqualTo("config:shop");
            assertThat(shown.getProperty().getValue()).isEqualTo("plain");
            assertThat(endpoint.environment("app.x").getPropertySources().stream()
                            .filter(source -> source.getName().equals("config:shop"))
                            .map(source -> source.getProperties().get("app.x").getOrigin()))
                    .containsExactly("config entry 'app/x' of namespace 'shop', version 1, revision 1");
            assertThat(endpoint.environmentEntry("app.password").getProperty().getValue())
                    .isEqualTo("******");
        }
    }

    @Test
    void springCloudIsToldOfTheChangedProperties() throws Exception {
        file("application.properties", "spring.config.import=config:");
        BlockingQueue<EnvironmentChangeEvent> events = new LinkedBlockingQueue<>();
        ApplicationListener<EnvironmentChangeEvent> listener = events::add;
        try (var context = run(application -> application.addListeners(listener))) {
            write("", config -> config.commit(batch -> batch.set("app/x", 1).set("app/limits", Map.of("max", 1))));
            assertThat(events.poll(10, TimeUnit.SECONDS).getKeys()).containsExactly("app.limits.max", "app.x");
            write("", config -> config.set("app/limits", Map.of("min", 1)));
            assertThat(events.poll(10, TimeUnit.SECONDS).getKeys()).containsExactly("app.limits.max", "app.limits.min");
            assertThat(context.getEnvironment().getProperty("app.limits.min")).isEqualTo("1");
        }
    }

    @Test
    void aRefreshOfSpringCloudLeavesItLive() throws IOException {
        file("application.properties", "spring.config.import=config:", "app.x=file");
        write("", config -> config.set("app/x", "one"));
        try (var context = run(application -> application.addPrimarySources(List.of(RefreshAutoConfiguration.class)))) {
            file("application.properties", "spring.config.import=config:", "app.y=new");

            assertThat(context.getBean(ContextRefresher.class).refresh()).containsExactly("app.y");
            assertThat(context.getEnvironment().getProperty("app.x")).isEqualTo("one");
            write("", config -> config.set("app/x", "two"));
            await().untilAsserted(() ->
                    assertThat(context.getEnvironment().getProperty("app.x")).isEqualTo("two"));
        }
    }

    /** What an entry says about the import itself comes too late to matter. */
    @Test
    void anEntryDoesNotMoveTheImport() throws IOException {
        file("application.properties", "spring.config.import=config:");
        write("", config -> config.set("config/namespace", "elsewhere"));
        try (var context = run()) {
            write("", config -> config.set("app/x", "here"));
            await().untilAsserted(() ->
                    assertThat(context.getEnvironment().getProperty("app.x")).isEqualTo("here"));
        }
    }

    @Test
    void withoutConfigNothingIsImported() throws IOException {
        file("application.properties", "spring.config.import=config:", "config.enabled=false");
        write("", config -> config.set("app/x", "entry"));
        try (var context = run()) {
            assertThat(context.getEnvironment().getProperty("app.x")).isNull();
        }
    }
}
