// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.Config;
import io.configmanager.ConfigChange;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.Page;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.boot.convert.ApplicationConversionService;
import org.springframework.boot.logging.LogLevel;
import org.springframework.boot.logging.LoggerConfiguration;
import org.springframework.boot.logging.LoggerGroup;
import org.springframework.boot.logging.LoggerGroups;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.core.convert.ConversionException;
import org.springframework.core.env.Environment;

/**
 * Loggers and logger groups have the level of their entry {@code logging/level/…} while there is one. Without it they have
 * the one of the environment, else the one they had before.
 */
final class ConfigLogLevels implements SmartInitializingSingleton {

    private static final Logger log = LoggerFactory.getLogger(ConfigLogLevels.class);
    private static final String PREFIX = "logging/level/";
    private static final int PAGE = 1_000;

    private final Config config;
    private final LoggingSystem logging;
    private final LoggerGroups groups;
    private final Environment environment;

    /** Levels before there was an entry; null is inherited. */
    private final Map<String, @Nullable LogLevel> before = new HashMap<>();

    ConfigLogLevels(Config config, LoggingSystem logging, LoggerGroups groups, Environment environment) {
        this.config = config;
        this.logging = logging;
        this.groups = groups;
        this.environment = environment;
    }

    /** Listens first: whatever comes between is set twice, and each time to what is newest. */
    @Override
    public void afterSingletonsInstantiated() {
        ConfigFilter filter = ConfigFilter.prefix(PREFIX);
        config.listen(
                filter,
                changes -> changes.changes().stream().map(ConfigChange::key).forEach(this::set));
        String cursor = null;
        do {
            Page<ConfigEntry> page = config.find(filter, PAGE, cursor);
            page.items().stream().map(ConfigEntry::key).forEach(this::set);
            cursor = page.cursor();
        } while (!cursor.isEmpty());
    }

    private synchronized void set(String key) {
        String name = key.substring(PREFIX.length()).replace('/', '.');
        ConfigEntry entry = config.stored(key).orElse(null);
        boolean present = entry != null;
        // A word needs no decoding but for its quotes.
        LogLevel level = entry == null ? null : level(entry.value().replace("\"", ""));
        if (present && level == null) {
            log.warn("The value of '{}' is no log level; the last one stays", key);
            return;
        }
        LogLevel configured = level(environment.getProperty("logging.level." + name));
        LoggerGroup group = groups.get(name);
        for (String logger : group != null && group.hasMembers() ? group.getMembers() : List.of(name)) {
            String known =
                    logger.equalsIgnoreCase(LoggingSystem.ROOT_LOGGER_NAME) ? LoggingSystem.ROOT_LOGGER_NAME : logger;
            if (present) {
                if (!before.containsKey(known)) {
                    // A level of the environment may be that of this very entry.
                    before.put(known, configured == null ? levelOf(known) : null);
                }
                logging.setLogLevel(known, level);
            } else if (before.containsKey(known)) {
                LogLevel own = before.remove(known);
                logging.setLogLevel(known, configured == null ? own : configured);
            }
        }
    }

    private @Nullable LogLevel levelOf(String logger) {
        LoggerConfiguration configuration = logging.getLoggerConfiguration(logger);
        return configuration == null ? null : configuration.getConfiguredLevel();
    }

    /** The level, or null if the text is none. */
    static @Nullable LogLevel level(@Nullable String text) {
        try {
            return text == null
                    ? null
                    : ApplicationConversionService.getSharedInstance().convert(text, LogLevel.class);
        } catch (ConversionException e) {
            return null;
        }
    }
}
