// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.store.ConfigStore;
import javax.sql.DataSource;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;

/** The store: what the application declares, else what is configured, else what is there. */
@AutoConfiguration(after = PostgresConfigStoreAutoConfiguration.class)
@ConditionalOnBooleanProperty(name = "config.enabled", matchIfMissing = true)
@ConditionalOnMissingBean(ConfigStore.class)
@EnableConfigurationProperties(ConfigProperties.class)
public final class ConfigStoreAutoConfiguration {

    @Bean
    StoreSelection configStoreSelection(
            ConfigProperties properties, ObjectProvider<StoreCandidate> candidates, ListableBeanFactory beans) {
        return new StoreSelection(
                properties.store().type(),
                candidates.orderedStream().toList(),
                beans.getBeanNamesForType(DataSource.class, true, false).length);
    }

    @Bean
    ConfigStore configStore(StoreSelection selection) {
        return selection.create();
    }
}
