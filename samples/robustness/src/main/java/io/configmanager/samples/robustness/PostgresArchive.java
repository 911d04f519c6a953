// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/**
 * What really happened, kept beside the product's tables and apart from them: triggers of our own note every change of an
 * entry and every row of the log with the transaction that made it. Together with the time at which the server committed
 * that transaction this is the reference. Compaction does not shorten it and a restore does not replace it.
 */
final class PostgresArchive {

    private static final String CREATE = """
            CREATE SCHEMA oracle;
            CREATE TABLE oracle.entry_change (id bigserial PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
                op text, namespace text, key text, version bigint, value text, expires_at timestamptz);
            CREATE TABLE oracle.log_row (id bigserial PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
                at timestamptz NOT NULL DEFAULT clock_timestamp(), rev bigint, rev_id uuid, op text, namespace text,
                key text, version bigint, value text, expires_at timestamptz, comment text);
            CREATE TABLE oracle.event (id bigserial PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
                kind text, rev bigint, dump int);
            CREATE TABLE oracle.base (xid xid8 NOT NULL, namespace text, key text, version bigint, rev bigint, value text,
                expires_at timestamptz);

            CREATE FUNCTION oracle.on_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
            BEGIN
                IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND (OLD.namespace, OLD.key) <> (NEW.namespace, NEW.key)) THEN
                    INSERT INTO oracle.entry_change (op, namespace, key) VALUES ('D', OLD.namespace, OLD.key);
                END IF;
                IF TG_OP <> 'DELETE' THEN
                    INSERT INTO oracle.entry_change (op, namespace, key, version, value, expires_at)
                    VALUES ('P', NEW.namespace, NEW.key, NEW.version, NEW.value, NEW.expires_at);
                END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER oracle AFTER INSERT OR UPDATE OR DELETE ON public.config_entry
                FOR EACH ROW EXECUTE FUNCTION oracle.on_entry();

            CREATE FUNCTION oracle.on_log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
            BEGIN
                INSERT INTO oracle.log_row (rev, rev_id, op, namespace, key, version, value, expires_at, comment)
                VALUES (NEW.rev, NEW.rev_id, NEW.op, NEW.namespace, NEW.key, NEW.version, NEW.value, NEW.expires_at,
                        NEW.comment);
                RETURN NULL;
            END $$;
            CREATE TRIGGER oracle AFTER INSERT OR UPDATE ON public.config_log
                FOR EACH ROW WHEN (NEW.rev > 0) EXECUTE FUNCTION oracle.on_log();

            CREATE FUNCTION oracle.on_head() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
            BEGIN
                IF NEW.lineage <> OLD.lineage THEN
                    INSERT INTO oracle.event (kind, rev) VALUES ('lineage', NEW.rev);
                END IF;
                IF NEW.compact_rev <> OLD.compact_rev THEN
                    INSERT INTO oracle.event (kind, rev) VALUES ('compact', NEW.compact_rev);
                END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER oracle AFTER UPDATE ON public.config_head FOR EACH ROW EXECUTE FUNCTION oracle.on_head();

            CREATE TABLE oracle.dump_head (dump int, r public.config_head);
            CREATE TABLE oracle.dump_entry (dump int, r public.config_entry);
            CREATE TABLE oracle.dump_log (dump int, r public.config_log);
            CREATE TABLE oracle.dump_operation (dump int, r public.config_operation);
            """;

    private static final String RESTORE = """
            SET LOCAL lock_timeout = '3s';
            LOCK TABLE public.config_operation, public.config_entry, public.config_log, public.config_head
                IN ACCESS EXCLUSIVE MODE;
            SET LOCAL session_replication_role = replica;
            ALTER TABLE public.config_entry DISABLE TRIGGER USER;
            DELETE FROM public.config_operation;
            DELETE FROM public.config_entry;
            DELETE FROM public.config_log;
            DELETE FROM public.config_head;
            INSERT INTO public.config_operation SELECT (r).* FROM oracle.dump_operation WHERE dump = :dump;
            INSERT INTO public.config_entry SELECT (r).* FROM oracle.dump_entry WHERE dump = :dump;
            INSERT INTO public.config_log SELECT (r).* FROM oracle.dump_log WHERE dump = :dump;
            INSERT INTO public.config_head SELECT (r).* FROM oracle.dump_head WHERE dump = :dump;
            ALTER TABLE public.config_entry ENABLE ALWAYS TRIGGER config_entry_before;
            ALTER TABLE public.config_entry ENABLE ALWAYS TRIGGER config_entry_logged;
            ALTER TABLE public.config_entry ENABLE ALWAYS TRIGGER config_entry_no_truncate;
            ALTER TABLE public.config_entry ENABLE TRIGGER oracle;
            INSERT INTO oracle.event (kind, rev, dump) SELECT 'restore', rev, :dump FROM public.config_head;
            INSERT INTO oracle.base
                SELECT pg_current_xact_id(), e.namespace, e.key, e.version, l.rev, e.value, e.expires_at
                  FROM public.config_entry e JOIN public.config_log l
                    ON l.namespace = e.namespace AND l.key = e.key AND l.version = e.version AND l.op = 'P';
            """;

