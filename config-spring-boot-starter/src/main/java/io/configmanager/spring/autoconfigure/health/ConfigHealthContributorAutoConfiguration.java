// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.health;

import io.configmanager.ConfigManager;
import io.configmanager.spring.ConfigBindings;
import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;

/** Health of the manager, as contributor {@code config}. In no health group unless the application puts it there. */
@AutoConfiguration(after = ConfigManagerAutoConfiguration.class)
@ConditionalOnClass({HealthIndicator.class, ConditionalOnEnabledHealthIndicator.class})
@ConditionalOnBean(ConfigManager.class)
@ConditionalOnEnabledHealthIndicator("config")
public final class ConfigHealthContributorAutoConfiguration {

    @Bean
    @ConditionalOnMissingBean(name = "configHealthIndicator")
    HealthIndicator configHealthIndicator(ConfigManager manager, ObjectProvider<ConfigBindings> bindings) {
        return new ConfigHealthIndicator(manager, bindings.getIfAvailable());
    }
}
