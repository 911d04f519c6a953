// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigException;
import io.configmanager.ConfigManager;
import io.configmanager.StoreException;
import io.configmanager.WatchState;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Snapshot;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.EnvironmentPostProcessor;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.bootstrap.ConfigurableBootstrapContext;
import org.springframework.boot.context.config.ConfigDataEnvironmentPostProcessor;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.core.Ordered;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.util.ClassUtils;

/**
 * Fills imported property sources once all other properties are known, over a connection of its own that is closed again. A
 * {@link ConfigStore} in the bootstrap context is used, and closed, in place of what properties lead to.
 */
final class ConfigImportPostProcessor implements EnvironmentPostProcessor, Ordered {

    private static final Duration SHORTEST_WAIT = Duration.ofMillis(100);

    private final ConfigurableBootstrapContext bootstrap;

    ConfigImportPostProcessor(ConfigurableBootstrapContext bootstrap) {
        this.bootstrap = bootstrap;
    }

    @Override
    public int getOrder() {
        return ConfigDataEnvironmentPostProcessor.ORDER + 1;
    }

    @Override
    public void postProcessEnvironment(ConfigurableEnvironment environment, SpringApplication application) {
        List<ConfigPropertySource> sources = ConfigPropertySource.of(environment);
        if (sources.isEmpty() || !environment.getProperty("config.enabled", Boolean.class, true)) {
            return;
        }
        try {
            read(sources, environment);
        } catch (ConfigException | StoreSelectionException e) {
            List<String> needed = sources.stream()
                    .filter(source -> !source.optional())
                    .map(ConfigPropertySource::getName)
                    .toList();
            if (!needed.isEmpty()) {
                throw new ConfigImportException(needed, e);
            }
            sources.forEach(source -> source.leaveEmpty(String.valueOf(e.getMessage())));
        }
    }

    /** What was read, and whether the store had to do with it. */
    private record Import(Map<String, Collection<ConfigEntry>> entries, boolean fromStore) {}

    private void read(List<ConfigPropertySource> sources, ConfigurableEnvironment environment) {
        Binder binder = Binder.get(environment);
        ConfigProperties properties = binder.bindOrCreate("config", ConfigProperties.class);
        Set<String> namespaces = sources.stream()
                .map(source -> source.namespace(properties.namespace()))
                .collect(Collectors.toCollection(LinkedHashSet::new));
        Import found = read(namespaces, properties, binder, environment);
        for (ConfigPropertySource source : sources) {
            source.fill(
                    found.entries().getOrDefault(source.namespace(properties.namespace()), List.of()),
                    found.fromStore());
        }
    }

    private Import read(
            Set<String> namespaces, ConfigProperties properties, Binder binder, ConfigurableEnvironment environment) {
        if (bootstrap.isRegistered(ConfigStore.class)) {
            return read(
                    Objects.requireNonNull(bootstrap.get(ConfigStore.class)),
                    namespaces,
                    properties,
                    null,
                    environment);
        }
        if (properties.store().type() == StoreType.MEMORY) {
            return new Import(Map.of(), true);
        }
        List<StoreCandidate> candidates = candidates(properties, binder);
        try {
            StoreSelection selection = new StoreSelection(properties.store().type(), candidates, List.of());
            if (selection.type() == StoreType.MEMORY || candidates.isEmpty()) {
                throw new StoreSelectionException(
                        "No PostgreSQL or MongoDB is known at the time of the import.",
                        "Say where it is in spring.datasource.url or config.store.postgres.listener.url, or in"
                                + " spring.mongodb.uri or config.store.mongo.feed.uri: beans are not known yet.");
            }
            return read(selection.create(), namespaces, properties, selection, environment);
        } finally {
            candidates.forEach(StoreCandidate::close);
        }
    }

    private static List<StoreCandidate> candidates(ConfigProperties properties, Binder binder) {
        List<StoreCandidate> candidates = new ArrayList<>();
        StoreType type = properties.store().type();
        if ((type == null || type == StoreType.POSTGRES)
                && areThere(
                        "io.configmanager.store.postgres.PostgresConfigStore",
                        "org.springframework.boot.jdbc.autoconfigure.DataSourceProperties")) {
            StoreCandidate candidate = PostgresStoreCandidate.ofProperties(binder);
            if (candidate != null) {
                candidates.add(candidate);
            }
        }
        if ((type == null || type == StoreType.MONGO)
                && areThere(
                        "io.configmanager.store.mongo.MongoConfigStore",
                        "com.mongodb.client.MongoClient",
                        "org.springframework.boot.mongodb.autoconfigure.MongoAutoConfiguration")) {
            StoreCandidate candidate =
                    MongoStoreCandidate.ofProperties(binder, properties.startup(), type == StoreType.MONGO);
            if (candidate != null) {
                candidates.add(candidate);
            }
        }
        return candidates;
    }

    private static boolean areThere(String... types) {
        for (String type : types) {
            if (!ClassUtils.isPresent(type, null)) {
                return false;
            }
        }
        return true;
    }

    /** One query; only a store that does not answer needs the patience of a manager, or its boot snapshot. */
    private static Import read(
            ConfigStore store,
            Set<String> namespaces,
            ConfigProperties properties,
            @Nullable StoreSelection selection,
            ConfigurableEnvironment environment) {
        long start = System.nanoTime();
        try (store) {
            try {
                return new Import(snapshot(store, namespaces, properties.cache().maximumEntries()), true);
            } catch (StoreException e) {
                if (!e.isTransient()) {
                    throw e;
                }
            }
            Duration left = properties.startup().timeout().minusNanos(System.nanoTime() - start);
            ConfigManagerBuilder builder = ConfigManagerBuilder.forStore(store)
                    .preload(properties.namespace())
                    .preload(properties.namespaces().toArray(String[]::new))
                    .preload(namespaces.toArray(String[]::new))
                    .maximumEntries(properties.cache().maximumEntries())
                    .startup(
                            properties.startup().policy() == StartupPolicy.SNAPSHOT
                                    ? StartupPolicy.SNAPSHOT
                                    : StartupPolicy.FAIL,
                            left.compareTo(SHORTEST_WAIT) > 0 ? left : SHORTEST_WAIT);
            ConfigManagerAutoConfiguration.bootSnapshot(builder, store, properties, selection, environment);
            try (ConfigManager manager = builder.build()) {
                manager.connect();
                Map<String, Collection<ConfigEntry>> entries = new HashMap<>();
                for (String namespace : namespaces) {
                    entries.put(namespace, manager.namespace(namespace).view().entries());
                }
                return new Import(entries, manager.watchStatus().state() == WatchState.LIVE);
            }
        }
    }

    private static Map<String, Collection<ConfigEntry>> snapshot(ConfigStore store, Set<String> namespaces, int limit) {
        Snapshot snapshot = store.snapshot(namespaces, limit);
        for (String oversized : snapshot.oversized()) {
            throw new StoreException(
                    "Namespace '" + oversized + "' has more entries than config.cache.maximum-entries, so it cannot be"
                            + " imported",
                    false,
                    null);
        }
        return snapshot.entries().stream()
                .collect(Collectors.groupingBy(ConfigEntry::namespace, Collectors.toCollection(ArrayList::new)));
    }
}
