// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.metrics;

import io.configmanager.ConfigManager;
import io.configmanager.spring.ConfigBindings;
import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.InstantSource;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.context.annotation.Bean;

/** Meters of the manager. */
@AutoConfiguration(
        after = ConfigManagerAutoConfiguration.class,
        afterName = "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration")
@ConditionalOnClass(MeterRegistry.class)
@ConditionalOnBean({ConfigManager.class, MeterRegistry.class})
public final class ConfigMetricsAutoConfiguration {

    @Bean
    ConfigEventMetrics configEventMetrics() {
        return new ConfigEventMetrics();
    }

    @Bean
    ConfigCacheMetrics configCacheMetrics(ConfigManager manager, ConfigEventMetrics events) {
        return new ConfigCacheMetrics(manager, events::applied);
    }

    @Bean
    ConfigWatchMetrics configWatchMetrics(ConfigManager manager, ObjectProvider<ConfigBindings> bindings) {
        return new ConfigWatchMetrics(manager, bindings.getIfAvailable());
    }

    @Bean
    @ConditionalOnBooleanProperty("config.outbox.enabled")
    ConfigOutboxMetrics configOutboxMetrics(ConfigManager manager) {
        return new ConfigOutboxMetrics(manager, InstantSource.system());
    }

    @Bean
    @ConditionalOnBooleanProperty("config.fleet.enabled")
    ConfigFleetMetrics configFleetMetrics(ConfigManager manager) {
        return new ConfigFleetMetrics(manager);
    }
}
