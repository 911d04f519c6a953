// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.postgres.PostgresConfigStore;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.PlatformTransactionManager;

/** A pool of an application, and connections of its own for the feed. */
final class PostgresClientStore implements ClientStore {

    private final HikariDataSource pool;
    private final PostgresFeedConnections feedConnections;

    PostgresClientStore(int port) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(PostgresConfigStore.unpooled(PostgresServer.url(port), "postgres", null));
        config.setMaximumPoolSize(5);
        config.setMinimumIdle(1);
        config.setConnectionTimeout(1_000);
        config.setValidationTimeout(500);
        config.setInitializationFailTimeout(-1);
        pool = new HikariDataSource(config);
        feedConnections =
                new PostgresFeedConnections(PostgresConfigStore.unpooled(PostgresServer.url(port), "postgres", null));
    }

    @Override
    public ConfigStore store() {
        return PostgresConfigStore.builder(pool)
                .listenConnections(feedConnections.dataSource())
                .pollIntervals(Settings.POLL, Settings.POLL_ONLY)
                .callTimeout(Settings.CALL_TIMEOUT)
                .retention(Settings.RETENTION, Settings.RETAINED_REVISIONS, Settings.RETAINED_VERSIONS)
                .auditInterval(Settings.AUDIT)
                .build();
    }

    @Override
    public PlatformTransactionManager transactions() {
        return new JdbcTransactionManager(pool);
    }

    @Override
    public int feedConnections() {
        return feedConnections.open();
    }

    @Override
    public void loseRegistration() {
        feedConnections.loseRegistration();
    }
}
