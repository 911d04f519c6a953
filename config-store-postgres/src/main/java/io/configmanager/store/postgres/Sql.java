// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.FleetInstance;
import io.configmanager.LogEntry;
import io.configmanager.ValueType;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import org.jspecify.annotations.Nullable;

/** The statements with the configured names, and how their rows become records. */
final class Sql {

    private static final String LIVE = "(e.expires_at IS NULL OR e.expires_at > statement_timestamp())";

    private static final String ENTRY =
            "e.namespace, e.key, e.value, e.codec, e.type, e.version, coalesce(l.rev, h.rev), e.created_at, e.updated_at,"
                    + " e.expires_at, e.author";

    private static final String LOGGED = " LEFT JOIN public.config_log l"
            + " ON l.namespace = e.namespace AND l.key = e.key AND l.version = e.version AND l.op = 'P'";

    /** A row of the log as {@link #logEntry} reads it. */
    private static final String LOG =
            "l.namespace, l.key, l.value, l.codec, l.type, l.version, l.rev, l.created_at, l.at, l.expires_at, l.author,"
                    + " l.comment, l.op";

    /** Of a standby that has not replayed all there is, or gets nothing: microseconds since what it has replayed last. */
    private static final String LAG = "CASE WHEN pg_is_in_recovery() AND NOT coalesce(EXISTS (SELECT 1 FROM"
            + " pg_stat_wal_receiver) AND pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn(), false)"
            + " THEN 1000000 * extract(epoch FROM clock_timestamp()"
            + " - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())) ELSE 0 END";

    final String get;
    private final String listPrefix;
    private final String listKeys;
    private final String listGlob;
    final String namespaces;
    final String history;
    final String changes;
    final String commit;
    final String snapshot;
    final String maintain;
    final String report;
    final String fleet;
    final String channel;
    final String catchUp;

