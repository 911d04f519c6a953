// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.Plan.SqlKind;
import io.configmanager.samples.robustness.Plan.Step;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** An operator with psql: plain SQL on the entries, in transactions long and short, some of which are rolled back. */
final class SqlWriter implements Backend.Operator {

    private static final String UPSERT = "INSERT INTO config_entry (namespace, key, value, expires_at, comment)"
            + " VALUES (?, ?, ?, clock_timestamp() + ? * interval '1 millisecond', ?)"
            + " ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at,"
            + " comment = excluded.comment";

    private final PostgresServer server;
    private final Recorder recorder;
    private final List<Step<SqlKind>> steps;
    private final long loadStart;
    private volatile boolean stopping;

    SqlWriter(PostgresServer server, Recorder recorder, List<Step<SqlKind>> steps, long loadStart) {
        this.server = server;
        this.recorder = recorder;
        this.steps = steps;
        this.loadStart = loadStart;
    }

    @Override
    public void run() {
        int next = 0;
        while (next < steps.size() && !stopping) {
            try (Connection connection = server.connect()) {
                connection.setAutoCommit(false);
                while (next < steps.size() && !stopping) {
                    Step<SqlKind> step = steps.get(next++);
                    Clock.awaitNanos(loadStart + TimeUnit.MILLISECONDS.toNanos(step.at()));
                    if (!perform(connection, step)) {
                        break;
                    }
                }
            } catch (SQLException e) {
                // The server went away; it comes back.
            }
        }
    }

    @Override
    public void stop() {
        stopping = true;
    }

    /** False if the connection is of no more use. */
    private boolean perform(Connection connection, Step<SqlKind> step) throws SQLException {
        long start = System.nanoTime();
        String outcome = "failed";
        boolean usable = true;
        try {
            execute(connection, step);
            if (step.kind() == SqlKind.ROLLED_BACK) {
                connection.rollback();
                outcome = "rolled-back";
            } else {
                outcome = "unknown";
                connection.commit();
                outcome = "ok";
            }
        } catch (SQLException e) {
            boolean refused = e.getSQLState() != null
                    && !e.getSQLState().startsWith("08")
                    && !e.getSQLState().startsWith("57");
            if (refused) {
                outcome = "failed";
                connection.rollback();
            } else {
                usable = false;
            }
        }
        recorder.write("Q", start, System.nanoTime(), step.tag(), step.kind(), step.namespace(), outcome);
        return usable;
    }

    private static void execute(Connection connection, Step<SqlKind> step) throws SQLException {
        String namespace = step.namespace();
        String tag = step.tag();
        String value = '"' + tag + '"';
        String key = Keys.data(step.key());
        switch (step.kind()) {
            case PUT -> put(connection, namespace, key, value, 0, tag);
            case EXPIRE ->
                put(connection, namespace, Keys.expiring(step.key()), value, 200 + step.number() % 4_000, tag);
            case PAIR -> putPair(connection, namespace, step.key(), value, tag);
            case PAIR_OF_TWO_NAMESPACES -> {
                putPair(connection, Keys.NAMESPACES.get(0), step.key(), value, tag);
                putPair(connection, Keys.NAMESPACES.get(1), step.key(), value, tag);
            }
            case DELETE -> {
                say(connection, tag);
                update(connection, "DELETE FROM config_entry WHERE namespace = ? AND key = ?", namespace, key);
            }
            case UPDATE_SOME ->
                update(
                        connection,
                        "UPDATE config_entry SET value = ?, comment = ? WHERE namespace = ? AND key IN (?, ?, ?)",
                        value,
                        tag,
                        namespace,
                        key,
                        Keys.data(step.key() + 3),
                        Keys.data(step.key() + 5));
            case MOVE -> {
                say(connection, tag);
                update(
                        connection,
                        "UPDATE config_entry SET key = ?, value = ?, comment = ? WHERE namespace = ? AND key = ?",
                        Keys.data(step.key() + 1 + step.number() % (Keys.DATA - 1)),
                        value,
                        tag,
                        namespace,
                        key);
            }
            case INCREMENT ->
                update(
                        connection,
                        "UPDATE config_entry SET value = (value::bigint + 1)::text, comment = ?"
                                + " WHERE namespace = ? AND key = ?",
                        tag,
                        namespace,
                        Keys.counter(step.key()));
            case IDLE -> {
                put(connection, namespace, key, value, 0, tag);
                Clock.awaitMillis(step.number() % 400);
                putPair(connection, namespace, step.key(), value, tag);
            }
            case ROLLED_BACK -> {
                putPair(connection, namespace, step.key(), value, tag);
                say(connection, tag);
                update(connection, "DELETE FROM config_entry WHERE namespace = ? AND key = ?", namespace, key);
                Clock.awaitMillis(step.number() % 60);
            }
        }
    }

    /** Why a deletion happens, for the log. */
    static void say(Connection connection, String tag) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET LOCAL config.comment = '" + tag + "'");
        }
    }

    /** @param ttl milliseconds to live, or 0 */
    static void put(Connection connection, String namespace, String key, String value, int ttl, String tag)
            throws SQLException {
        try (PreparedStatement upsert = connection.prepareStatement(UPSERT)) {
            upsert.setString(1, namespace);
            upsert.setString(2, key);
            upsert.setString(3, value);
            upsert.setObject(4, ttl == 0 ? null : ttl, Types.INTEGER);
            upsert.setString(5, tag);
            upsert.executeUpdate();
        }
    }

    private static void putPair(Connection connection, String namespace, int pair, String value, String tag)
            throws SQLException {
        put(connection, namespace, Keys.left(pair), value, 0, tag);
        put(connection, namespace, Keys.right(pair), value, 0, tag);
    }

    private static void update(Connection connection, String sql, String... parameters) throws SQLException {
        try (PreparedStatement update = connection.prepareStatement(sql)) {
            for (int i = 0; i < parameters.length; i++) {
                update.setString(i + 1, parameters[i]);
            }
            update.executeUpdate();
        }
    }
}
