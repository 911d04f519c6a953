// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import io.configmanager.ConfigException;
import io.configmanager.InvalidConfigException;
import io.configmanager.StoreException;
import java.io.IOException;
import java.sql.SQLException;
import java.sql.SQLTransientException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Turns what the driver throws into what the contract promises, with a message that says what to do. */
final class Failures {

    private static final Set<String> MISSING = Set.of("42P01", "42883", "3F000", "42703");
    private static final String PRIVILEGE = "42501";
    private static final Set<String> PREPARED = Set.of("26000", "42P05");
    private static final String READ_ONLY = "25006";
    private static final Set<String> CONTENTION = Set.of("40001", "40P01", "55P03");

    private Failures() {}

    static RuntimeException translate(String what, Exception failure, PostgresNames names) {
        if (failure instanceof ConfigException known) {
            return known;
        }
        SQLException sql = sqlException(failure);
        String state = sql == null || sql.getSQLState() == null ? "" : sql.getSQLState();
        Exception cause = withoutDetail(failure, sql);
        String reason = "Cannot " + what + ": ";
        if (MISSING.contains(state)) {
            String advice = "the schema is missing or incomplete (" + message(failure)
                    + "). Set config.store.postgres.initialize-schema=always, or run schema-postgresql.sql from the jar as"
                    + " the role that shall own the tables";
            return new StoreException(reason + advice, false, cause);
        }
        if (state.equals(PRIVILEGE)) {
            String advice =
                    "the database role lacks a privilege (" + message(failure) + "). Readers need GRANT SELECT ON "
                            + names.qualified("head") + ", " + names.qualified("entry") + ", " + names.qualified("log")
                            + "; writers also GRANT INSERT, UPDATE, DELETE ON " + names.qualified("entry")
                            + ", GRANT SELECT, INSERT, DELETE ON " + names.qualified("operation")
                            + " and GRANT EXECUTE ON FUNCTION " + names.qualified("commit") + ", "
                            + names.qualified("record")
                            + "; the fleet GRANT SELECT, INSERT, UPDATE ON " + names.qualified("instance")
                            + "; all need GRANT USAGE ON SCHEMA " + names.schema();
            return new StoreException(reason + advice, false, cause);
        }
        if (state.startsWith("28") || state.equals("3D000")) {
            String advice = "the database refuses this user or has no such database (" + message(failure)
                    + "). Check URL, user and password";
            return new StoreException(reason + advice, false, cause);
        }
        if (PREPARED.contains(state)) {
            String advice =
                    "the connection leads to another session than before, as through a pooler in transaction mode ("
                            + message(failure) + "). Add prepareThreshold=0 to the JDBC URL";
            return new StoreException(reason + advice, false, cause);
        }
        if (state.startsWith("22") || state.equals("23514")) {
            return new InvalidConfigException(
                    reason + "PostgreSQL does not accept a name or value (SQLSTATE " + state
                            + "); text must not contain the character U+0000, nor one that the database's encoding lacks",
                    cause);
        }
        if (state.equals(READ_ONLY)) {
            return new StoreException(reason + "the connection is read-only or leads to a standby", true, cause);
        }
        boolean isTransient = failure instanceof SQLTransientException || isTransient(state);
        return new StoreException(reason + message(failure), isTransient, cause);
    }

    /** Whether another transaction was in the way, so that the same call may succeed at once. */
    static boolean isContention(Exception failure) {
        SQLException sql = sqlException(failure);
        return sql != null && sql.getSQLState() != null && CONTENTION.contains(sql.getSQLState());
    }

    static boolean isPrivilege(SQLException failure) {
        return PRIVILEGE.equals(failure.getSQLState());
    }

    static boolean isReadOnly(SQLException failure) {
        return READ_ONLY.equals(failure.getSQLState());
    }

    /** Whether the connection is gone, so that nobody knows what became of the statement. */
    static boolean isConnectionLost(Throwable failure) {
        for (Throwable each = failure; each != null; each = each.getCause()) {
            if (each instanceof IOException) {
                return true;
            }
            if (each instanceof SQLException sql && sql.getSQLState() != null) {
                String state = sql.getSQLState();
                if (state.startsWith("08") || (state.startsWith("57P") && !state.equals("57P04"))) {
                    return true;
                }
            }
        }
        return false;
    }

    private static boolean isTransient(String state) {
        return state.isEmpty()
                || state.startsWith("08")
                || state.startsWith("40")
                || state.startsWith("53")
                || state.startsWith("55")
                || state.startsWith("57")
                || state.startsWith("58")
                || state.startsWith("XX");
    }

    private static @Nullable SQLException sqlException(Throwable failure) {
        SQLException found = null;
        for (Throwable each = failure; each != null; each = each.getCause()) {
            if (each instanceof SQLException sql && (found == null || found.getSQLState() == null)) {
                found = sql;
            }
        }
        return found;
    }

    /** What the server said beyond the first line may quote a row, and so a value, and would be in every stack trace. */
    private static Exception withoutDetail(Exception failure, @Nullable SQLException sql) {
        if (sql == null || sql.getMessage() == null || sql.getMessage().indexOf('\n') < 0) {
            return failure;
        }
        SQLException plain = new SQLException(message(sql), sql.getSQLState(), sql.getErrorCode());
        plain.setStackTrace(sql.getStackTrace());
        return plain;
    }

    /** The first line only: further ones are the server's detail, which may quote a row with its value. */
    static String message(Throwable failure) {
        String message = failure.getMessage();
        if (message == null) {
            return failure.getClass().getSimpleName();
        }
        int end = message.indexOf('\n');
        return end < 0 ? message : message.substring(0, end);
    }
}
