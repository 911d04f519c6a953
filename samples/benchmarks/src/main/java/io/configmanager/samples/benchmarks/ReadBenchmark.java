// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.launchdarkly.sdk.LDContext;
import com.launchdarkly.sdk.LDValue;
import com.launchdarkly.sdk.server.Components;
import com.launchdarkly.sdk.server.LDClient;
import com.launchdarkly.sdk.server.LDConfig;
import com.launchdarkly.sdk.server.integrations.TestData;
import com.netflix.archaius.DefaultPropertyFactory;
import com.netflix.archaius.api.Property;
import com.netflix.archaius.config.DefaultSettableConfig;
import io.avaje.config.Configuration;
import io.configmanager.Config;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.spring.Live;
import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import io.configmanager.store.Commit;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.Operation;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.togglz.core.Feature;
import org.togglz.core.manager.FeatureManager;
import org.togglz.core.manager.FeatureManagerBuilder;
import org.togglz.core.repository.FeatureState;
import org.togglz.core.repository.mem.InMemoryStateRepository;
import org.togglz.core.user.NoOpUserProvider;

/** The price of reading one int out of a thousand keys, beside a volatile field, the bare maps, and other libraries. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
@SuppressWarnings("NullAway.Init")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class ReadBenchmark {

    private static final int KEYS = 1_000;
    private static final String KEY = "app/limits/key-500";
    private static final String DOTTED_KEY = "app.limits.key-500";

    private volatile int field = 500;
    private final ConcurrentHashMap<String, Integer> map = new ConcurrentHashMap<>();
    private final Cache<String, Integer> caffeine =
            Caffeine.newBuilder().maximumSize(10_000).recordStats().build();
    private final LDContext user = LDContext.create("user");
    private AnnotationConfigApplicationContext application;
    private Injected injected;
    private Config config;
    private Property<Integer> archaiusProperty;
    private com.netflix.archaius.api.Config archaiusConfig;
    private Configuration avaje;
    private StandardEnvironment environment;
    private LDClient launchDarkly;
    private FeatureManager togglz;

    /** An application with the starter. */
    @ImportAutoConfiguration({ConfigValueAutoConfiguration.class, ConfigManagerAutoConfiguration.class})
    static class Application {

        @Bean
        ConfigStore store() {
            MemoryConfigStore store = new MemoryConfigStore();
            List<Operation> operations = new ArrayList<>();
            for (int i = 0; i < KEYS; i++) {
                operations.add(Database.put("", "app/limits/key-" + i, Integer.toString(i)));
            }
            store.commit(Commit.of(operations, null, null));
            return store;
        }

        @Bean
        Injected injected() {
            return new Injected();
        }
    }

    static class Injected {

        @ConfigValue(KEY)
        private int field;

        @ConfigValue(KEY)
        private Live<Integer> live;
    }

    enum Flag implements Feature {
        LIMIT
    }

    @Setup
    public void setUp() {
        application = new AnnotationConfigApplicationContext(Application.class);
        injected = application.getBean(Injected.class);
        config = application.getBean(Config.class);
        DefaultSettableConfig settable = new DefaultSettableConfig();
        Map<String, Object> properties = new ConcurrentHashMap<>();
        Configuration.Builder builder = Configuration.builder();
        TestData flags = TestData.dataSource();
        for (int i = 0; i < KEYS; i++) {
            map.put("app/limits/key-" + i, i);
            caffeine.put("app/limits/key-" + i, i);
            String dotted = "app.limits.key-" + i;
            settable.setProperty(dotted, i);
            properties.put(dotted, String.valueOf(i));
            builder.put(dotted, String.valueOf(i));
            flags.update(flags.flag(dotted).valueForAll(LDValue.of(i)));
        }
        archaiusConfig = settable;
        archaiusProperty = DefaultPropertyFactory.from(settable)
                .get(DOTTED_KEY, Integer.class)
                .orElse(0);
        avaje = builder.build();
        environment = new StandardEnvironment();
        environment.getPropertySources().addLast(new MapPropertySource("test", properties));
        launchDarkly = new LDClient(
                "no-key",
                new LDConfig.Builder()
                        .dataSource(flags)
                        .events(Components.noEvents())
                        .build());
        InMemoryStateRepository states = new InMemoryStateRepository();
        states.setFeatureState(new FeatureState(Flag.LIMIT, true));
        togglz = new FeatureManagerBuilder()
                .featureEnum(Flag.class)
                .stateRepository(states)
                .userProvider(new NoOpUserProvider())
                .build();
        int sum =
                injected.field + injected.live.get() + configGet() + archaiusConfig() + avajeConfig() + launchDarkly();
        if (sum != 6 * 500 || !togglz()) {
            throw new IllegalStateException("Not everybody reads the same: " + sum);
        }
    }

    @TearDown
    public void tearDown() throws IOException {
        application.close();
        launchDarkly.close();
    }

    @Benchmark
    public int volatileField() {
        return field;
    }

    @Benchmark
    public int injectedField() {
        return injected.field;
    }

    @Benchmark
    public Integer live() {
        return injected.live.get();
    }

    @Benchmark
    public @Nullable Integer concurrentHashMap() {
        return map.get(KEY);
    }

    @Benchmark
    public @Nullable Integer caffeine() {
        return caffeine.getIfPresent(KEY);
    }

    @Benchmark
    public Integer configGet() {
        return config.get(KEY, Integer.class);
    }

    @Benchmark
    public Integer configGetAbsent() {
        return config.get("app/limits/absent", Integer.class, 7);
    }

    @Benchmark
    public Integer archaiusProperty() {
        return archaiusProperty.get();
    }

    @Benchmark
    public Integer archaiusConfig() {
        return archaiusConfig.getInteger(DOTTED_KEY);
    }

    @Benchmark
    public int avajeConfig() {
        return avaje.getInt(DOTTED_KEY);
    }

    @Benchmark
    public @Nullable Integer springEnvironment() {
        return environment.getProperty(DOTTED_KEY, Integer.class);
    }

    @Benchmark
    public int launchDarkly() {
        return launchDarkly.intVariation(DOTTED_KEY, user, 0);
    }

    @Benchmark
    public boolean togglz() {
        return togglz.isActive(Flag.LIMIT);
    }
}