    private static final String COMMITTED =
            "(extract(epoch FROM pg_xact_commit_timestamp(xid::xid)) * 1000000)::bigint";
    private static final String EXPIRES = "coalesce((extract(epoch FROM expires_at) * 1000000)::bigint, 0)";

    private final PostgresServer server;
    private int dumps;

    PostgresArchive(PostgresServer server) throws SQLException {
        this.server = server;
        run(CREATE);
    }

    /** Keeps a copy of the product's tables as they are at one moment. */
    void dump() throws SQLException {
        int dump = dumps + 1;
        try (Connection connection = server.connect();
                Statement statement = connection.createStatement()) {
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            connection.setAutoCommit(false);
            for (String table : List.of("head", "entry", "log", "operation")) {
                statement.execute("INSERT INTO oracle.dump_" + table + " SELECT " + dump + ", t FROM public.config_"
                        + table + " t");
            }
            statement.execute("INSERT INTO oracle.event (kind, rev, dump) SELECT 'dump', rev, " + dump
                    + " FROM public.config_head");
            connection.commit();
        }
        dumps = dump;
    }

    /** Replaces the product's tables by an earlier copy; false if there is none. */
    boolean restore(int choice) throws SQLException {
        if (dumps == 0) {
            return false;
        }
        int dump = dumps - choice % Math.min(dumps, 3);
        run(RESTORE.replace(":dump", Integer.toString(dump)));
        return true;
    }

    /** In one transaction. */
    private void run(String sql) throws SQLException {
        try (Connection connection = server.connect();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute(sql);
            connection.commit();
        }
    }

    /** Writes everything into records. */
    void export(Recorder out) throws SQLException {
        try (Connection connection = server.connect();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.setFetchSize(5_000);
            copy(
                    statement,
                    out,
                    "E",
                    "SELECT " + COMMITTED + ", xid, op, namespace, key, coalesce(version, 0), value, " + EXPIRES
                            + " FROM oracle.entry_change ORDER BY id",
                    7);
            copy(
                    statement,
                    out,
                    "L",
                    "SELECT " + COMMITTED + ", xid, rev, op, namespace, key, version, value, " + EXPIRES
                            + ", (extract(epoch FROM at) * 1000000)::bigint, coalesce(comment, '-') FROM oracle.log_row ORDER BY id",
                    8);
            copy(
                    statement,
                    out,
                    "H",
                    "SELECT " + COMMITTED + ", xid, kind, rev, coalesce(dump, 0) FROM oracle.event ORDER BY id",
                    0);
            copy(
                    statement,
                    out,
                    "B",
                    "SELECT xid, namespace, key, version, rev, value, " + EXPIRES + " FROM oracle.base",
                    6);
            copy(
                    statement,
                    out,
                    "F",
                    "SELECT namespace, key, version, value, " + EXPIRES + " FROM public.config_entry",
                    4);
            connection.commit();
        }
    }

    /** @param brief the column to shorten, or 0 */
    private static void copy(Statement statement, Recorder out, String kind, String sql, int brief)
            throws SQLException {
        try (ResultSet row = statement.executeQuery(sql)) {
            int columns = row.getMetaData().getColumnCount();
            List<Object> fields = new ArrayList<>();
            while (row.next()) {
                fields.clear();
                for (int i = 1; i <= columns; i++) {
                    String text = row.getString(i);
                    fields.add(i == brief ? Texts.brief(text) : Texts.line(text));
                }
                out.write(kind, fields.toArray());
            }
        }
    }
}
