// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import com.mongodb.MongoClientSettings;
import com.mongodb.client.MongoClient;
import io.configmanager.store.mongo.MongoConfigStore;
import io.configmanager.store.mongo.MongoNames;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Settings of the MongoDB store. Defaults are those of its builder.
 *
 * @param database Database of the collections; by default the one of spring.mongodb.
 * @param collectionPrefix Prefix of the names of the collections.
 * @param initializeSchema Whether to create the collections and indexes that are missing.
 * @param allowPolling Whether a server that is no replica set may be used, which has no transactions and is polled.
 * @param pollInterval How often to look for changes that no change stream announced.
 * @param pollOnlyInterval How often to look for changes where there are no change streams.
 * @param callTimeout Longest time of one call of the database.
 * @param feed Connection that follows the change stream.
 * @param retention How much history is kept at least.
 * @param operationRetention How long a commit is remembered, so that repeating it has no second effect.
 */
@ConfigurationProperties("config.store.mongo")
record MongoConfigStoreProperties(
        @Nullable String database,
        @DefaultValue("config_") String collectionPrefix,
        @DefaultValue("always") InitializeSchema initializeSchema,
        @DefaultValue("false") boolean allowPolling,
        @DefaultValue("5s") Duration pollInterval,
        @DefaultValue("1s") Duration pollOnlyInterval,
        @DefaultValue("5s") Duration callTimeout,
        @DefaultValue Feed feed,
        @DefaultValue Retention retention,
        @DefaultValue("7d") Duration operationRetention) {

    MongoConfigStoreProperties {
        // Checked here, so that a bad name is reported as the property that it is.
        new MongoNames(database == null ? "test" : database, collectionPrefix);
    }

    /** Whether to create what is missing. */
    enum InitializeSchema {
        /** At the start. */
        ALWAYS,
        /** Somebody else does it. */
        NEVER
    }

    /**
     * Connection that follows the change stream.
     *
     * @param uri Connection string of a client of its own; by default as spring.mongodb says.
     */
    record Feed(@Nullable String uri) {

        /** Not the connection string, which may have a password. */
        @Override
        public String toString() {
            return "Feed[]";
        }
    }

    /**
     * How much history is kept at least.
     *
     * @param age Time that is kept.
     * @param revisions Newest revisions that are kept.
     * @param versions Newest versions of each key that are kept.
     */
    record Retention(
            @DefaultValue("24h") Duration age,
            @DefaultValue("10000") long revisions,
            @DefaultValue("10") int versions) {}

    MongoConfigStore.Builder builder(MongoClient client, @Nullable MongoClientSettings feed, String defaultDatabase) {
        return MongoConfigStore.builder(
                        client, feed, new MongoNames(database == null ? defaultDatabase : database, collectionPrefix))
                .allowPolling(allowPolling)
                .pollIntervals(pollInterval, pollOnlyInterval)
                .callTimeout(callTimeout)
                .retention(retention.age(), retention.revisions(), retention.versions())
                .operationRetention(operationRetention);
    }
}
