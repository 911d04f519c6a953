// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.function.LongConsumer;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** The usual code on the driver: an upsert that notifies, and a thread that waits for notifications. */
final class BareRoute implements Route {

    private final Arrivals arrivals = new Arrivals();
    private final Connection writer;
    private final Connection listener;

    BareRoute(Database database) throws SQLException {
        writer = database.connect();
        listener = listen(database, arrivals::arrived);
    }

    @Override
    public String who() {
        return Figures.BARE;
    }

    @Override
    public void send(long number) throws SQLException {
        write(writer, "bench/key-" + number % 100, number);
    }

    @Override
    public long received(long number) throws InterruptedException {
        return arrivals.await(number);
    }

    @Override
    public void close() throws SQLException {
        listener.abort(Runnable::run);
        writer.close();
    }

    /** One upsert and its notification, in one statement. */
    static void write(Connection writer, String key, long number) throws SQLException {
        try (PreparedStatement upsert = writer.prepareStatement("WITH w AS (INSERT INTO bare VALUES (?, ?)"
                + " ON CONFLICT (key) DO UPDATE SET value = excluded.value RETURNING 1)"
                + " SELECT pg_notify('bare', ?) FROM w")) {
            upsert.setString(1, key);
            upsert.setString(2, "value " + number);
            upsert.setString(3, Long.toString(number));
            upsert.execute();
        }
    }

    /** Starts a thread that hands on every number it is notified of, until the connection is aborted. */
    static Connection listen(Database database, LongConsumer received) throws SQLException {
        Connection connection = database.connect();
        try (Statement statement = connection.createStatement()) {
            statement.execute("LISTEN bare");
        }
        Thread thread = new Thread(() -> receive(connection, received), "bare-listener");
        thread.setDaemon(true);
        thread.start();
        return connection;
    }

    private static void receive(Connection connection, LongConsumer received) {
        try {
            PGConnection postgres = connection.unwrap(PGConnection.class);
            while (!connection.isClosed()) {
                PGNotification[] notifications = postgres.getNotifications(1_000);
                for (PGNotification notification : notifications == null ? new PGNotification[0] : notifications) {
                    received.accept(Long.parseLong(notification.getParameter()));
                }
            }
        } catch (SQLException e) {
            // The connection was closed: the measurement is over.
        }
    }
}
