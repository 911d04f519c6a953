// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.FleetInstance;
import io.configmanager.FleetStatus;
import io.configmanager.LogEntry;
import io.configmanager.Page;
import io.configmanager.StoreException;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Cursors;
import io.configmanager.store.Feed;
import io.configmanager.store.InstanceReport;
import io.configmanager.store.Lookup;
import io.configmanager.store.Position;
import io.configmanager.store.Snapshot;
import io.configmanager.store.StoreSettings;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.jdbc.datasource.ConnectionHolder;
import org.springframework.jdbc.datasource.DataSourceUtils;
import org.springframework.jdbc.datasource.TransactionAwareDataSourceProxy;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/**
 * Configuration in PostgreSQL 13 or later. An entry is one row that may be edited by hand:
 *
 * <pre>
 * namespace  | key          | value     | codec | type   | version | created_at | updated_at | expires_at | author
 * -----------+--------------+-----------+-------+--------+---------+------------+------------+------------+--------
 * production | app/greeting | "Bonjour" | json  | string |       3 | …          | …          |            | alice
 * </pre>
 *
 * <p>Triggers give every change, also one made with psql, a version, a line in the log and a revision; all changes of a
 * transaction have the same one. The revision is taken while the transaction commits, so revisions follow commit order
 * and have no gaps, and an idle transaction blocks nobody. {@code schema-postgresql.sql} in this package creates it all;
 * see {@link PostgresSchema}.
 *
 * <p>{@link #commit} joins the Spring transaction of the calling thread if that uses the same {@link DataSource}:
 * configuration and business rows then commit or vanish together. It answers with revision 0, because the revision is
 * taken by the surrounding commit; there is no retry, and an error aborts the transaction as any failed statement does.
 * Reads never join: they show what is committed.
 *
 * <p>A feed holds one connection for as long as it is open. It must lead to the primary directly, not through a pooler in
 * transaction mode; where notifications do not arrive, the feed says so once and polls.
 *
 * <p>Calls outside a feed take a connection of the {@link DataSource} for one statement and give it back as it was. The
 * call timeout begins when the pool has given the connection. A snapshot that precedes the feed uses the feed's kind of
 * connection, and may take 30 seconds.
 */
public final class PostgresConfigStore implements ConfigStore {

    private static final Logger log = LoggerFactory.getLogger(PostgresConfigStore.class);
    private static final int MAX_ATTEMPTS = 20;
    private static final Duration MAINTENANCE_TIMEOUT = Duration.ofSeconds(60);

    /** A snapshot may hold hundreds of thousands of entries. */
    private static final Duration SNAPSHOT_TIMEOUT = Duration.ofSeconds(30);

    final DataSource dataSource;
    final DataSource listenConnections;
    final PostgresNames names;
    final PostgresSchema schema;
    final Sql sql;
    final boolean push;
    final StoreSettings settings;
    final Set<Feed> feeds = ConcurrentHashMap.newKeySet();
    private final Set<Connection> running = ConcurrentHashMap.newKeySet();

    private final Set<String> warnings = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    private PostgresConfigStore(Builder builder) {
        dataSource = target(builder.dataSource);
        listenConnections = target(builder.listenConnections == null ? dataSource : builder.listenConnections);
        names = builder.names;
        schema = new PostgresSchema(names);
        sql = new Sql(names);
        push = builder.push;
        settings = builder.settings();
    }

    /** @param dataSource connections to the primary for reads and writes, usually the application's pool */
    public static Builder builder(DataSource dataSource) {
        return new Builder(dataSource);
    }

    /**
     * Unpooled connections as a feed needs them: 5 s to connect and log in, TCP keep-alive, and of several hosts in the URL
     * the primary. What the URL says itself stands.
     */
    public static DataSource unpooled(String url, @Nullable String user, @Nullable String password) {
        PGSimpleDataSource connections = new PGSimpleDataSource();
        connections.setConnectTimeout(5);
        connections.setLoginTimeout(5);
        connections.setTcpKeepAlive(true);
        connections.setURL(url);
        if (url.contains(",") && !url.contains("targetServerType")) {
            connections.setTargetServerType("preferPrimary");
        }
        if (user != null) {
            connections.setUser(user);
        }
        if (password != null) {
            connections.setPassword(password);
        }
        return connections;
    }

    @Override
    public String description() {
        return "PostgreSQL " + names.schema() + "." + names.tablePrefix() + "entry";
    }

    @Override
    public Lookup get(String namespace, String key) {
        return read("read a key", sql.get, query -> {
            query.setString(1, namespace);
            query.setString(2, key);
            try (ResultSet row = query.executeQuery()) {
                if (!row.next()) {
                    throw noHead(names);
                }
                ConfigEntry entry = row.getString(3) == null ? null : Sql.entry(row, 3);
                return new Lookup(entry, row.getLong(1), Sql.instant(row, 2));
            }
        });
    }

