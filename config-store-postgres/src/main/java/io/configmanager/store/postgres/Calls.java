// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Set;
import javax.sql.DataSource;

/** Gives work a connection and a deadline that also holds against a server that does not answer at all. */
final class Calls {

    /** Something to do with a connection. */
    @FunctionalInterface
    interface Work<T> {
        T on(Connection connection) throws SQLException;
    }

    private Calls() {}

    /**
     * Runs the work on a connection of its own, every statement a transaction.
     *
     * @param running holds the connection meanwhile, so that another thread can abort it
     */
    static <T> T own(DataSource dataSource, Duration timeout, Set<Connection> running, Work<T> work)
            throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            boolean autoCommit = connection.getAutoCommit();
            if (!autoCommit) {
                connection.setAutoCommit(true);
            }
            running.add(connection);
            try {
                return within(connection, timeout, work);
            } finally {
                running.remove(connection);
                if (!autoCommit && !connection.isClosed()) {
                    connection.setAutoCommit(false);
                }
            }
        }
    }

    /** Runs the work on a connection that the caller goes on using. */
    static <T> T within(Connection connection, Duration timeout, Work<T> work) throws SQLException {
        int before = connection.getNetworkTimeout();
        connection.setNetworkTimeout(Runnable::run, millis(timeout));
        try {
            T result = work.on(connection);
            connection.setNetworkTimeout(Runnable::run, before);
            return result;
        } catch (SQLException e) {
            if (Failures.isConnectionLost(e)) {
                abort(connection);
            } else {
                connection.setNetworkTimeout(Runnable::run, before);
            }
            throw e;
        } catch (RuntimeException | Error e) {
            connection.setNetworkTimeout(Runnable::run, before);
            throw e;
        }
    }

    /** Ends the connection without asking the server, so that no pool hands it out again. */
    static void abort(Connection connection) {
        try {
            connection.abort(Runnable::run);
        } catch (SQLException e) {
            // It is gone either way.
        }
    }

    /** At least one millisecond, because zero means for ever. */
    static int millis(Duration timeout) {
        return (int) Math.max(1, Math.min(timeout.toMillis(), Integer.MAX_VALUE));
    }

    /** For {@link java.sql.Statement#setQueryTimeout}: whole seconds, at least one. */
    static int seconds(Duration timeout) {
        return (millis(timeout) + 999) / 1000;
    }
}
