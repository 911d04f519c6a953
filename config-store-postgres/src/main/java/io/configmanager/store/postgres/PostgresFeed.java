// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import io.configmanager.StoreException;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.Feed;
import io.configmanager.store.LogFeed;
import io.configmanager.store.LogProof;
import io.configmanager.store.Position;
import io.configmanager.store.PositionLostException;
import io.configmanager.store.PositionLostException.Reason;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGNotification;
import org.postgresql.jdbc.PgConnection;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the log behind a position over a connection of its own. A notification is only a reason to read now; reads
 * happen anyway, and each proves that its position still stands, that nothing is missing, and that the server still
 * knows that this connection listens.
 */
final class PostgresFeed implements LogFeed.Log {

    private static final Logger log = LoggerFactory.getLogger(PostgresFeed.class);
    private static final Duration PROBE_PATIENCE = Duration.ofSeconds(2);

    private final PostgresConfigStore store;
    private final Connection connection;
    private final Arrival arrival;
    private final @Nullable String channel;
    private final String probeChannel;
    private final int session;
    private final PreparedStatement catchUp;

    private Position position;
    private UUID lineage;
    private UUID revisionId;
    private boolean probed;
    private boolean more;

    /** Whether a notification has come through; until then it is not known that any can. */
    private boolean pushProved;

    /** Whether statements of this connection were seen in different sessions: what it listens to is anybody's. */
    private boolean pooled;

    private boolean pushAvailable;
    private long probeVerdict;

    private Instant storeTime = Instant.EPOCH;
    private long lagNanos;

    /** Whether the last read also brought a hint of something newer than what it could see. */
    private boolean readAgain;

    /** The newest announced revision, and the newest one found without having been announced by then. */
    private long announced;

    private long unannouncedFrom;
    private long unannouncedTo;

    private PostgresFeed(
            PostgresConfigStore store,
            Connection connection,
            Position position,
            @Nullable String channel,
            String probe,
            int session)
            throws SQLException {
        this.store = store;
        this.connection = connection;
        this.arrival = new Arrival(connection.unwrap(PgConnection.class));
        this.channel = channel;
        this.probeChannel = probe;
        this.session = session;
        this.pushAvailable = channel != null;
        this.position = position;
        UUID[] ids = parseToken(position);
        this.lineage = ids[0];
        this.revisionId = ids[1];
        this.announced = position.revision();
        // Without statistics the planner guesses wrong about the log: JIT and full scans cost more than the reads.
        this.catchUp = connection.prepareStatement(
                Sql.with(store.settings.callTimeout(), "jit", "enable_seqscan") + store.sql.catchUp);
    }

    /** Connects and listens; does not read the log. */
    static Feed open(PostgresConfigStore store, Position position) {
        parseToken(position);
        Connection connection = null;
        try {
            connection = store.listenConnections.getConnection();
            connection.setAutoCommit(true);
            connection.setNetworkTimeout(Runnable::run, Calls.millis(store.settings.callTimeout()));
            PostgresFeed feed = listen(store, connection, position);
            for (String problem : store.schema.verify(connection)) {
                store.warnOnce(problem);
            }
            return new LogFeed(feed, store.settings, store.feeds);
        } catch (SQLException | RuntimeException e) {
            if (connection != null) {
                Calls.abort(connection);
            }
            throw Failures.translate("open the feed", e, store.names);
        }
    }