    @Override
    public Page<ConfigEntry> list(String namespace, ConfigFilter filter, int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        String after = cursor == null ? "" : Cursors.read(Cursors.Kind.ENTRIES, cursor);
        List<ConfigEntry> rows = read("list entries", sql.list(filter), query -> {
            query.setString(1, namespace);
            query.setString(2, after);
            int next = 3;
            if (filter instanceof ConfigFilter.Prefix below) {
                query.setString(next++, below.prefix());
                query.setString(next++, Cursors.endOfPrefix(below.prefix()));
            } else if (filter instanceof ConfigFilter.Glob glob) {
                query.setString(next++, glob.literal());
                query.setString(next++, Cursors.endOfPrefix(glob.literal()));
                query.setString(next++, glob.regex());
            } else if (filter instanceof ConfigFilter.Keys some) {
                query.setObject(next++, some.keys().toArray(new String[0]));
            }
            query.setInt(next, limit + 1);
            return rows(query, row -> Sql.entry(row, 1));
        });
        return Cursors.page(Cursors.Kind.ENTRIES, rows, limit, ConfigEntry::key);
    }

    @Override
    public Page<String> namespaces(int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        String after = cursor == null ? "" : Cursors.read(Cursors.Kind.NAMESPACES, cursor);
        List<String> rows = read("list namespaces", sql.namespaces, query -> {
            query.setString(1, after);
            query.setBoolean(2, cursor != null);
            query.setString(3, after);
            query.setInt(4, limit + 1);
            return rows(query, row -> row.getString(1));
        });
        return Cursors.page(Cursors.Kind.NAMESPACES, rows, limit, name -> name);
    }

    @Override
    public Page<LogEntry> history(String namespace, String key, int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        long before = cursor == null ? Long.MAX_VALUE : Cursors.readVersion(cursor);
        List<LogEntry> rows = read("read the history of a key", sql.history, query -> {
            query.setString(1, namespace);
            query.setString(2, key);
            query.setLong(3, before);
            query.setInt(4, limit + 1);
            return rows(query, row -> Sql.logEntry(row, 1));
        });
        return Cursors.page(Cursors.Kind.HISTORY, rows, limit, line -> Long.toString(line.version()));
    }

    @Override
    public Page<LogEntry> changes(String namespace, Instant since, int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        Cursors.Place before = Cursors.readPlace(cursor);
        OffsetDateTime from = since.atOffset(ZoneOffset.UTC);
        List<Cursors.Placed> rows = read("read the changes of a namespace", sql.changes, query -> {
            query.setObject(1, from);
            query.setString(2, namespace);
            query.setObject(3, from);
            query.setLong(4, before.revision());
            query.setLong(5, before.number());
            query.setInt(6, limit + 1);
            return rows(query, row -> new Cursors.Placed(Sql.logEntry(row, 2), row.getLong(1)));
        });
        return Cursors.changes(rows, limit);
    }

    @Override
    public Snapshot snapshot(Set<String> namespaces, int limit) {
        // While no feed is open, this is its first step: like the feed it must not wait for a pool that the application
        // may have emptied, or that waits for a server that is away much longer than connecting takes.
        DataSource connections = feeds.isEmpty() ? listenConnections : dataSource;
        // For one large read JIT costs more than it saves.
        String statement = Sql.with(SNAPSHOT_TIMEOUT, "jit") + sql.snapshot;
        return read("read a snapshot", connections, SNAPSHOT_TIMEOUT, statement, query -> {
            query.setLong(1, limit + 1L);
            query.setObject(2, namespaces.toArray(new String[0]));
            query.setLong(3, limit + 1L);
            query.setLong(4, limit + 1L);
            query.setLong(5, limit + 1L);
            List<ConfigEntry> entries = new ArrayList<>();
            Set<String> oversized = new LinkedHashSet<>();
            Position position = null;
            Instant storeTime = Instant.EPOCH;
            try (ResultSet row = Sql.answer(query)) {
                while (row.next()) {
                    switch (row.getString(1)) {
                        case "H" -> {
                            position = new Position(row.getLong(8), row.getString(2));
                            storeTime = Sql.instant(row, 9);
                        }
                        case "O" -> oversized.add(row.getString(2));
                        default -> entries.add(Sql.entry(row, 2));
                    }
                }
            }
            if (position == null) {
                throw noHead(names);
            }
            return new Snapshot(entries, oversized, position, storeTime);
        });
    }

