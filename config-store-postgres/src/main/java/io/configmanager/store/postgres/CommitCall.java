// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.LogEntry;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.VersionConflictException;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.Operation;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One call of the commit function. */
final class CommitCall {

    private CommitCall() {}

    /** @param joined whether the connection is in a transaction that goes on afterwards */
    static CommitResult run(Connection connection, String sql, Commit commit, boolean joined, Duration timeout)
            throws SQLException {
        List<Operation> operations = commit.operations();
        Arrays arrays = new Arrays(operations);
        try (PreparedStatement call = connection.prepareStatement(sql)) {
            call.setQueryTimeout(Calls.seconds(timeout));
            call.setObject(1, commit.id());
            call.setBoolean(2, joined);
            call.setInt(3, Calls.millis(timeout.dividedBy(2)));
            call.setString(4, commit.author());
            call.setString(5, commit.comment());
            call.setObject(6, arrays.namespaces);
            call.setObject(7, arrays.keys);
            call.setObject(8, arrays.values);
            call.setObject(9, arrays.codecs);
            call.setObject(10, arrays.types);
            call.setArray(11, connection.createArrayOf("int8", arrays.ttls));
            call.setArray(12, connection.createArrayOf("int8", arrays.conditions));
            try (ResultSet row = call.executeQuery()) {
                return result(commit, row);
            }
        }
    }

    private static CommitResult result(Commit commit, ResultSet row) throws SQLException {
        List<Operation> operations = commit.operations();
        @Nullable StoredChange[] stored = new StoredChange[operations.size()];
        while (row.next()) {
            int n = row.getInt(1);
            String op = row.getString(2);
            long version = row.getLong(3);
            if (op.equals("!")) {
                Operation broken = operations.get(n - 1);
                throw new VersionConflictException(broken.namespace(), broken.key(), broken.condition(), version);
            }
            Instant at = Sql.instant(row, 6);
            if (op.equals("C")) {
                List<LogEntry> changes = new ArrayList<>();
                for (int i = 0; i < stored.length; i++) {
                    StoredChange change = stored[i];
                    if (change != null) {
                        changes.add(change.logEntry(operations.get(i), version, commit.comment()));
                    }
                }
                return new CommitResult(version, changes, at);
            }
            Instant createdAt = Sql.instantOrNull(row, 5);
            stored[n - 1] = new StoredChange(
                    Sql.kind(op),
                    version,
                    Objects.requireNonNullElse(row.getString(4), ""),
                    createdAt == null ? at : createdAt,
                    at,
                    Sql.instantOrNull(row, 7),
                    row.getString(8));
        }
        throw new StoreException("The commit function gave no answer", false, null);
    }

    /** What the server decided about an operation; the rest is known here. */
    private record StoredChange(
            LogEntry.Kind kind,
            long version,
            String type,
            Instant createdAt,
            Instant at,
            @Nullable Instant expiresAt,
            @Nullable String author) {

        LogEntry logEntry(Operation operation, long revision, @Nullable String comment) {
            ConfigEntry entry = null;
            if (operation instanceof Operation.Put put) {
                entry = new ConfigEntry(
                        put.namespace(),
                        put.key(),
                        put.value(),
                        put.codec(),
                        ValueType.ofLabel(type),
                        version,
                        revision,
                        createdAt,
                        at,
                        expiresAt,
                        author);
            }
            return new LogEntry(
                    kind, operation.namespace(), operation.key(), version, revision, at, author, comment, entry);
        }
    }

    /** The operations as the arrays that the commit function takes. */
    private static final class Arrays {
        private final String[] namespaces;
        private final String[] keys;
        private final @Nullable String[] values;
        private final @Nullable String[] codecs;
        private final @Nullable String[] types;
        private final @Nullable Long[] ttls;
        private final @Nullable Long[] conditions;

        Arrays(List<Operation> operations) {
            int size = operations.size();
            namespaces = new String[size];
            keys = new String[size];
            values = new String[size];
            codecs = new String[size];
            types = new String[size];
            ttls = new Long[size];
            conditions = new Long[size];
            for (int i = 0; i < size; i++) {
                Operation operation = operations.get(i);
                namespaces[i] = operation.namespace();
                keys[i] = operation.key();
                conditions[i] = condition(operation.condition());
                if (operation instanceof Operation.Put put) {
                    values[i] = put.value();
                    codecs[i] = put.codec();
                    types[i] = put.type().label();
                    ttls[i] = put.ttl() == null ? null : (put.ttl().toNanos() + 999) / 1000;
                }
            }
        }

        private static @Nullable Long condition(Condition condition) {
            if (condition instanceof Condition.Version version) {
                return version.version();
            }
            return condition instanceof Condition.Absent
                    ? Long.valueOf(0)
                    : condition instanceof Condition.Present ? -1L : null;
        }
    }
}