    private static PostgresFeed listen(PostgresConfigStore store, Connection connection, Position position)
            throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET application_name = 'config-feed'");
            String channel;
            boolean standby;
            int session;
            try (ResultSet row = statement.executeQuery(store.sql.channel)) {
                if (!row.next()) {
                    throw PostgresConfigStore.noHead(store.names);
                }
                channel = row.getString(1);
                standby = row.getBoolean(2);
                session = row.getInt(3);
            }
            String probe = "";
            if (!store.push || channel == null) {
                channel = null;
            } else if (standby) {
                store.warnOnce("the feed's connection leads to a standby, which cannot announce changes: polling every "
                        + store.settings.pollOnlyInterval());
                channel = null;
            } else {
                probe = "config_probe_"
                        + Long.toHexString(ThreadLocalRandom.current().nextLong());
                statement.execute("LISTEN " + quoted(channel) + "; LISTEN " + quoted(probe));
            }
            return new PostgresFeed(store, connection, position, channel, probe, session);
        }
    }

    @Override
    public Position position() {
        return position;
    }

    @Override
    public boolean pushAvailable() {
        return pushAvailable;
    }

    @Override
    public boolean await(long nanos) throws SQLException {
        if (probeVerdict != 0 && !pushProved && pushAvailable && System.nanoTime() - probeVerdict >= 0) {
            pushUnavailable();
            return true;
        }
        return readAgain || (nanos > 0 && arrival.await(Calls.millis(Duration.ofNanos(nanos + 999_999))));
    }

    @Override
    public LogFeed.Page read(boolean told) throws SQLException {
        if (!probed) {
            probed = true;
            // Before the first answer: where nothing passes, it takes its time, and nobody should call that live.
            probe();
        }
        long start = System.nanoTime();
        long before = position.revision();
        List<ChangeSet> changeSets = catchUp();
        takeAnnouncements();
        return new LogFeed.Page(changeSets, start - lagNanos, more, storeTime, told ? 0 : missedHints(before));
    }

    @Override
    public RuntimeException translate(Exception failure) {
        return Failures.translate("read the feed", failure, store.names);
    }

    @Override
    public void interrupt() {
        Calls.abort(connection);
    }

    private List<ChangeSet> catchUp() throws SQLException {
        long last = position.revision();
        PreparedStatement query = catchUp;
        query.setLong(1, last);
        query.setString(2, channel == null ? "" : channel);
        query.setLong(3, last);
        query.setLong(4, last);
        query.setString(5, revisionId.toString());
        query.setLong(6, last);
        query.setString(7, revisionId.toString());
        query.setLong(8, last);
        try (ResultSet row = Sql.answer(query)) {
            if (!row.next()) {
                throw PostgresConfigStore.noHead(store.names);
            }
            long head = row.getLong(2);
            boolean sameLineage = lineage.equals(row.getObject(1, UUID.class));
            lagNanos = TimeUnit.MICROSECONDS.toNanos(Math.max(0, row.getLong(13)));
            if (lagNanos > 0 && (head < last || !sameLineage)) {
                throw new StoreException(
                        "The standby lags: it is at revision " + head + ", the position at " + last, true, null);
            }
            LogProof.requireContinuation(last, sameLineage, head, row.getLong(4), row.getBoolean(8));
            requireListening(row);
            storeTime = Sql.instant(row, 5);
            long upto = row.getLong(9);
            if (row.wasNull()) {
                LogProof.requireNoGap(head, last);
                more = false;
                return List.of();
            }
            UUID uptoId = row.getObject(10, UUID.class);
            LogProof.Collector lines = new LogProof.Collector(last);
            do {
                lines.add(Sql.logEntry(row, 14), Sql.instant(row, 11));
            } while (row.next());
            List<ChangeSet> changeSets = lines.changeSets();
            LogProof.requireNoGap(changeSets.get(changeSets.size() - 1).revision(), upto);
            more = upto < head;
            revisionId = uptoId;
            position = new Position(upto, token(lineage, revisionId));
            return changeSets;
        }
    }

    private void requireListening(ResultSet row) throws SQLException {
        String announcedOn = row.getString(6);
        if (store.push && (announcedOn == null) != (channel == null) && !(channel == null && standby())) {
            throw new StoreException("The store's channel was changed to " + announcedOn, true, null);
        }
        if (channel == null) {
            return;
        }
        if (!channel.equals(announcedOn)) {
            throw new StoreException("The store's channel was changed to " + announcedOn, true, null);
        }
        if (!pooled && row.getInt(12) != session) {
            pooled = true;
            pushUnavailable();
        }
        if (pooled || row.getBoolean(7)) {
            return;
        }
        if (pushProved) {
            throw new StoreException("The server forgot that this connection listens to " + channel, true, null);
        }
        pushUnavailable();
    }

    /** Only ever asked when there is a channel but this feed does not listen. */
    private boolean standby() throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT pg_is_in_recovery()")) {
            return row.next() && row.getBoolean(1);
        }
    }

    private void takeAnnouncements() throws SQLException {
        readAgain = false;
        for (PGNotification notification : arrival.take()) {
            if (notification.getName().equals(channel)) {
                long revision = revisionOf(notification.getParameter());
                announced = Math.max(announced, revision);
                // The server sends it before the end of the answer, and nothing else will announce this revision.
                readAgain |= revision > position.revision();
            }
            // Through a pooler, an answer may bring what was meant for whoever had the session before.
            if (!pushProved && !pooled) {
                pushProved = true;
                pushAvailable = true;
            }
        }
    }

    /** Sends this connection a notification from another one: a pooler in between may take LISTEN and deliver nothing. */
    private void probe() {
        if (channel == null) {
            return;
        }
        try (Connection other = store.listenConnections.getConnection()) {
            other.setAutoCommit(true);
            other.setNetworkTimeout(Runnable::run, Calls.millis(store.settings.callTimeout()));
            try (Statement statement = other.createStatement()) {
                statement.execute("NOTIFY " + quoted(probeChannel));
            }
            probeVerdict = System.nanoTime() + PROBE_PATIENCE.toNanos();
        } catch (SQLException e) {
            log.debug("Could not find out whether notifications arrive", e);
        }
    }

    private void pushUnavailable() {
        pushAvailable = false;
        store.warnOnce("notifications do not arrive, as behind a pooler in transaction mode: polling every "
                + store.settings.pollOnlyInterval() + ". Give the store connections that lead directly to the primary");
    }

    /** Of the changes that an earlier safety poll found unannounced, those that still are. A late hint is no loss. */
    private int missedHints(long before) {
        long missed = pushAvailable ? Math.max(0, unannouncedTo - Math.max(unannouncedFrom, announced)) : 0;
        unannouncedFrom = before;
        unannouncedTo = position.revision();
        return (int) missed;
    }

    static String token(UUID lineage, UUID revisionId) {
        return lineage + ":" + revisionId;
    }

    static UUID[] parseToken(Position position) {
        String token = position.token();
        int colon = token.indexOf(':');
        try {
            return new UUID[] {UUID.fromString(token.substring(0, colon)), UUID.fromString(token.substring(colon + 1))};
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new PositionLostException(
                    Reason.HISTORY_REPLACED, "The position was not issued by this kind of store");
        }
    }

    private static long revisionOf(String payload) {
        try {
            return Long.parseLong(payload);
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private static String quoted(String identifier) {
        return '"' + Objects.requireNonNull(identifier).replace("\"", "\"\"") + '"';
    }
}
