// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.metrics;

import io.configmanager.ConfigManager;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.cache.CacheMeterBinder;
import java.util.function.LongSupplier;

/**
 * The cache as Micrometer shows every cache, with {@code cache="config"}. It carries the same tag names as the caches of
 * Spring, because Prometheus refuses meters of one name with different ones.
 */
final class ConfigCacheMetrics extends CacheMeterBinder<ConfigManager> {

    private final ConfigManager manager;
    private final LongSupplier puts;

    ConfigCacheMetrics(ConfigManager manager, LongSupplier puts) {
        super(manager, "config", Tags.of("cache.manager", "config", "name", "config"));
        this.manager = manager;
        this.puts = puts;
    }

    @Override
    protected Long size() {
        return manager.cacheStats().size();
    }

    @Override
    protected long hitCount() {
        return manager.cacheStats().hits();
    }

    @Override
    protected Long missCount() {
        return manager.cacheStats().misses();
    }

    @Override
    protected Long evictionCount() {
        return manager.cacheStats().evictions();
    }

    @Override
    protected long putCount() {
        return puts.getAsLong();
    }

    @Override
    protected void bindImplementationSpecificMetrics(MeterRegistry registry) {}
}
