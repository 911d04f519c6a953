// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The connections on which the product listens. Counts those that are open, and can make the server forget, right after a
 * read, that one of them listens: the product cannot notice before its next read.
 */
final class PostgresFeedConnections {

    private final DataSource real;
    private final Set<Connection> opened = ConcurrentHashMap.newKeySet();
    private volatile boolean forget;

    PostgresFeedConnections(DataSource real) {
        this.real = real;
    }

    DataSource dataSource() {
        return wrap(DataSource.class, real, (method, result) -> {
            if (!method.equals("getConnection")) {
                return result;
            }
            Connection connection = (Connection) Objects.requireNonNull(result);
            opened.add(connection);
            return watched(connection);
        });
    }

    /** The next read is the last one before which the server announces anything. */
    void loseRegistration() {
        forget = true;
    }

    int open() {
        opened.removeIf(connection -> {
            try {
                return connection.isClosed();
            } catch (SQLException e) {
                return true;
            }
        });
        return opened.size();
    }

    private Connection watched(Connection connection) {
        return wrap(
                Connection.class,
                connection,
                (method, result) -> method.equals("prepareStatement") && result != null
                        ? wrap(PreparedStatement.class, (PreparedStatement) result, (called, answer) -> {
                            if (called.equals("getResultSet")) {
                                maybeForget(connection);
                            }
                            return answer;
                        })
                        : result);
    }

    private void maybeForget(Connection connection) throws SQLException {
        if (forget) {
            forget = false;
            try (Statement statement = connection.createStatement()) {
                statement.execute("UNLISTEN *");
            }
        }
    }

    /** What happens after a method was called on the real object. */
    @FunctionalInterface
    private interface After {
        @Nullable
        Object called(String method, @Nullable Object result) throws SQLException;
    }

    private static <T> T wrap(Class<T> type, T target, After after) {
        return type.cast(Proxy.newProxyInstance(
                PostgresFeedConnections.class.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                    try {
                        return after.called(method.getName(), method.invoke(target, arguments));
                    } catch (InvocationTargetException e) {
                        throw e.getCause() == null ? e : e.getCause();
                    }
                }));
    }
}
