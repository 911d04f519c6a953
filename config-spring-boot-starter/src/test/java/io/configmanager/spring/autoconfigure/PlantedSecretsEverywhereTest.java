// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import static io.configmanager.PlantedSecrets.SECRET;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import io.configmanager.Condition;
import io.configmanager.Config;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import io.configmanager.KeyState;
import io.configmanager.Outbox;
import io.configmanager.PlantedSecrets;
import io.configmanager.QueuedWrite;
import io.configmanager.ValueType;
import io.configmanager.Watcher;
import io.configmanager.WriteOptions;
import io.configmanager.spring.ConfigBindings;
import io.configmanager.spring.ConfigChangedEvent;
import io.configmanager.spring.ConfigListener;
import io.configmanager.spring.ConfigPrefix;
import io.configmanager.spring.ConfigRejectedEvent;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.Live;
import io.configmanager.store.Commit;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Operation;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import jakarta.validation.constraints.Size;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.bootstrap.BootstrapRegistry.InstanceSupplier;
import org.springframework.boot.bootstrap.BootstrapRegistry.Scope;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.boot.web.server.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;

/**
 * An application whose secrets are planted wherever they come in. Everything that comes out is searched: answers, meters,
 * traces, exceptions, texts of objects, and, by {@link PlantedSecrets}, what is printed.
 */
class PlantedSecretsEverywhereTest {

    private static final String BODY = "{\"value\":\"" + SECRET + "\",\"secret\":true}";

    @TempDir
    private Path directory;

    private final SwitchableStore store = new SwitchableStore();
    private final HttpClient client = HttpClient.newHttpClient();
    private final List<String> outside = new ArrayList<>();

    private final List<String> spans = new CopyOnWriteArrayList<>();

    private record Shared(SwitchableStore store, List<String> spans) {}

    @ConfigPrefix("account")
    record Account(
            @Size(max = 3, message = "'${validatedValue}' is too long") @DefaultValue("abc")
            String password,

            @DefaultValue("1") int number,
            @DefaultValue("1s") Duration timeout) {}

    static class Targets {
        @ConfigValue(key = "number", defaultValue = "1")
        int number;

        @ConfigValue(key = "password", defaultValue = "none")
        String password = "";

        @Value("${app.password:none}")
        String imported = "";

        final Live<Account> account;
        final List<Object> told = new CopyOnWriteArrayList<>();

        Targets(Live<Account> account) {
            this.account = account;
        }

        @ConfigValue(key = "refused", defaultValue = "none")
        void refuse(String value) {
            if (!value.equals("none")) {
                throw new IllegalArgumentException("refuses " + value);
            }
        }

        @ConfigListener(keys = "password")
        void changed(ConfigChangeSet changes) {
            told.add(changes);
        }

        @EventListener
        void on(ConfigChangedEvent event) {
            told.add(event);
        }

        @EventListener
        void on(ConfigRejectedEvent event) {
            told.add(event);
        }
    }

    record Required(@ConfigValue("password") int number) {}

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration(
            excludeName = {
                "org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration",
                "org.springframework.boot.mongodb.autoconfigure.MongoAutoConfiguration",
                "org.springframework.boot.data.mongodb.autoconfigure.DataMongoAutoConfiguration"
            })
    static class Application {

        @Bean
        ConfigStore store(Shared shared) {
            return shared.store().store();
        }

        @Bean
        ObservationHandler<Observation.Context> spans(Shared shared) {
            return new ObservationHandler<>() {
                @Override
                public void onStop(Observation.Context context) {
                    Throwable error = context.getError();
                    shared.spans().add(context + (error == null ? "" : stackTrace(error)));
                }

                @Override
                public boolean supportsContext(Observation.Context context) {
                    return true;
                }
            };
        }
    }

    private ConfigurableApplicationContext run(SwitchableStore store, Class<?> beans) {
        SpringApplication application = new SpringApplication(Application.class, beans);
        application.setRegisterShutdownHook(false);
        application.setBannerMode(Banner.Mode.OFF);
        application.setLogStartupInfo(false);
        application.addBootstrapRegistryInitializer(registry -> registry.register(
                ConfigStore.class,
                InstanceSupplier.<ConfigStore>from(() -> store.memory.another()).withScope(Scope.PROTOTYPE)));
        application.addInitializers(
                context -> context.getBeanFactory().registerSingleton("shared", new Shared(store, spans)));
        application.setDefaultProperties(Map.of("spring.config.import", "config:"));
        return application.run(
                "--server.port=0",
                "--server.address=127.0.0.1",
                "--management.endpoints.web.exposure.include=*",
                "--management.endpoint.config.show-values=always",
                "--management.endpoint.config.access=unrestricted",
                "--management.endpoint.configoutbox.access=unrestricted",
                "--management.endpoint.env.show-values=always",
                "--management.endpoint.configprops.show-values=always",
                "--management.endpoint.health.show-details=always",
                "--config.watch.last-retry=100ms",
                "--logging.level.io.configmanager=TRACE",
                "--config.outbox.enabled=true",
                "--config.outbox.pending-interval=100ms",
                "--config.outbox.directory=" + directory);
    }

