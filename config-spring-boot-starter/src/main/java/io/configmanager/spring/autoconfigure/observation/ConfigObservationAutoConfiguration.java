// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.observation;

import io.configmanager.ConfigManager;
import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import io.micrometer.core.instrument.observation.MeterObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;

/** Observations of the manager. After the one that has the usual handler for meters, which steps back for any other. */
@AutoConfiguration(
        after = ConfigManagerAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration",
            "org.springframework.boot.micrometer.observation.autoconfigure.ObservationAutoConfiguration"
        })
@ConditionalOnClass(ObservationRegistry.class)
@ConditionalOnBean({ConfigManager.class, ObservationRegistry.class})
public final class ConfigObservationAutoConfiguration {

    @Bean
    ConfigObservations configObservations(ObjectProvider<ObservationRegistry> registries) {
        return new ConfigObservations(registries);
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(MeterObservationHandler.class)
    static class WithMeters {

        @Bean
        @Order(Ordered.HIGHEST_PRECEDENCE)
        NoMeters configNoMeters() {
            return new NoMeters();
        }
    }
}
