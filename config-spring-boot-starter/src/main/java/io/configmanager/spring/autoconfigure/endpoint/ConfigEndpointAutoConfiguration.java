// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigManager;
import io.configmanager.codec.JsonCodec;
import io.configmanager.spring.ConfigBindings;
import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import io.configmanager.store.ConfigStore;
import java.util.function.Function;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.actuate.endpoint.Sanitizer;
import org.springframework.boot.actuate.endpoint.SanitizingFunction;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.ConfigurableEnvironment;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.json.JsonMapper;

/** The endpoints {@code config}, if there is an outbox {@code configoutbox}, and if there is a fleet {@code configfleet}. */
@AutoConfiguration(after = ConfigManagerAutoConfiguration.class)
@ConditionalOnClass(ConditionalOnAvailableEndpoint.class)
@ConditionalOnBean({ConfigManager.class, ConfigStore.class})
@EnableConfigurationProperties(ConfigEndpointProperties.class)
public final class ConfigEndpointAutoConfiguration {

    @Bean
    ShownEntries configShownEntries(
            ObjectProvider<SanitizingFunction> sanitizing, ConfigEndpointProperties properties) {
        return new ShownEntries(
                decoder(), new Sanitizer(sanitizing.orderedStream().toList()), properties);
    }

    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnAvailableEndpoint
    ConfigEndpoint configEndpoint(
            ConfigManager manager,
            ConfigStore store,
            ObjectProvider<ConfigBindings> bindings,
            ConfigurableEnvironment environment,
            ShownEntries entries) {
        return new ConfigEndpoint(manager, store, bindings.getIfAvailable(), environment, entries);
    }

    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnAvailableEndpoint
    @ConditionalOnBooleanProperty("config.outbox.enabled")
    ConfigOutboxEndpoint configOutboxEndpoint(ConfigManager manager, ShownEntries entries) {
        return new ConfigOutboxEndpoint(manager, entries);
    }

    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnAvailableEndpoint
    @ConditionalOnBooleanProperty("config.fleet.enabled")
    ConfigFleetEndpoint configFleetEndpoint(ConfigManager manager) {
        return new ConfigFleetEndpoint(manager);
    }

    /**
     * JSON as JSON; what another codec wrote, or a hand broke, as text. A tree rather than a map, because the mapper of
     * endpoints leaves nulls out of maps.
     */
    private static Function<ConfigEntry, Object> decoder() {
        ObjectReader json =
                JsonMapper.builder().build().reader().with(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);
        return entry -> {
            try {
                return entry.codec().equals(JsonCodec.NAME) ? json.readTree(entry.value()) : entry.value();
            } catch (JacksonException e) {
                return entry.value();
            }
        };
    }
}
