// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.spring.InMemory;
import io.configmanager.store.MemoryConfigStore;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.logging.LogLevel;
import org.springframework.boot.logging.LoggerConfiguration;
import org.springframework.boot.logging.LoggerGroups;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** Complaint 23: what is not a bean does not follow; here log levels. */
class ConfigLogLevelsTest {

    private static final String A = "test.levels.A";
    private static final String B = "test.levels.B";

    private final LoggingSystem logging = LoggingSystem.get(getClass().getClassLoader());
    private final MemoryConfigStore store = new MemoryConfigStore();
    private final ApplicationContextRunner runner = InMemory.runner(
                    store::another, ConfigEnvironmentAutoConfiguration.class)
            .withBean(LoggingSystem.class, () -> logging)
            .withBean(LoggerGroups.class, () -> new LoggerGroups(Map.of("pair", List.of(A, B))));

    @BeforeEach
    void inherit() {
        logging.setLogLevel(A, null);
        logging.setLogLevel(B, null);
    }

    @Test
    void aLevelFollowsItsEntryAndReturnsToWhatItWas() {
        logging.setLogLevel(A, LogLevel.ERROR);
        runner.run(context -> {
            Config config = context.getBean(Config.class);
            config.set("logging/level/" + A, "debug");
            config.set("logging/level/test/levels/B", false);
            becomes(A, LogLevel.DEBUG);
            becomes(B, LogLevel.OFF);

            config.set("logging/level/" + A, "loud");
            config.set("logging/level/" + B, "TRACE");
            becomes(B, LogLevel.TRACE);
            assertThat(levelOf(A)).isEqualTo(LogLevel.DEBUG);

            config.delete("logging/level/" + A);
            config.delete("logging/level/" + B);
            config.delete("logging/level/test/levels/B");
            becomes(A, LogLevel.ERROR);
            becomes(B, null);
        });
    }

    @Test
    void groupsAndTheRoot() {
        LogLevel root = levelOf("ROOT");
        runner.run(context -> {
            Config config = context.getBean(Config.class);
            config.commit(batch -> batch.set("logging/level/pair", "info").set("logging/level/root", "error"));
            becomes(A, LogLevel.INFO);
            becomes(B, LogLevel.INFO);
            becomes("ROOT", LogLevel.ERROR);
            config.commit(batch -> batch.delete("logging/level/pair").delete("logging/level/root"));
            becomes(A, null);
            becomes("ROOT", root);
        });
    }

    @Test
    void anEntryOfTheStartCountsAndWithoutItTheEnvironmentDecides() {
        logging.setLogLevel(A, LogLevel.WARN);
        runner.withPropertyValues("logging.level." + A + "=warn").run(context -> {
            context.getBean(Config.class).set("logging/level/" + A, "debug");
            becomes(A, LogLevel.DEBUG);
        });
        logging.setLogLevel(A, LogLevel.WARN);
        runner.withPropertyValues("logging.level." + A + "=info").run(context -> {
            assertThat(levelOf(A)).isEqualTo(LogLevel.DEBUG);
            context.getBean(Config.class).delete("logging/level/" + A);
            becomes(A, LogLevel.INFO);
        });
    }

    /** As with an import: what Boot has set at the start came from the entry. */
    @Test
    void aLevelThatIsTheEntrysOwnGoesWithIt() {
        runner.run(context -> context.getBean(Config.class).set("logging/level/" + A, "debug"));
        logging.setLogLevel(A, LogLevel.DEBUG);
        runner.withPropertyValues("logging.level." + A + "=debug").run(context -> {
            context.getEnvironment().getPropertySources().remove("test");
            context.getBean(Config.class).delete("logging/level/" + A);
            becomes(A, null);
        });
    }

    @Test
    void canBeSwitchedOff() {
        runner.withPropertyValues("config.log-levels=false")
                .run(context -> assertThat(context).doesNotHaveBean(ConfigLogLevels.class));
    }

    private void becomes(String logger, @Nullable LogLevel level) {
        await().untilAsserted(() -> assertThat(levelOf(logger)).isEqualTo(level));
    }

    private @Nullable LogLevel levelOf(String logger) {
        LoggerConfiguration configuration = logging.getLoggerConfiguration(logger);
        return configuration == null
                ? null
                : Objects.requireNonNull(configuration).getConfiguredLevel();
    }
}
