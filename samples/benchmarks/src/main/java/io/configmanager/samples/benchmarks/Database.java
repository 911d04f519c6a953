// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.configmanager.Condition;
import io.configmanager.ValueType;
import io.configmanager.store.Commit;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Operation;
import io.configmanager.store.postgres.PostgresConfigStore;
import io.configmanager.store.postgres.PostgresNames;
import io.configmanager.store.postgres.PostgresSchema;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/**
 * A PostgreSQL of its own with an empty store, durable as a user's is: zonky turns fsync off by default. Next to the
 * store is a table {@code bare} for what the driver alone does.
 */
final class Database implements AutoCloseable {

    private static final int PAGE = 1_000;

    private final EmbeddedPostgres server;
    private final HikariDataSource pool;

    private Database(EmbeddedPostgres server, HikariDataSource pool) {
        this.server = server;
        this.pool = pool;
    }

    static Database start(Figures figures) throws IOException, SQLException {
        EmbeddedPostgres server = EmbeddedPostgres.builder()
                .setServerConfig("listen_addresses", "127.0.0.1")
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("full_page_writes", "on")
                .setServerConfig("max_connections", "600")
                .start();
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url(server.getPort()));
        config.setMaximumPoolSize(8);
        Database database = new Database(server, new HikariDataSource(config));
        new PostgresSchema(PostgresNames.DEFAULT).initialize(database.pool);
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE bare (key text PRIMARY KEY, value text NOT NULL)");
            figures.machine(
                    "server",
                    "PostgreSQL " + setting(statement, "server_version") + ", embedded, on the same machine, fsync "
                            + setting(statement, "fsync") + ", synchronous_commit "
                            + setting(statement, "synchronous_commit"));
        }
        return database;
    }

    int port() {
        return server.getPort();
    }

    static String url(int port) {
        return "jdbc:postgresql://127.0.0.1:" + port + "/postgres?user=postgres";
    }

    /** A connection of its own. */
    Connection connect() throws SQLException {
        return PostgresConfigStore.unpooled(url(port()), null, null).getConnection();
    }

    /** A store on the shared pool, with a connection of its own to listen on. */
    ConfigStore newStore() {
        return PostgresConfigStore.builder(pool)
                .listenConnections(PostgresConfigStore.unpooled(url(port()), null, null))
                .build();
    }

    /** Fills a namespace by commits of a thousand entries. */
    void fill(String namespace, int entries) {
        try (ConfigStore writer = newStore()) {
            List<Operation> operations = new ArrayList<>();
            for (int i = 0; i < entries; i++) {
                operations.add(put(namespace, key(i), i));
                if (operations.size() == PAGE || i == entries - 1) {
                    writer.commit(Commit.of(operations, "benchmark", null));
                    operations.clear();
                }
            }
        }
    }

    /** What a server does by itself after a while: afterwards its planner knows how much there is. */
    void vacuum() throws SQLException {
        try (Connection connection = connect();
                Statement statement = connection.createStatement()) {
            statement.execute("VACUUM ANALYZE");
        }
    }

    static String key(int number) {
        return "some/group-" + number % 100 + "/key-" + number;
    }

    static Commit commit(String namespace, String key, long number) {
        return Commit.of(List.of(put(namespace, key, number)), null, null);
    }

    static Operation put(String namespace, String key, long number) {
        return put(namespace, key, "\"value " + number + "\"");
    }

    static Operation put(String namespace, String key, String json) {
        return new Operation.Put(namespace, key, json, "json", ValueType.STRING, null, Condition.ALWAYS);
    }

    private static String setting(Statement statement, String name) throws SQLException {
        try (ResultSet row = statement.executeQuery("SHOW " + name)) {
            row.next();
            return row.getString(1);
        }
    }

    @Override
    public void close() throws IOException {
        pool.close();
        server.close();
    }
}
