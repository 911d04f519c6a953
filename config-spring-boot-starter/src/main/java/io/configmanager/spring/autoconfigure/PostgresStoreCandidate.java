// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.StoreException;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.postgres.PostgresConfigStore;
import io.configmanager.store.postgres.PostgresSchema;
import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.jdbc.DataSourceBuilder;
import org.springframework.boot.jdbc.DatabaseDriver;
import org.springframework.boot.jdbc.autoconfigure.DataSourceProperties;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.boot.sql.init.DatabaseInitializationMode;
import org.springframework.jdbc.datasource.AbstractDataSource;
import org.springframework.jdbc.datasource.SimpleDriverDataSource;
import org.springframework.util.StringUtils;

/** The application's {@link DataSource}, if it leads to PostgreSQL; known from its URL, so that the database may be away. */
final class PostgresStoreCandidate implements StoreCandidate {

    private static final Logger log = LoggerFactory.getLogger(PostgresStoreCandidate.class);

    private final DataSource dataSource;
    private final PostgresConfigStoreProperties properties;
    private final @Nullable Address address;
    private final boolean initialize;

    /** Where a connection leads, without the pool. */
    private record Address(
            String url, @Nullable String username, @Nullable String password) {}

    PostgresStoreCandidate(
            DataSource dataSource, @Nullable JdbcConnectionDetails details, PostgresConfigStoreProperties properties) {
        this(dataSource, address(dataSource, details), properties, false);
    }

    private PostgresStoreCandidate(
            DataSource dataSource,
            @Nullable Address address,
            PostgresConfigStoreProperties properties,
            boolean initialize) {
        this.dataSource = dataSource;
        this.address = address;
        this.properties = properties;
        this.initialize = initialize;
    }

    /** The one that properties lead to before there is a context, and without a pool; null if there is none. */
    static @Nullable StoreCandidate ofProperties(Binder binder) {
        DataSourceProperties pool = binder.bindOrCreate("spring.datasource", DataSourceProperties.class);
        PostgresConfigStoreProperties properties =
                binder.bindOrCreate("config.store.postgres", PostgresConfigStoreProperties.class);
        PostgresConfigStoreProperties.Listener listener = properties.listener();
        Address address;
        if (StringUtils.hasText(pool.getUrl())) {
            address = new Address(pool.getUrl(), pool.getUsername(), pool.getPassword());
        } else if (StringUtils.hasText(listener.url())) {
            address = new Address(listener.url(), listener.username(), listener.password());
        } else {
            return null;
        }
        return new PostgresStoreCandidate(
                PostgresConfigStore.unpooled(address.url(), address.username(), address.password()),
                address,
                properties,
                properties.initializeSchema() == DatabaseInitializationMode.ALWAYS);
    }

    @Override
    public StoreType type() {
        return StoreType.POSTGRES;
    }

    @Override
    public String reason() {
        return "the DataSource of the application leads to PostgreSQL";
    }

    @Override
    public boolean isAvailable() {
        DatabaseDriver driver = address == null ? DatabaseDriver.UNKNOWN : DatabaseDriver.fromJdbcUrl(address.url());
        return switch (driver) {
            case POSTGRESQL -> true;
            case UNKNOWN, TESTCONTAINERS -> isPostgresByItsOwnWord();
            default -> false;
        };
    }

    @Override
    public String address() {
        return address == null ? "" : address.url().replaceFirst("\\?.*", "");
    }

    @Override
    public ConfigStore create() {
        if (initialize) {
            try {
                new PostgresSchema(properties.names()).initialize(dataSource);
            } catch (StoreException e) {
                if (!e.isTransient()) {
                    throw e;
                }
                // The first call of the store will say it again.
            }
        }
        PostgresConfigStore.Builder builder = properties.builder(dataSource);
        PostgresConfigStoreProperties.Listener listener = properties.listener();
        String url = StringUtils.hasText(listener.url()) ? listener.url() : address == null ? null : address.url();
        if (url != null && DatabaseDriver.fromJdbcUrl(url) == DatabaseDriver.POSTGRESQL) {
            builder.listenConnections(new PostgresListenConnections(url));
        } else {
            log.warn(
                    "The address behind the DataSource is not known, so notifications are listened for on a connection of"
                            + " its pool. Set config.store.postgres.listener.url to use one of its own.");
        }
        return builder.build();
    }

    /** With the password that the pool has at that time: it may be replaced while the application runs. */
    private final class PostgresListenConnections extends AbstractDataSource {

        private final String url;

        PostgresListenConnections(String url) {
            this.url = url;
        }

        @Override
        public Connection getConnection() throws SQLException {
            Address derived = address(dataSource, null);
            Address now = derived == null ? address : derived;
            PostgresConfigStoreProperties.Listener own = properties.listener();
            return getConnection(
                    StringUtils.hasText(own.username()) || now == null ? own.username() : now.username(),
                    StringUtils.hasText(own.password()) || now == null ? own.password() : now.password());
        }

        @Override
        public Connection getConnection(@Nullable String username, @Nullable String password) throws SQLException {
            return PostgresConfigStore.unpooled(url, username, password).getConnection();
        }
    }

    private boolean isPostgresByItsOwnWord() {
        try (var connection = dataSource.getConnection()) {
            return DatabaseDriver.fromProductName(connection.getMetaData().getDatabaseProductName())
                    == DatabaseDriver.POSTGRESQL;
        } catch (SQLException e) {
            throw new StoreSelectionException(
                    "The application's DataSource tells no address and does not answer, so it is not known whether it leads"
                            + " to PostgreSQL (" + e.getMessage() + ").",
                    "Set config.store.type=postgres if it does, or config.store.type=memory to keep configuration in the"
                            + " memory of this process.");
        }
    }

    private static @Nullable Address address(DataSource dataSource, @Nullable JdbcConnectionDetails details) {
        try {
            SimpleDriverDataSource derived = DataSourceBuilder.derivedFrom(dataSource)
                    .type(SimpleDriverDataSource.class)
                    .build();
            if (derived.getUrl() != null) {
                return new Address(derived.getUrl(), derived.getUsername(), derived.getPassword());
            }
        } catch (RuntimeException notOfAKnownKind) {
            // Then the details from which Boot made it are the next best.
        }
        return details == null ? null : new Address(details.getJdbcUrl(), details.getUsername(), details.getPassword());
    }
}
