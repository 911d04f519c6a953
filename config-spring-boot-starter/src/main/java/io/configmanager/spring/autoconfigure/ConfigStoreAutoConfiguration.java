// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.store.ConfigStore;
import java.util.ArrayList;
import java.util.List;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.util.ClassUtils;

/** The store: what the application declares, else what is configured, else what is there. */
@AutoConfiguration(after = {PostgresConfigStoreAutoConfiguration.class, MongoConfigStoreAutoConfiguration.class})
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
                severalOf(beans, "javax.sql.DataSource", "com.mongodb.client.MongoClient"));
    }

    private static List<String> severalOf(ListableBeanFactory beans, String... types) {
        List<String> several = new ArrayList<>();
        ClassLoader loader = beans.getClass().getClassLoader();
        for (String type : types) {
            if (ClassUtils.isPresent(type, loader)) {
                Class<?> connection = ClassUtils.resolveClassName(type, loader);
                int count = beans.getBeanNamesForType(connection, true, false).length;
                if (count > 1) {
                    several.add(count + " " + connection.getSimpleName() + "s");
                }
            }
        }
        return several;
    }

    @Bean
    ConfigStore configStore(StoreSelection selection) {
        return selection.create();
    }
}