    @AfterEach
    void quiet() {
        LoggingSystem.get(getClass().getClassLoader()).setLogLevel("io.configmanager", null);
    }

    @Test
    void noSecretComesOut() throws Exception {
        plant("app/password", "\"" + SECRET + "\"", ValueType.SECRET);
        plant("logging/level/com.example", "\"" + SECRET + "\"", ValueType.SECRET);
        plant("broken", "{\"" + SECRET, ValueType.SECRET);
        plant("other", "x", "my-codec", ValueType.SECRET);
        try (ConfigurableApplicationContext context = run(store, Targets.class)) {
            int port = ((ServletWebServerApplicationContext) context)
                    .getWebServer()
                    .getPort();
            String base = "http://127.0.0.1:" + port + "/actuator";
            Targets targets = context.getBean(Targets.class);
            assertThat(targets.imported).isEqualTo(SECRET);
            Config config = context.getBean(Config.class);

            write(base, targets);
            reject(base, context);
            throwing(config);
            Watcher<KeyState<String>> watcher = config.watch("password", String.class);
            say(watcher.poll(), watcher);
            away(base, context);
            read(base);

            say(config.entry("password"), config.view(), config.find(ConfigFilter.ALL, 100, null), config);
            say(config.view().entries(), config.history("password", 100, null));
            say(store.memory.get("", "password"), store.memory.snapshot(Set.of(""), 100));
            say(store.memory.changes("", Instant.EPOCH, 100, null), store.memory.list("", ConfigFilter.ALL, 9, null));
            say(targets.told, targets.account, config.draft("x", SECRET, WriteOptions.DEFAULT));
            ConfigBindings bindings = context.getBean(ConfigBindings.class);
            say(
                    bindings.bindings(),
                    bindings.tryOut("", "number", config.draft("number", SECRET, WriteOptions.DEFAULT)));
            ConfigManager manager = context.getBean(ConfigManager.class);
            say(manager, manager.health(), manager.watchStatus(), manager.activeNamespaces(), manager.outbox());
            for (Meter meter : context.getBean(MeterRegistry.class).getMeters()) {
                say(meter.getId());
            }
            Thread.getAllStackTraces().keySet().forEach(this::say);
        }
        SwitchableStore same = new SwitchableStore();
        same.memory = store.memory.another();
        Throwable refused = catchThrowable(() -> run(same, Required.class).close());
        assertThat(refused).isNotNull();
        say(stackTrace(refused));

        assertThat(spans)
                .anyMatch(span -> span.contains("config.store"))
                .anyMatch(span -> span.contains("config.apply"));
        outside.addAll(spans);
        assertThat(outside).hasSizeGreaterThan(80);
        assertThat(outside).noneMatch(String::isEmpty);
        assertThat(PlantedSecrets.leaksIn(String.join("\n", outside))).isEmpty();
    }

    /** The search sees what this module's tests print, and what this test collects. */
    @Test
    void noTextOfPropertiesHasASecret() {
        assertThat(List.of(
                        new ConfigProperties.Snapshot(true, null, SECRET),
                        new PostgresConfigStoreProperties.Listener(
                                "jdbc:postgresql:x?password=" + SECRET, "me", SECRET),
                        new MongoConfigStoreProperties.Feed("mongodb://me:" + SECRET + "@there")))
                .allSatisfy(properties -> assertThat(properties.toString()).doesNotContain(SECRET));
    }

    @Test
    void theSearchIsAtWork() {
        System.out.println("printed " + SECRET);
        assertThat(PlantedSecrets.takeLeaks()).containsExactly("printed <<planted secret>>");
        say(Map.of("kept", SECRET));
        assertThat(PlantedSecrets.leaksIn(String.join("\n", outside))).hasSize(1);
    }

    private void write(String base, Targets targets) throws Exception {
        http("POST", base + "/config/_/password", BODY);
        assertThat(targets.password).isEqualTo(SECRET);
        http("POST", base + "/config/_/password", "{\"value\":\"second\"}");
        http("POST", base + "/config/_/password", "{\"rollback\":1,\"dryRun\":true}");
        http("POST", base + "/config/_/password", "{\"rollback\":1}");
        http("POST", base + "/config/_/password", "{\"value\":\"" + SECRET + "\",\"version\":1}");
        http("POST", base + "/config/_/password", "{\"value\":\"" + SECRET.repeat(200_000) + "\",\"secret\":true}");
        http("POST", base + "/config/_/password", "{\"value\":\"" + SECRET + "\",\"vesion\":1}");
        http("POST", base + "/config/_/password", "{\"value\":\"" + SECRET);
        plant("plain", "\"" + SECRET + "\"", ValueType.STRING);
        http("POST", base + "/config/_/plain", "{\"value\":\"x\",\"secret\":true}");
        http("DELETE", base + "/config/_/plain?dryRun=true", null);
        http("DELETE", base + "/config/_/plain", null);
        http("POST", base + "/config/_/plain", "{\"value\":\"y\"}");
    }