    /**
     * {@inheritDoc}
     *
     * <p>One call to the server. Repeats it under the same id, within the call timeout, when another transaction was in the
     * way or the connection was lost; so a connection that is lost while committing does no harm.
     *
     * @throws StoreException after the call timeout; whether the commit was stored may then be unknown, and calling again
     *     with the same commit finds out
     */
    @Override
    public CommitResult commit(Commit commit) {
        requireOpen();
        if (joinsTransaction()) {
            Connection connection = DataSourceUtils.getConnection(dataSource);
            try {
                CommitResult result = Calls.within(
                        connection,
                        settings.callTimeout(),
                        joined -> CommitCall.run(joined, sql.commit, commit, true, settings.callTimeout()));
                TransactionSynchronizationManager.registerSynchronization(new TooLate());
                return result;
            } catch (SQLException e) {
                if (Failures.isReadOnly(e) && TransactionSynchronizationManager.isCurrentTransactionReadOnly()) {
                    throw new StoreException(
                            "Cannot commit: the surrounding transaction is read-only (@Transactional(readOnly = true));"
                                    + " write in one that is not, or in a new one (Propagation.REQUIRES_NEW)",
                            false,
                            e);
                }
                throw Failures.translate("commit", e, names);
            } finally {
                DataSourceUtils.releaseConnection(connection, dataSource);
            }
        }
        long deadline = System.nanoTime() + settings.callTimeout().toNanos();
        for (int attempt = 1; ; attempt++) {
            Duration left = Duration.ofNanos(Math.max(1_000_000, deadline - System.nanoTime()));
            try {
                return Calls.own(
                        dataSource,
                        left,
                        running,
                        connection -> CommitCall.run(connection, sql.commit, commit, false, left));
            } catch (SQLException e) {
                boolean again = Failures.isContention(e) || Failures.isConnectionLost(e);
                long pause = (long) (ThreadLocalRandom.current().nextDouble(0.5, 1.5) * (2L << Math.min(attempt, 7)));
                if (!again || attempt == MAX_ATTEMPTS || deadline - System.nanoTime() <= pause * 1_000_000) {
                    throw Failures.translate("commit", e, names);
                }
                log.debug("Attempt {} to commit failed, trying again", attempt, e);
                pause(pause);
            }
        }
    }

    /** Notices a write of {@code afterCommit}, where Spring cannot be asked whether the commit is still to come. */
    private static final class TooLate implements TransactionSynchronization {

        private boolean ends;

        @Override
        public void beforeCompletion() {
            ends = true;
        }

        @Override
        public void afterCompletion(int status) {
            if (!ends) {
                log.warn(
                        "Configuration was written in a transaction that had been committed already, so it may be lost."
                                + " In afterCommit(), write in a new transaction (Propagation.REQUIRES_NEW)");
            }
        }
    }

    @Override
    public Duration operationRetention() {
        return settings.operationRetention();
    }

    /** Not when the transaction is completed: Spring still has its connection then, but nobody commits on it any more. */
    @Override
    public boolean joinsTransaction() {
        return TransactionSynchronizationManager.isActualTransactionActive()
                && TransactionSynchronizationManager.isSynchronizationActive()
                && TransactionSynchronizationManager.getResource(dataSource) instanceof ConnectionHolder;
    }

    @Override
    public Feed openFeed(Position position) {
        requireOpen();
        Feed feed = PostgresFeed.open(this, position);
        if (closed) {
            feed.close();
            requireOpen();
        }
        return feed;
    }

    @Override
    public void maintain() {
        requireOpen();
        try {
            String done = Calls.own(dataSource, MAINTENANCE_TIMEOUT, running, connection -> {
                try (PreparedStatement call = connection.prepareStatement(sql.maintain)) {
                    call.setString(1, settings.retention().toString());
                    call.setLong(2, settings.retainedRevisions());
                    call.setLong(3, settings.retainedVersions());
                    call.setString(4, settings.operationRetention().toString());
                    call.setString(5, settings.auditInterval().toString());
                    return rows(call, row -> Objects.toString(row.getString(1), ""))
                            .get(0);
                }
            });
            log.trace("Housekeeping: {}", done);
        } catch (SQLException e) {
            if (Failures.isPrivilege(e)) {
                warnOnce("this database role may not do housekeeping; leaving it to others. At least one instance needs"
                        + " GRANT EXECUTE ON FUNCTION " + names.qualified("maintain"));
                return;
            }
            throw Failures.translate("do housekeeping", e, names);
        }
    }

