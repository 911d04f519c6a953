// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import io.configmanager.spring.ConfigManagerBuilderCustomizer;
import io.configmanager.store.MemoryConfigStore;
import java.time.Duration;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.actuate.endpoint.SanitizingFunction;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.logging.LoggerGroups;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.cloud.context.environment.EnvironmentChangeEvent;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Role;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.Environment;

/** What {@code spring.config.import=config:} imported follows the store, and so do log levels. */
@AutoConfiguration(after = ConfigManagerAutoConfiguration.class)
@ConditionalOnBooleanProperty(name = "config.enabled", matchIfMissing = true)
@ConditionalOnBean(ConfigManager.class)
@EnableConfigurationProperties(ConfigProperties.class)
public final class ConfigEnvironmentAutoConfiguration {

    private static final Duration SECOND_WAIT = Duration.ofSeconds(1);

    /** A store in memory that is there before any bean, as in tests, could not be imported earlier. */
    @Bean
    @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
    static ConfigEnvironment configEnvironment(
            ConfigurableEnvironment environment, ConfigurableListableBeanFactory beans) {
        BeanFactory parent = beans.getParentBeanFactory();
        ConfigEnvironment follower = new ConfigEnvironment(
                environment,
                parent == null
                        ? null
                        : parent.getBeanProvider(ConfigEnvironment.class).getIfAvailable());
        if (beans.getSingleton("configStore") instanceof MemoryConfigStore store) {
            follower.fill(store);
        }
        return follower;
    }

    /** First, so that whoever else follows a change finds the environment current. */
    @Bean
    @Order(Ordered.HIGHEST_PRECEDENCE)
    ConfigManagerBuilderCustomizer configEnvironmentCustomizer(
            ConfigEnvironment environment, ConfigProperties properties) {
        return builder -> {
            builder.preload(environment.namespaces().toArray(String[]::new)).onApplied(environment);
            ConfigProperties.Startup startup = properties.startup();
            if (environment.storeWasAway() && startup.timeout().compareTo(SECOND_WAIT) > 0) {
                builder.startup(startup.policy(), SECOND_WAIT);
            }
        };
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(EnvironmentChangeEvent.class)
    static class SpringCloudConfiguration {

        @Bean
        SmartInitializingSingleton configEnvironmentChangeEvents(
                ConfigManager manager, ConfigEnvironment environment, ApplicationEventPublisher events) {
            return () -> environment
                    .namespaces()
                    .forEach(namespace -> manager.namespace(namespace)
                            .listen(
                                    ConfigFilter.ALL,
                                    changes -> events.publishEvent(new EnvironmentChangeEvent(
                                            events, ConfigPropertySource.names(changes.changes())))));
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(SanitizingFunction.class)
    static class ActuatorConfiguration {

        /** Secrets are never shown, whatever the endpoints are allowed to show. */
        @Bean
        @Order(Ordered.HIGHEST_PRECEDENCE)
        SanitizingFunction configSecretSanitizingFunction() {
            return data ->
                    data.getPropertySource() instanceof ConfigPropertySource source && source.isSecret(data.getKey())
                            ? data.withSanitizedValue()
                            : data;
        }
    }

    @Bean
    @ConditionalOnBean(LoggingSystem.class)
    @ConditionalOnBooleanProperty(name = "config.log-levels", matchIfMissing = true)
    ConfigLogLevels configLogLevels(
            ConfigManager manager,
            ConfigProperties properties,
            LoggingSystem logging,
            ObjectProvider<LoggerGroups> groups,
            Environment environment) {
        return new ConfigLogLevels(
                manager.namespace(properties.namespace()),
                logging,
                groups.getIfAvailable(LoggerGroups::new),
                environment);
    }
}
