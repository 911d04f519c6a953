// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import com.mongodb.MongoClientSettings;
import com.mongodb.ServerAddress;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.connection.ClusterSettings;
import io.configmanager.StoreException;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import io.configmanager.spring.autoconfigure.MongoConfigStoreAutoConfiguration.SurroundingTransactions;
import io.configmanager.spring.autoconfigure.MongoConfigStoreProperties.InitializeSchema;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.mongo.MongoConfigStore;
import java.time.Duration;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.mongodb.autoconfigure.MongoConnectionDetails;
import org.springframework.boot.mongodb.autoconfigure.MongoProperties;
import org.springframework.boot.mongodb.autoconfigure.PropertiesMongoConnectionDetails;
import org.springframework.boot.mongodb.autoconfigure.StandardMongoClientSettingsBuilderCustomizer;
import org.springframework.util.StringUtils;

/** The application's {@link MongoClient}. */
class MongoStoreCandidate implements StoreCandidate {

    private static final Logger log = LoggerFactory.getLogger(MongoStoreCandidate.class);

    private final MongoClient client;
    private final @Nullable MongoClientSettings feed;
    private final String defaultDatabase;
    private final MongoConfigStoreProperties properties;
    private final ConfigProperties.Startup startup;
    private final SurroundingTransactions transactions;

    /** @param feed how to reach the client's deployment with another client, if that is known */
    MongoStoreCandidate(
            MongoClient client,
            @Nullable MongoClientSettings feed,
            String defaultDatabase,
            MongoConfigStoreProperties properties,
            ConfigProperties.Startup startup,
            SurroundingTransactions transactions) {
        this.client = client;
        this.feed = feed;
        this.defaultDatabase = defaultDatabase;
        this.properties = properties;
        this.startup = startup;
        this.transactions = transactions;
    }

    /**
     * The one that properties lead to before there is a context, on a client of its own; null if there is none.
     *
     * @param byDefault whether Spring Boot's default is an address, too
     */
    static @Nullable StoreCandidate ofProperties(Binder binder, ConfigProperties.Startup startup, boolean byDefault) {
        MongoConfigStoreProperties properties =
                binder.bindOrCreate("config.store.mongo", MongoConfigStoreProperties.class);
        MongoProperties connection = binder.bindOrCreate("spring.mongodb", MongoProperties.class);
        if (connection.getUri() == null && connection.getHost() == null) {
            if (StringUtils.hasText(properties.feed().uri())) {
                connection.setUri(properties.feed().uri());
            } else if (!byDefault) {
                return null;
            }
        }
        MongoConnectionDetails details = new PropertiesMongoConnectionDetails(connection, null);
        MongoClientSettings.Builder settings = MongoClientSettings.builder();
        new StandardMongoClientSettingsBuilderCustomizer(
                        details, connection.getRepresentation().getUuid())
                .customize(settings);
        MongoClientSettings own = settings.build();
        MongoClient client = MongoClients.create(own);
        return new MongoStoreCandidate(
                client,
                own,
                MongoConfigStoreAutoConfiguration.database(connection, details),
                properties,
                startup,
                builder -> {}) {
            @Override
            public void close() {
                client.close();
            }
        };
    }

    @Override
    public StoreType type() {
        return StoreType.MONGO;
    }

    @Override
    public String reason() {
        return "the application has a MongoDB client";
    }

    @Override
    public boolean isAvailable() {
        return true;
    }

    @Override
    public String address() {
        ClusterSettings cluster = client.getClusterDescription().getClusterSettings();
        return cluster.getSrvHost() != null
                ? cluster.getSrvHost()
                : cluster.getHosts().stream().map(ServerAddress::toString).collect(Collectors.joining(","));
    }

    @Override
    public ConfigStore create() {
        if (feed == null) {
            log.warn("The application makes its MongoClient itself, so the change stream is followed on a connection of"
                    + " its pool. Set config.store.mongo.feed.uri to use one of its own.");
        }
        if (properties.initializeSchema() == InitializeSchema.ALWAYS) {
            initialize();
        }
        MongoConfigStore.Builder builder = builder();
        transactions.joinedBy(builder);
        return builder.build();
    }

    /** With the patience of the start if there is no other way to start. */
    private void initialize() {
        boolean needed = startup.policy() == StartupPolicy.FAIL;
        Duration timeout = needed || startup.timeout().compareTo(properties.callTimeout()) < 0
                ? startup.timeout()
                : properties.callTimeout();
        try (MongoConfigStore store = builder().callTimeout(timeout).build()) {
            store.initialize();
        } catch (StoreException e) {
            if (needed || !e.isTransient()) {
                throw e;
            }
            log.warn(
                    "The collections could not be looked at: {}. If they are missing, restart when MongoDB is there.",
                    e.getMessage());
        }
    }

    private MongoConfigStore.Builder builder() {
        return properties.builder(client, feed, defaultDatabase);
    }
}
