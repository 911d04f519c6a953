// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.postgres.PostgresConfigStore;
import io.configmanager.store.postgres.PostgresSchema;
import javax.sql.DataSource;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.boot.jdbc.init.DataSourceScriptDatabaseInitializer;
import org.springframework.boot.sql.init.dependency.DatabaseInitializationDependencyConfigurer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;

/** Offers the application's PostgreSQL as the store, and prepares it if it is chosen. */
@AutoConfiguration(afterName = "org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration")
@ConditionalOnBooleanProperty(name = "config.enabled", matchIfMissing = true)
@ConditionalOnProperty(name = "config.store.type", havingValue = "postgres", matchIfMissing = true)
@ConditionalOnClass({PostgresConfigStore.class, DataSource.class, DataSourceScriptDatabaseInitializer.class})
@ConditionalOnSingleCandidate(DataSource.class)
@ConditionalOnMissingBean(ConfigStore.class)
@EnableConfigurationProperties({ConfigProperties.class, PostgresConfigStoreProperties.class})
@Import(DatabaseInitializationDependencyConfigurer.class)
public final class PostgresConfigStoreAutoConfiguration {

    @Bean
    PostgresStoreCandidate postgresConfigStoreCandidate(
            DataSource dataSource,
            ObjectProvider<JdbcConnectionDetails> details,
            PostgresConfigStoreProperties properties) {
        return new PostgresStoreCandidate(dataSource, details.getIfUnique(), properties);
    }

    @Bean
    @ConditionalOnMissingBean
    PostgresConfigSchemaInitializer postgresConfigSchemaInitializer(
            DataSource dataSource,
            PostgresConfigStoreProperties properties,
            ConfigProperties config,
            ObjectProvider<StoreSelection> selection) {
        return new PostgresConfigSchemaInitializer(
                dataSource,
                new PostgresSchema(properties.names()),
                properties.initializeSchema(),
                () -> selection.getObject().type() == StoreType.POSTGRES,
                config.startup().policy() != StartupPolicy.FAIL);
    }
}
