// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.Plan.Fault;
import io.configmanager.store.postgres.PostgresNames;
import io.configmanager.store.postgres.PostgresSchema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Comparator;
import java.util.stream.Stream;

/** A PostgreSQL server and its archive. */
final class PostgresBackend implements Backend {

    private static final String COMPACT = "SELECT public.config_maintain('0', 0, 1, '7 days', '1 hour')";

    private final Plan plan;
    private final Path data;
    private final PostgresServer server;
    private final PostgresArchive archive;

    PostgresBackend(Plan plan) throws IOException {
        this.plan = plan;
        data = Files.createTempDirectory("robustness-pg");
        server = new PostgresServer(data);
        try {
            new PostgresSchema(PostgresNames.DEFAULT).initialize(server.direct());
            archive = new PostgresArchive(server);
            for (String namespace : Keys.NAMESPACES) {
                put(namespace, Keys.BROKEN, "0", Plan.tag("start", 0) + namespace);
            }
        } catch (SQLException | RuntimeException e) {
            close();
            throw new IllegalStateException(e);
        }
    }

    @Override
    public int port() {
        return server.port();
    }

    @Override
    public Operator operator(int number, Recorder recorder, long loadStart) {
        return new SqlWriter(server, recorder, plan.statements(number), loadStart);
    }

    @Override
    public String fail(Fault fault) throws IOException {
        switch (fault.kind()) {
            case TERMINATE_FEEDS ->
                sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        + " WHERE application_name = 'config-feed'");
            case TERMINATE_ALL ->
                sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        + " WHERE backend_type = 'client backend' AND application_name <> '" + PostgresServer.OURS
                        + "'");
            case CRASH -> {
                server.kill();
                Clock.awaitMillis(fault.millis());
                server.start();
            }
            case NO_CHANNEL -> {
                sql("UPDATE config_head SET channel = NULL");
                Clock.awaitMillis(fault.millis());
                sql("UPDATE config_head SET channel = 'config'");
            }
            case COMPACT -> {
                // Raised at once to where most clients are, and swept while they read.
                sql(COMPACT);
                sql(COMPACT);
            }
            case LINEAGE -> sql("UPDATE config_head SET lineage = gen_random_uuid()");
            default -> throw new IllegalArgumentException(fault.toString());
        }
        return Texts.NONE;
    }

    @Override
    public void dump() throws SQLException {
        archive.dump();
    }

    @Override
    public boolean restore(int choice) throws SQLException {
        return archive.restore(choice);
    }

    @Override
    public long head() throws SQLException {
        try (Connection connection = server.connect();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT rev FROM config_head")) {
            row.next();
            return row.getLong(1);
        }
    }

    @Override
    public void put(String namespace, String key, String value, String tag) throws SQLException {
        try (Connection connection = server.connect()) {
            SqlWriter.put(connection, namespace, key, value, 0, tag);
        }
    }

    /** Without an announcement: to every client it looks as if there were a channel that works. */
    @Override
    public void putQuietly(Iterable<String> namespaces, String key, String value, String tag) throws SQLException {
        try (Connection connection = server.connect();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            // First of all, so that the row is ours until the commit and nobody sees it without its channel.
            String channel;
            try (ResultSet row = statement.executeQuery("SELECT channel FROM config_head FOR UPDATE")) {
                row.next();
                channel = row.getString(1);
            }
            statement.execute("UPDATE config_head SET channel = NULL");
            for (String namespace : namespaces) {
                SqlWriter.put(connection, namespace, key, value, 0, tag);
            }
            statement.execute("SET CONSTRAINTS ALL IMMEDIATE");
            if (channel != null) {
                statement.execute("UPDATE config_head SET channel = '" + channel + "'");
            }
            connection.commit();
        }
    }

    /** Triggers have logged everything at once. */
    @Override
    public void settle() {}

    @Override
    public void export(Recorder out) throws SQLException {
        archive.export(out);
    }

    @Override
    public void close() throws IOException {
        server.close();
        try (Stream<Path> paths = Files.walk(data)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }

    private void sql(String sql) {
        Faults.again(() -> {
            try (Connection connection = server.connect();
                    Statement statement = connection.createStatement()) {
                statement.execute(sql);
            }
        });
    }
}