    Sql(PostgresNames names) {
        get = names.apply("SELECT h.rev, statement_timestamp(), " + ENTRY
                + " FROM public.config_head h LEFT JOIN public.config_entry e"
                + " ON e.namespace = ? AND e.key = ? AND " + LIVE + LOGGED);
        String list =
                "SELECT " + ENTRY + " FROM public.config_head h JOIN public.config_entry e ON e.namespace = ? AND "
                        + LIVE + LOGGED + " WHERE e.key > ? AND ";
        listPrefix = names.apply(list + "e.key >= ? AND e.key < ? ORDER BY e.key LIMIT ?");
        listGlob = names.apply(list + "e.key >= ? AND e.key < ? AND e.key ~ ? ORDER BY e.key LIMIT ?");
        listKeys = names.apply(list + "e.key = ANY (?) ORDER BY e.key LIMIT ?");
        // One index probe for each namespace, however many entries it has.
        namespaces = names.apply("WITH RECURSIVE n AS (SELECT min(namespace) AS name FROM public.config_entry"
                + " WHERE namespace >= ? AND (NOT ? OR namespace > ?)"
                + " UNION ALL SELECT (SELECT min(e.namespace) FROM public.config_entry e WHERE e.namespace > n.name)"
                + " FROM n WHERE n.name IS NOT NULL)"
                + " SELECT n.name FROM n WHERE n.name IS NOT NULL"
                + " AND EXISTS (SELECT 1 FROM public.config_entry e WHERE e.namespace = n.name AND " + LIVE
                + ") ORDER BY n.name LIMIT ?");
        history = names.apply(
                "SELECT " + LOG + " FROM public.config_log l"
                        + " WHERE l.namespace = ? AND l.key = ? AND l.version < ? AND l.rev > 0 ORDER BY l.version DESC LIMIT ?");
        // By the primary key from the newest row on, until one is older: what it costs follows what changed since then.
        changes = names.apply("SELECT l.id, " + LOG
                + " FROM public.config_log l WHERE l.rev > 0 AND l.rev >= coalesce((SELECT o.rev FROM public.config_log o"
                + " WHERE o.rev > 0 AND o.committed_at < ? ORDER BY o.rev DESC, o.id DESC LIMIT 1), 0)"
                + " AND l.namespace = ? AND l.committed_at >= ? AND (l.rev, l.id) < (?, ?)"
                + " ORDER BY l.rev DESC, l.id DESC LIMIT ?");
        commit = names.apply("SELECT * FROM public.config_commit(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        // Whatever the planner thinks of the sizes, what is read are the rows of these namespaces, by index: a sort
        // that an
        // index saves and a limit that excludes nothing keep it from scanning tables full of others.
        snapshot = names.apply("WITH h AS MATERIALIZED (SELECT lineage, rev, rev_id FROM public.config_head),"
                + " n AS MATERIALIZED (SELECT u.name, (SELECT count(*) FROM (SELECT 1 FROM public.config_entry e"
                + " WHERE e.namespace = u.name AND " + LIVE
                + " ORDER BY e.key LIMIT ?) x) AS size FROM unnest(?::text[]) u(name))"
                + " SELECT 'H' AS kind, h.lineage || ':' || h.rev_id AS namespace, NULL AS key, NULL AS value,"
                + " NULL AS codec, NULL AS type, 0::bigint AS version, h.rev, statement_timestamp() AS created_at,"
                + " NULL::timestamptz AS updated_at, NULL::timestamptz AS expires_at, NULL AS author FROM h"
                + " UNION ALL SELECT 'O', n.name, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL FROM n"
                + " WHERE n.size >= ?"
                + " UNION ALL SELECT 'E', " + ENTRY + " FROM h CROSS JOIN n"
                + " CROSS JOIN LATERAL (SELECT * FROM public.config_entry e WHERE e.namespace = n.name AND n.size < ? AND "
                + LIVE + " ORDER BY e.key LIMIT ?) e"
                + " LEFT JOIN LATERAL (SELECT l.rev FROM public.config_log l WHERE l.namespace = e.namespace"
                + " AND l.key = e.key AND l.version = e.version AND l.op = 'P' LIMIT 1) l ON true");
        maintain = names.apply("SELECT public.config_maintain(?::interval, ?, ?, ?::interval, ?::interval)");
        report = names.apply("INSERT INTO public.config_instance AS i (id, number, name, lineage, rev, rev_id, live,"
                + " rejected, started_at, reported_at, expires_at) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, c.now,"
                + " c.now + ? * interval '1 microsecond' FROM (SELECT statement_timestamp() AS now) c"
                + " ON CONFLICT (id) DO UPDATE SET number = excluded.number, name = excluded.name,"
                + " lineage = excluded.lineage, rev = excluded.rev, rev_id = excluded.rev_id, live = excluded.live,"
                + " rejected = excluded.rejected, reported_at = excluded.reported_at,"
                + " expires_at = excluded.expires_at WHERE i.number < excluded.number");
        fleet = names.apply("SELECT h.lineage, h.rev, i.id, i.name, i.lineage, i.rev, i.lineage = h.lineage"
                + " AND (i.rev = 0 OR (i.rev = h.rev AND i.rev_id = h.rev_id) OR EXISTS (SELECT 1"
                + " FROM public.config_log l WHERE l.rev = i.rev AND l.rev_id = i.rev_id)), i.live, i.rejected,"
                + " i.started_at, i.reported_at, statement_timestamp() FROM public.config_head h"
                + " LEFT JOIN public.config_instance i ON i.expires_at > statement_timestamp() ORDER BY i.name, i.id");
        channel = names.apply("SELECT channel, pg_is_in_recovery(), pg_backend_pid() FROM public.config_head");
        // One statement, so one consistent read. The page ends with a whole revision: the one that holds the 2,000th
        // row,
        // or the one with which 8 MiB of values are reached.
        catchUp = names.apply("WITH h AS MATERIALIZED (SELECT * FROM public.config_head),"
                + " page AS MATERIALIZED (SELECT max(p.rev) AS upto FROM (SELECT l.rev,"
                + " sum(octet_length(l.value)) OVER (ORDER BY l.rev, l.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
                + " AS bytes FROM public.config_log l WHERE l.rev > ? ORDER BY l.rev, l.id LIMIT 2000) p"
                + " WHERE coalesce(p.bytes, 0) < 8388608),"
                + " upto AS MATERIALIZED (SELECT u.rev, u.rev_id FROM public.config_log u JOIN page ON u.rev = page.upto"
                + " LIMIT 1)"
                + " SELECT h.lineage, h.rev, h.rev_id, h.compact_rev, statement_timestamp(), h.channel,"
                + " EXISTS (SELECT 1 FROM pg_listening_channels() c WHERE c = ?),"
                + " (? = 0 OR (h.rev = ? AND h.rev_id = ?::uuid)"
                + " OR EXISTS (SELECT 1 FROM public.config_log l WHERE l.rev = ? AND l.rev_id = ?::uuid)),"
                + " upto.rev, upto.rev_id, l.committed_at, pg_backend_pid(), " + LAG + ", " + LOG
                + " FROM h LEFT JOIN upto ON true LEFT JOIN public.config_log l ON l.rev > ? AND l.rev <= upto.rev"
                + " ORDER BY l.rev, l.id");
    }

    String list(ConfigFilter filter) {
        return filter instanceof ConfigFilter.Prefix
                ? listPrefix
                : filter instanceof ConfigFilter.Glob ? listGlob : listKeys;
    }

    /**
     * What to put before a statement, so that it is planned without these features and may take this long, whatever the role
     * is set to. Both are one round trip and one transaction, which ends the settings: a pooler may give the session to
     * others.
     */
    static String with(Duration timeout, String... off) {
        StringBuilder settings = new StringBuilder("SELECT pg_catalog.set_config('statement_timeout', '")
                .append(Calls.millis(timeout))
                .append("', true)");
        for (String feature : off) {
            settings.append(", pg_catalog.set_config('").append(feature).append("', 'off', true)");
        }
        return settings.append("; ").toString();
    }

    /** The answer of a statement that stands behind {@link #with}. */
    static ResultSet answer(PreparedStatement query) throws SQLException {
        query.execute();
        query.getMoreResults();
        return query.getResultSet();
    }

    /** Reads the columns from {@code first} on: namespace, key, value, codec, type, version, rev, times and author. */
    static ConfigEntry entry(ResultSet row, int first) throws SQLException {
        return new ConfigEntry(
                row.getString(first),
                row.getString(first + 1),
                row.getString(first + 2),
                codec(row.getString(first + 3)),
                ValueType.ofLabel(row.getString(first + 4)),
                row.getLong(first + 5),
                row.getLong(first + 6),
                instant(row, first + 7),
                instant(row, first + 8),
                instantOrNull(row, first + 9),
                row.getString(first + 10));
    }

    static LogEntry logEntry(ResultSet row, int first) throws SQLException {
        LogEntry.Kind kind = kind(row.getString(first + 12));
        return new LogEntry(
                kind,
                row.getString(first),
                row.getString(first + 1),
                row.getLong(first + 5),
                row.getLong(first + 6),
                instant(row, first + 8),
                row.getString(first + 10),
                row.getString(first + 11),
                kind == LogEntry.Kind.PUT ? entry(row, first) : null);
    }

    static FleetInstance instance(ResultSet row) throws SQLException {
        return new FleetInstance(
                row.getString(3),
                row.getString(4),
                row.getString(5),
                row.getLong(6),
                row.getBoolean(7),
                row.getBoolean(8),
                row.getInt(9),
                instant(row, 10),
                Duration.between(instant(row, 11), instant(row, 12)));
    }

    static LogEntry.Kind kind(String op) {
        return switch (op) {
            case "P" -> LogEntry.Kind.PUT;
            case "X" -> LogEntry.Kind.EXPIRE;
            default -> LogEntry.Kind.DELETE;
        };
    }

    static Instant instant(ResultSet row, int column) throws SQLException {
        return row.getObject(column, OffsetDateTime.class).toInstant();
    }

    static @Nullable Instant instantOrNull(ResultSet row, int column) throws SQLException {
        OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
        return time == null ? null : time.toInstant();
    }

    /** Nearly every row says the same, so one string serves all. */
    private static String codec(String name) {
        return name.equals("json") ? "json" : name;
    }
}
