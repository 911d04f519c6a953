// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import java.io.IOException;
import java.lang.reflect.Field;
import java.net.SocketTimeoutException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGNotification;
import org.postgresql.core.PGStream;
import org.postgresql.core.QueryExecutor;
import org.postgresql.core.QueryExecutorBase;
import org.postgresql.jdbc.PgConnection;

/**
 * Waits until the server says something, and keeps what it announced.
 *
 * <p>{@link PgConnection#getNotifications(int)} is not used where that can be helped: after a notification it goes on
 * reading until the socket was silent for a millisecond, so under steady writes one call collects for as long as the
 * writes last. Here the first byte ends the wait. The driver reads the message itself while it runs the next statement.
 * For that the driver's stream is needed, which only a private field has; without it the driver's own wait is used.
 */
final class Arrival {

    private final PgConnection connection;
    private final QueryExecutor executor;
    private final @Nullable PGStream stream;
    private final List<PGNotification> early = new ArrayList<>();

    Arrival(PgConnection connection) {
        this.connection = connection;
        this.executor = connection.getQueryExecutor();
        this.stream = streamOf(executor);
    }

    /** Whether the first byte ends the wait, rather than a millisecond of silence. */
    boolean immediate() {
        return stream != null;
    }

    /** Whether something arrived in this time. Throws when the connection ended. */
    boolean await(int millis) throws SQLException {
        if (stream == null) {
            PGNotification[] notifications = connection.getNotifications(millis);
            if (notifications == null || notifications.length == 0) {
                return false;
            }
            early.addAll(List.of(notifications));
            return true;
        }
        try {
            int before = stream.getNetworkTimeout();
            stream.setNetworkTimeout(millis);
            try {
                stream.peekChar();
                return true;
            } catch (SocketTimeoutException e) {
                return false;
            } finally {
                stream.setNetworkTimeout(before);
            }
        } catch (IOException e) {
            throw new SQLException("The connection ended while waiting for changes", "08006", e);
        }
    }

    /** What was announced until the last statement ended. Never reads from the socket. */
    List<PGNotification> take() throws SQLException {
        List<PGNotification> all = new ArrayList<>(early);
        early.clear();
        PGNotification[] notifications = executor.getNotifications();
        if (notifications != null) {
            all.addAll(List.of(notifications));
        }
        return all;
    }

    private static @Nullable PGStream streamOf(QueryExecutor executor) {
        try {
            Field field = QueryExecutorBase.class.getDeclaredField("pgStream");
            field.setAccessible(true);
            return (PGStream) field.get(executor);
        } catch (ReflectiveOperationException | RuntimeException e) {
            return null;
        }
    }
}
