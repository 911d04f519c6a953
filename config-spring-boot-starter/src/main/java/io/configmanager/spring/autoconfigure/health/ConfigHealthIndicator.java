// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.health;

import io.configmanager.CacheStats;
import io.configmanager.ConfigHealth;
import io.configmanager.ConfigManager;
import io.configmanager.NamespaceStatus;
import io.configmanager.Outbox;
import io.configmanager.WatchState;
import io.configmanager.WatchStatus;
import io.configmanager.spring.ConfigBinding;
import io.configmanager.spring.ConfigBindings;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.health.contributor.AbstractHealthIndicator;
import org.springframework.boot.health.contributor.Health;

/**
 * What the manager says of itself, asked without touching the store. UP with a detail {@code stale} while nothing proves that
 * the values are current, but failures and grace allow it. Unusable values are told, but are no reason for DOWN.
 */
final class ConfigHealthIndicator extends AbstractHealthIndicator {

    private final ConfigManager manager;
    private final @Nullable ConfigBindings bindings;

    ConfigHealthIndicator(ConfigManager manager, @Nullable ConfigBindings bindings) {
        super("Configuration health check failed");
        this.manager = manager;
        this.bindings = bindings;
    }

    @Override
    protected void doHealthCheck(Health.Builder builder) {
        ConfigHealth health = manager.health();
        switch (health.status()) {
            case UP -> builder.up();
            case DOWN -> builder.down();
            case CLOSED -> builder.outOfService();
        }
        builder.withDetail("store", health.store());
        if (health.problem() != null) {
            builder.withDetail("problem", health.problem());
        }
        WatchStatus watch = manager.watchStatus();
        Duration staleness = watch.staleness();
        if (health.status() == ConfigHealth.Status.UP && watch.state() != WatchState.LIVE) {
            builder.withDetail("stale", staleness == null ? "never proved current" : "since " + text(staleness));
        }
        builder.withDetail("watch.state", watch.state().name())
                .withDetail("watch.connected", watch.connected())
                .withDetail("watch.consecutiveFailures", watch.consecutiveFailures())
                .withDetail("watch.lastError", or(watch.lastError(), "none"))
                .withDetail("watch.lastAttempt", or(watch.lastAttempt(), "never"))
                .withDetail("watch.staleness", staleness == null ? "unknown" : text(staleness));
        CacheStats cache = manager.cacheStats();
        builder.withDetail("cache.size", cache.size())
                .withDetail("cache.hits", cache.hits())
                .withDetail("cache.misses", cache.misses())
                .withDetail("cache.hitRate", Math.round(cache.hitRate() * 10_000) / 10_000.0)
                .withDetail("cache.evictions", cache.evictions());
        manager.outbox()
                .map(Outbox::stats)
                .ifPresent(outbox -> builder.withDetail("outbox.pending", outbox.pending())
                        .withDetail("outbox.conflicts", outbox.conflicts())
                        .withDetail("outbox.dead", outbox.dead())
                        .withDetail("outbox.expired", outbox.expired())
                        .withDetail("outbox.problems", outbox.problems()));
        Map<String, String> rejected = rejected();
        if (!rejected.isEmpty()) {
            builder.withDetail("rejected", rejected);
        }
    }

    private Map<String, String> rejected() {
        Map<String, String> rejected = new TreeMap<>();
        for (NamespaceStatus namespace : manager.activeNamespaces()) {
            namespace.rejected().forEach((key, reason) -> rejected.put(name(namespace.name(), key), reason));
        }
        if (bindings != null) {
            for (ConfigBinding binding : bindings.bindings()) {
                if (binding.lastError() != null) {
                    rejected.putIfAbsent(
                            name(binding.namespace(), binding.key()), binding.target() + ": " + binding.lastError());
                }
            }
        }
        return rejected;
    }

    private static String name(String namespace, String key) {
        return (namespace.isEmpty() ? "_" : namespace) + "/" + key;
    }

    private static String text(Duration duration) {
        return duration.truncatedTo(ChronoUnit.MILLIS).toString();
    }

    private static Object or(@Nullable Object value, String otherwise) {
        return value == null ? otherwise : value;
    }
}