    private void reject(String base, ConfigurableApplicationContext context) throws Exception {
        ConfigBindings bindings = context.getBean(ConfigBindings.class);
        for (String key : List.of("number", "account/password", "account/number", "account/timeout", "refused")) {
            http("POST", base + "/config/_/" + key, BODY.replace("}", ",\"dryRun\":true}"));
            long errors = bindings.errors();
            http("POST", base + "/config/_/" + key, BODY);
            await().until(() -> bindings.errors() > errors);
        }
        http("POST", base + "/config/_/account", "{\"value\":{\"number\":\"" + SECRET + "\"},\"secret\":true}");
        http("POST", base + "/config/_/logging/level/com.example", BODY);
    }

    private void throwing(Config config) {
        List<ThrowingCallable> calls = List.of(
                () -> config.get("password", Integer.class),
                () -> config.get("password", Duration.class),
                () -> config.get("password", Account.class),
                () -> config.get("broken", String.class),
                () -> config.get("other", String.class),
                () -> config.set("password", SECRET, WriteOptions.createOnly()),
                () -> config.set("password", SECRET.repeat(200_000), WriteOptions.DEFAULT.asSecret()),
                () -> config.set("password", new Unwritable(SECRET)));
        for (ThrowingCallable call : calls) {
            Throwable thrown = catchThrowable(call);
            assertThat(thrown).isNotNull();
            say(stackTrace(thrown));
        }
    }

    record Unwritable(String password) {
        public String getOther() {
            if (password.equals(SECRET)) {
                throw new IllegalStateException("cannot write " + password);
            }
            return password;
        }
    }

    private void away(String base, ConfigurableApplicationContext context) throws Exception {
        store.goAway();
        assertThat(http("POST", base + "/config/_/queued", BODY)).isEqualTo(202);
        Config config = context.getBean(Config.class);
        say(config.set("pending", SECRET, WriteOptions.DEFAULT.asSecret()));
        http("GET", base + "/config/_/queued?explain=true", null);
        http("GET", base + "/configoutbox", null);
        http("GET", base + "/health", null);
        plant("queued", "\"" + SECRET + " of others\"", ValueType.SECRET);
        store.comeBack();
        Outbox outbox = context.getBean(ConfigManager.class).outbox().orElseThrow();
        await().until(() -> outbox.stats().conflicts() == 1 && outbox.stats().pending() == 0);
        say(outbox.writes(), outbox.stats());
        http("GET", base + "/configoutbox?state=conflict", null);
        QueuedWrite write = outbox.writes().get(0);
        http("POST", base + "/configoutbox/" + write.id(), "{\"action\":\"force\"}");
        await().until(() -> outbox.stats().pending() == 0);
    }

    private void read(String base) throws Exception {
        for (String path : List.of("/broken", "/other")) {
            assertThat(http("GET", base + "/config/_" + path, null)).as(path).isEqualTo(404);
            assertThat(http("GET", base + "/config/_" + path + "?history=true", null))
                    .as(path)
                    .isEqualTo(200);
        }
        for (String path : List.of(
                "/config",
                "/config/_",
                "/config/_?changes=true",
                "/config/_?limit=" + SECRET.length(),
                "/config/_/password",
                "/config/_/password?history=true",
                "/config/_/password?history=true&limit=1",
                "/config/_/password?explain=true",
                "/config/_/plain?history=true",
                "/config/_/plain?explain=true",
                "/config/_/queued?history=true",
                "/config/_/number?explain=true",
                "/config/_/account/password?explain=true",
                "/config/_/app/password?explain=true",
                "/config/_/broken?explain=true",
                "/health",
                "/health/config",
                "/env",
                "/env/app.password",
                "/configprops",
                "/beans",
                "/conditions",
                "/loggers",
                "/metrics",
                "/metrics/config.binding.errors",
                "/mappings",
                "/threaddump")) {
            assertThat(http("GET", base + path, null)).as(path).isLessThan(path.startsWith("/config") ? 201 : 500);
        }
    }

    private int http(String method, String uri, @Nullable String body) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(uri))
                .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body))
                .header("Content-Type", "application/json")
                .build();
        HttpResponse<String> answer = client.send(request, BodyHandlers.ofString());
        say(answer.statusCode() + " " + answer.headers().map() + " " + answer.body());
        return answer.statusCode();
    }

    private void plant(String key, String value, ValueType type) {
        plant(key, value, "json", type);
    }

    private void plant(String key, String value, String codec, ValueType type) {
        Commit commit =
                Commit.of(List.of(new Operation.Put("", key, value, codec, type, null, Condition.ALWAYS)), null, null);
        say(commit, store.memory.commit(commit));
    }

    private void say(@Nullable Object... things) {
        for (Object thing : things) {
            outside.add(String.valueOf(thing));
        }
    }

    private static String stackTrace(Throwable thrown) {
        StringWriter trace = new StringWriter();
        thrown.printStackTrace(new PrintWriter(trace));
        return trace.toString();
    }
}
