// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.store.postgres.PostgresConfigStore;
import io.configmanager.store.postgres.PostgresNames;
import java.time.Duration;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.sql.init.DatabaseInitializationMode;

/**
 * Settings of the PostgreSQL store. Defaults are those of its builder.
 *
 * @param schema Database schema of the tables.
 * @param tablePrefix Prefix of the names of tables, functions and triggers.
 * @param channel Notification channel of a new schema.
 * @param initializeSchema When to create what is missing in the database; PostgreSQL never counts as embedded.
 * @param push Whether to listen to notifications; otherwise changes are found by polling.
 * @param pollInterval How often to look for changes that no notification announced.
 * @param pollOnlyInterval How often to look for changes where notifications do not arrive.
 * @param callTimeout Longest time of one call of the database.
 * @param listener Connection that listens for notifications.
 * @param retention How much history is kept at least.
 */
@ConfigurationProperties("config.store.postgres")
record PostgresConfigStoreProperties(
        @DefaultValue("public") String schema,
        @DefaultValue("config_") String tablePrefix,
        @DefaultValue("config") String channel,
        @DefaultValue("embedded") DatabaseInitializationMode initializeSchema,
        @DefaultValue("true") boolean push,
        @DefaultValue("5s") Duration pollInterval,
        @DefaultValue("1s") Duration pollOnlyInterval,
        @DefaultValue("5s") Duration callTimeout,
        @DefaultValue Listener listener,
        @DefaultValue Retention retention) {

    PostgresConfigStoreProperties {
        // Checked here, so that a bad name is reported as the property that it is.
        new PostgresNames(schema, tablePrefix, channel);
    }

    /**
     * Connection that listens for notifications; it is not pooled.
     *
     * @param url JDBC URL that leads to the primary server and through no pooler; by default the one of the DataSource.
     * @param username User; by default the one of the DataSource.
     * @param password Password; by default the one of the DataSource.
     */
    record Listener(
            @Nullable String url,
            @Nullable String username,
            @Nullable String password) {

        /** Neither the password nor the URL, which may have one. */
        @Override
        public String toString() {
            return "Listener[username=" + username + "]";
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

    PostgresNames names() {
        return new PostgresNames(schema, tablePrefix, channel);
    }

    PostgresConfigStore.Builder builder(DataSource dataSource) {
        return PostgresConfigStore.builder(dataSource)
                .names(names())
                .push(push)
                .pollIntervals(pollInterval, pollOnlyInterval)
                .callTimeout(callTimeout)
                .retention(retention.age(), retention.revisions(), retention.versions());
    }
}
