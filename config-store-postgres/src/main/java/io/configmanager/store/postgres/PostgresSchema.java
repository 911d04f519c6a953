// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import io.configmanager.StoreException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import javax.sql.DataSource;

/**
 * Creates and checks the tables, functions and triggers. The SQL is {@code schema-postgresql.sql} beside this class; its
 * comments say how to run it by hand and which rights other roles need.
 */
public final class PostgresSchema {

    /** What the script sets {@code schema_version} to. */
    static final int VERSION = 3;

    private static final List<String> TRIGGERS = List.of("entry_before", "entry_logged", "entry_no_truncate");

    private final PostgresNames names;

    public PostgresSchema(PostgresNames names) {
        this.names = names;
    }

    /** The SQL with these names, for tools such as Flyway. Does not create the schema itself. */
    public String script() {
        try (InputStream in = PostgresSchema.class.getResourceAsStream("schema-postgresql.sql")) {
            return names.apply(new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Creates what is missing and upgrades what is older, in one transaction; does nothing if it is all there or newer.
     * Instances that start together wait for each other.
     *
     * @throws StoreException if that is not possible, for example because the tables belong to another role
     */
    public void initialize(DataSource dataSource) {
        try (Connection connection = dataSource.getConnection()) {
            boolean autoCommit = connection.getAutoCommit();
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.execute("SELECT pg_advisory_xact_lock(hashtext('" + names.qualified("schema") + "'), 0)");
                if (!isComplete(statement)) {
                    if (!exists(statement, "to_regnamespace('\"" + names.schema() + "\"')")) {
                        statement.execute("CREATE SCHEMA \"" + names.schema() + '"');
                    }
                    statement.execute(script());
                }
                connection.commit();
                connection.setAutoCommit(autoCommit);
            } catch (SQLException e) {
                // Not rolled back: on a connection that is lost that fails, too, and hides why.
                Calls.abort(connection);
                throw e;
            }
        } catch (SQLException e) {
            if (Failures.isPrivilege(e)) {
                throw new StoreException(
                        "Cannot create or upgrade the schema: the database role lacks a privilege ("
                                + Failures.message(e)
                                + "). Run schema-postgresql.sql from the jar as the role that owns, or shall own, the tables",
                        false,
                        e);
            }
            throw Failures.translate("create the schema", e, names);
        }
    }

    /**
     * What is wrong although the store would work: triggers that are missing or do not fire always. Empty if all is well.
     *
     * @throws StoreException that is not transient if the tables are missing or older than this library
     */
    public List<String> verify(DataSource dataSource) {
        try (Connection connection = dataSource.getConnection()) {
            return verify(connection);
        } catch (SQLException e) {
            throw Failures.translate("check the schema", e, names);
        }
    }

    List<String> verify(Connection connection) throws SQLException {
        List<String> problems = new ArrayList<>();
        try (Statement statement = connection.createStatement()) {
            int version = version(statement);
            if (version < VERSION) {
                throw new StoreException(
                        "The schema has version " + version + ", this library needs " + VERSION
                                + ": set config.store.postgres.initialize-schema=always, or run schema-postgresql.sql from"
                                + " the jar as the role that owns the tables",
                        false,
                        null);
            }
            if (version > VERSION) {
                problems.add("the schema has version " + version + ", newer than the " + VERSION + " of this library");
            }
            Map<String, String> states = triggers(statement);
            for (String trigger : TRIGGERS) {
                String state = states.get(names.tablePrefix() + trigger);
                if (state == null) {
                    problems.add("trigger " + names.tablePrefix() + trigger + " is missing: changes may go unnoticed");
                } else if (!state.equals("A")) {
                    problems.add("trigger " + names.tablePrefix() + trigger + " does not fire always: ALTER TABLE "
                            + names.qualified("entry") + " ENABLE ALWAYS TRIGGER " + names.tablePrefix() + trigger);
                }
            }
        }
        return problems;
    }

    /** A newer schema is left alone, or this script would put older functions in the place of its own. */
    private boolean isComplete(Statement statement) throws SQLException {
        if (!exists(statement, "to_regclass('" + names.qualified("head") + "')")) {
            return false;
        }
        int version = version(statement);
        return version > VERSION || (version == VERSION && triggers(statement).size() == TRIGGERS.size());
    }

    private int version(Statement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery("SELECT schema_version FROM " + names.qualified("head"))) {
            return row.next() ? row.getInt(1) : 0;
        }
    }

    private Map<String, String> triggers(Statement statement) throws SQLException {
        Map<String, String> states = new LinkedHashMap<>();
        try (ResultSet row = statement.executeQuery("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal"
                + " AND tgrelid = to_regclass('" + names.qualified("entry") + "')")) {
            while (row.next()) {
                if (row.getString(1).startsWith(names.tablePrefix())) {
                    states.put(row.getString(1), row.getString(2));
                }
            }
        }
        return states;
    }

    private static boolean exists(Statement statement, String expression) throws SQLException {
        try (ResultSet row = statement.executeQuery("SELECT " + expression + " IS NOT NULL")) {
            return row.next() && row.getBoolean(1);
        }
    }
}
