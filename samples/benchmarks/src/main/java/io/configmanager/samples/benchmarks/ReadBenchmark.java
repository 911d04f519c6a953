// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.netflix.archaius.DefaultPropertyFactory;
import com.netflix.archaius.api.Property;
import com.netflix.archaius.config.DefaultSettableConfig;
import io.avaje.config.Configuration;
import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.MemoryConfigStore;
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
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;

/**
 * The price of reading one int out of a thousand keys, beside a volatile field, the bare maps, and other libraries. What a
 * field that follows its key costs is the volatile field.
 */
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
    private ConfigManager manager;
    private Config config;
    private Property<Integer> archaiusProperty;
    private com.netflix.archaius.api.Config archaiusConfig;
    private Configuration avaje;
    private StandardEnvironment environment;

    @Setup
    public void setUp() {
        manager = ConfigManagerBuilder.forStore(new MemoryConfigStore()).build();
        manager.connect();
        config = manager.namespace("");
        DefaultSettableConfig settable = new DefaultSettableConfig();
        Map<String, Object> properties = new ConcurrentHashMap<>();
        Configuration.Builder builder = Configuration.builder();
        for (int i = 0; i < KEYS; i++) {
            int value = i;
            config.set("app/limits/key-" + i, value);
            map.put("app/limits/key-" + i, value);
            caffeine.put("app/limits/key-" + i, value);
            String dotted = "app.limits.key-" + i;
            settable.setProperty(dotted, value);
            properties.put(dotted, String.valueOf(value));
            builder.put(dotted, String.valueOf(value));
        }
        manager.sync(java.time.Duration.ofSeconds(5));
        archaiusConfig = settable;
        archaiusProperty = DefaultPropertyFactory.from(settable)
                .get(DOTTED_KEY, Integer.class)
                .orElse(0);
        avaje = builder.build();
        environment = new StandardEnvironment();
        environment.getPropertySources().addLast(new MapPropertySource("test", properties));
    }

    @TearDown
    public void tearDown() {
        manager.close();
    }

    @Benchmark
    public int volatileField() {
        return field;
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
}
