// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/** A schema of its own in the real PostgreSQL that the whole run shares. */
final class TestDatabase implements AutoCloseable {

    /** One server for the run; it ends with the JVM. */
    private static final class Server {
        private static final EmbeddedPostgres POSTGRES = start();

        private static EmbeddedPostgres start() {
            try {
                return EmbeddedPostgres.builder()
                        .setServerConfig("listen_addresses", "127.0.0.1")
                        .setServerConfig("max_connections", "300")
                        .start();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    final PostgresNames names;
    final DataSource direct;
    final HikariDataSource pool;
    private final List<AutoCloseable> opened = new ArrayList<>();

    /** @param test names the schema, which is created anew */
    TestDatabase(Class<?> test) {
        String schema = "t_" + test.getSimpleName().toLowerCase(java.util.Locale.ROOT);
        names = PostgresNames.DEFAULT
                .withSchema(schema.substring(0, Math.min(41, schema.length())))
                .withChannel(schema.substring(0, Math.min(41, schema.length())));
        direct = connections(port());
        pool = pool(direct, 10);
        execute("DROP SCHEMA IF EXISTS " + names.schema() + " CASCADE");
        new PostgresSchema(names).initialize(pool);
    }

    /** Of the embedded server, or with {@code -Dpostgres.port} of another one on this machine that trusts its user. */
    static int port() {
        Integer other = Integer.getInteger("postgres.port");
        return other == null ? Server.POSTGRES.getPort() : other;
    }

    /** Unpooled connections to this port of this machine: the server's own or a proxy's. */
    static PGSimpleDataSource connections(int port) {
        return (PGSimpleDataSource)
                PostgresConfigStore.unpooled("jdbc:postgresql://127.0.0.1:" + port + "/postgres", "postgres", null);
    }

    static HikariDataSource pool(DataSource connections, int size) {
        return pool(connections, size, config -> {});
    }

    static HikariDataSource pool(DataSource connections, int size, Consumer<HikariConfig> settings) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(connections);
        config.setMaximumPoolSize(size);
        config.setMinimumIdle(1);
        config.setConnectionTimeout(5_000);
        config.setInitializationFailTimeout(-1);
        settings.accept(config);
        return new HikariDataSource(config);
    }

    PostgresConfigStore.Builder builder() {
        return PostgresConfigStore.builder(pool)
                .listenConnections(direct)
                .names(names)
                .pollIntervals(Duration.ofSeconds(1), Duration.ofMillis(200));
    }

    PostgresConfigStore store() {
        return closeLater(builder().build());
    }

    <T extends AutoCloseable> T closeLater(T closeable) {
        opened.add(closeable);
        return closeable;
    }

    /** Runs SQL that is written for the default names. */
    void execute(String sql) {
        try (Connection connection = direct.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(names.apply(sql));
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The first column of the first row. */
    String query(String sql) {
        try (Connection connection = direct.getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(names.apply(sql))) {
            return row.next() ? String.valueOf(row.getString(1)) : "";
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    long number(String sql) {
        return Long.parseLong(query(sql));
    }

    /** Ends the server side of every feed connection. */
    void terminateFeeds() {
        query("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'config-feed'");
    }

    /** Forgets all history that may be forgotten. */
    void compact() {
        do {
            query("SELECT public.config_maintain('0', 0, 1, '7 days', '1 hour')");
        } while (number("SELECT rev - compact_rev FROM public.config_head") > 0);
        query("SELECT public.config_maintain('0', 0, 1, '7 days', '1 hour')");
    }

    @Override
    public void close() {
        for (AutoCloseable closeable : opened) {
            try {
                closeable.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
        pool.close();
    }
}
