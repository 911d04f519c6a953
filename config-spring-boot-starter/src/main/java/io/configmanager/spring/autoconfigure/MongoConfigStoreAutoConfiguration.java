// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import com.mongodb.ConnectionString;
import com.mongodb.MongoClientSettings;
import com.mongodb.client.MongoClient;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.mongo.MongoConfigStore;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.AnnotatedBeanDefinition;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.mongodb.autoconfigure.MongoAutoConfiguration;
import org.springframework.boot.mongodb.autoconfigure.MongoClientSettingsBuilderCustomizer;
import org.springframework.boot.mongodb.autoconfigure.MongoConnectionDetails;
import org.springframework.boot.mongodb.autoconfigure.MongoProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.type.MethodMetadata;
import org.springframework.data.mongodb.MongoDatabaseFactory;
import org.springframework.util.StringUtils;

/** Offers the application's MongoDB as the store, and prepares it if it is chosen. */
@AutoConfiguration(
        afterName = {
            "org.springframework.boot.mongodb.autoconfigure.MongoAutoConfiguration",
            "org.springframework.boot.data.mongodb.autoconfigure.DataMongoAutoConfiguration"
        })
@ConditionalOnBooleanProperty(name = "config.enabled", matchIfMissing = true)
@ConditionalOnProperty(name = "config.store.type", havingValue = "mongo", matchIfMissing = true)
@ConditionalOnClass({MongoConfigStore.class, MongoClient.class, MongoAutoConfiguration.class})
@ConditionalOnSingleCandidate(MongoClient.class)
@ConditionalOnMissingBean(ConfigStore.class)
@EnableConfigurationProperties({ConfigProperties.class, MongoConfigStoreProperties.class})
public final class MongoConfigStoreAutoConfiguration {

    @Bean
    MongoStoreCandidate mongoConfigStoreCandidate(
            MongoClient client,
            ObjectProvider<MongoClientSettings> settings,
            ObjectProvider<MongoClientSettingsBuilderCustomizer> customizers,
            ObjectProvider<MongoConnectionDetails> details,
            ObjectProvider<MongoProperties> connection,
            MongoConfigStoreProperties properties,
            ConfigProperties config,
            ObjectProvider<SurroundingTransactions> transactions,
            ConfigurableListableBeanFactory beans) {
        String uri = properties.feed().uri();
        MongoClientSettings feed = null;
        if (StringUtils.hasText(uri)) {
            feed = MongoClientSettings.builder()
                    .applyConnectionString(new ConnectionString(uri))
                    .build();
        } else if (isMadeBySpringBoot(beans)) {
            feed = likeSpringBoot(settings.getIfUnique(), customizers);
        }
        return new MongoStoreCandidate(
                client,
                feed,
                database(connection.getIfUnique(), details.getIfUnique()),
                properties,
                config.startup(),
                transactions.getIfAvailable(() -> builder -> {}));
    }

    /** Lets commits of a store join the application's transactions. */
    @FunctionalInterface
    interface SurroundingTransactions {
        void joinedBy(MongoConfigStore.Builder builder);
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(MongoDatabaseFactory.class)
    static class SpringDataConfiguration {

        @Bean
        @ConditionalOnSingleCandidate(MongoDatabaseFactory.class)
        SurroundingTransactions configStoreSurroundingTransactions(MongoDatabaseFactory factory) {
            return builder -> builder.transactionsOf(factory);
        }
    }

    /** The one that Spring Data uses. */
    static String database(@Nullable MongoProperties properties, @Nullable MongoConnectionDetails details) {
        if (properties != null && properties.getDatabase() != null) {
            return properties.getDatabase();
        }
        return Objects.requireNonNullElse(
                details == null ? null : details.getConnectionString().getDatabase(), "test");
    }

    /** Only then are the beans with settings those of the client: they are there beside one of the application, too. */
    private static boolean isMadeBySpringBoot(ConfigurableListableBeanFactory beans) {
        String[] clients = beans.getBeanNamesForType(MongoClient.class, true, false);
        if (clients.length != 1
                || !beans.containsBeanDefinition(clients[0])
                || !(beans.getBeanDefinition(clients[0]) instanceof AnnotatedBeanDefinition definition)) {
            return false;
        }
        MethodMetadata method = definition.getFactoryMethodMetadata();
        return method != null && method.getDeclaringClassName().equals(MongoAutoConfiguration.class.getName());
    }

    private static @Nullable MongoClientSettings likeSpringBoot(
            @Nullable MongoClientSettings settings, ObjectProvider<MongoClientSettingsBuilderCustomizer> customizers) {
        if (settings == null) {
            return null;
        }
        MongoClientSettings.Builder builder = MongoClientSettings.builder(settings);
        customizers.orderedStream().forEach(customizer -> customizer.customize(builder));
        return builder.build();
    }
}