    @Override
    public void report(InstanceReport report) {
        UUID[] ids = PostgresFeed.parseToken(report.applied());
        requireOpen();
        try {
            Calls.own(dataSource, settings.callTimeout(), running, connection -> {
                try (PreparedStatement upsert = connection.prepareStatement(sql.report)) {
                    upsert.setString(1, report.id());
                    upsert.setLong(2, report.number());
                    upsert.setString(3, report.name());
                    upsert.setObject(4, ids[0]);
                    upsert.setLong(5, report.applied().revision());
                    upsert.setObject(6, ids[1]);
                    upsert.setBoolean(7, report.live());
                    upsert.setInt(8, report.rejected());
                    upsert.setObject(9, report.startedAt().atOffset(ZoneOffset.UTC));
                    upsert.setLong(
                            10, TimeUnit.NANOSECONDS.toMicros(report.expiry().toNanos()));
                    return upsert.executeUpdate();
                }
            });
        } catch (SQLException e) {
            throw Failures.translate("report to the fleet", e, names);
        }
    }

    @Override
    public FleetStatus fleet() {
        return read("read the fleet", sql.fleet, query -> {
            List<FleetInstance> instances = new ArrayList<>();
            try (ResultSet row = query.executeQuery()) {
                if (!row.next()) {
                    throw noHead(names);
                }
                String lineage = row.getString(1);
                long revision = row.getLong(2);
                do {
                    if (row.getString(3) != null) {
                        instances.add(Sql.instance(row));
                    }
                } while (row.next());
                return new FleetStatus(lineage, revision, instances);
            }
        });
    }

    /** Ends the open feeds and the calls under way. The data sources are the caller's. */
    @Override
    public void close() {
        closed = true;
        feeds.forEach(Feed::close);
        running.forEach(Calls::abort);
    }

    void warnOnce(String warning) {
        if (warnings.add(warning)) {
            log.warn("{}: {}", description(), warning);
        }
    }

    static StoreException noHead(PostgresNames names) {
        return new StoreException(
                "The table " + names.qualified("head") + " has lost its row: run schema-postgresql.sql again",
                false,
                null);
    }

    /** Without what hands out the connection of the caller's transaction: when to join one is decided here. */
    private static DataSource target(DataSource dataSource) {
        DataSource target =
                dataSource instanceof TransactionAwareDataSourceProxy proxy ? proxy.getTargetDataSource() : null;
        return target == null ? dataSource : target(target);
    }

    private void requireOpen() {
        if (closed) {
            throw new StoreException("The store is closed", false, null);
        }
    }

    private <T> T read(String what, String statement, Query<T> query) {
        return read(what, dataSource, settings.callTimeout(), statement, query);
    }

    private <T> T read(String what, DataSource connections, Duration timeout, String statement, Query<T> query) {
        requireOpen();
        try {
            return Calls.own(connections, timeout, running, connection -> {
                try (PreparedStatement prepared = connection.prepareStatement(statement)) {
                    prepared.setQueryTimeout(Calls.seconds(timeout));
                    return query.on(prepared);
                }
            });
        } catch (SQLException e) {
            throw Failures.translate(what, e, names);
        }
    }

    private static <T> List<T> rows(PreparedStatement query, Row<T> mapper) throws SQLException {
        List<T> rows = new ArrayList<>();
        try (ResultSet row = query.executeQuery()) {
            while (row.next()) {
                rows.add(mapper.of(row));
            }
        }
        return rows;
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException("Interrupted while waiting to repeat a commit", true, e);
        }
    }

    /** A prepared statement's answer. */
    @FunctionalInterface
    private interface Query<T> {
        T on(PreparedStatement query) throws SQLException;
    }

    /** A row as a value. */
    @FunctionalInterface
    private interface Row<T> {
        T of(ResultSet row) throws SQLException;
    }

    /** Settings of a store; every one has a default that works. */
    public static final class Builder extends StoreSettings.Builder<Builder> {
        private final DataSource dataSource;
        private @Nullable DataSource listenConnections;
        private PostgresNames names = PostgresNames.DEFAULT;
        private boolean push = true;

        private Builder(DataSource dataSource) {
            this.dataSource = dataSource;
        }

        @Override
        protected Builder self() {
            return this;
        }

        /**
         * Where feeds get their connections: unpooled and directly to the primary, see {@link #unpooled}. By default the
         * pool, which then has one connection less for each open feed.
         */
        public Builder listenConnections(DataSource connections) {
            this.listenConnections = connections;
            return this;
        }

        public Builder names(PostgresNames newNames) {
            this.names = newNames;
            return this;
        }

        /** Whether to listen to notifications; true by default. Without, changes are found by polling. */
        public Builder push(boolean enabled) {
            this.push = enabled;
            return this;
        }

        public PostgresConfigStore build() {
            return new PostgresConfigStore(this);
        }
    }
}
