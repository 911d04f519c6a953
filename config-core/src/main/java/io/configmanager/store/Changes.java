// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.LogEntry;
import io.configmanager.LogEntry.Kind;
import io.configmanager.ValueType;
import io.configmanager.VersionConflictException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * The lines of one revision, for stores whose database does not make them by itself.
 *
 * @param revision the revision
 * @param at store time
 * @param precision what the store keeps of a time
 * @param author who
 * @param comment why
 */
public record Changes(
        long revision,
        Instant at,
        ChronoUnit precision,
        @Nullable String author,
        @Nullable String comment) {

    /**
     * What an operation does.
     *
     * @param live the live entry of its key, or null
     * @param version the next version of its key
     * @return the line, or null for the deletion of a key that is absent
     * @throws VersionConflictException if its condition does not hold
     */
    public @Nullable LogEntry of(Operation operation, @Nullable ConfigEntry live, long version) {
        if (!holds(operation.condition(), live)) {
            throw new VersionConflictException(
                    operation.namespace(), operation.key(), operation.condition(), live == null ? 0 : live.version());
        }
        if (operation instanceof Operation.Put put) {
            return stored(new ConfigEntry(
                    put.namespace(),
                    put.key(),
                    put.value(),
                    put.codec(),
                    live != null && live.secret() ? ValueType.SECRET : put.type(),
                    version,
                    revision,
                    live == null ? at : live.createdAt(),
                    at,
                    expiry(put, live),
                    author));
        }
        return live == null ? null : removal(Kind.DELETE, operation.namespace(), operation.key(), version);
    }

    /** The line of an entry as it is now. */
    public LogEntry stored(ConfigEntry entry) {
        return line(Kind.PUT, entry.namespace(), entry.key(), entry.version(), entry);
    }

    /** The line of a key that is gone. */
    public LogEntry removal(Kind kind, String namespace, String key, long version) {
        return line(kind, namespace, key, version, null);
    }

    /** Whether what expires then is gone by now. */
    public static boolean isExpired(@Nullable Instant expiresAt, Instant now) {
        return expiresAt != null && !expiresAt.isAfter(now);
    }

    private LogEntry line(Kind kind, String namespace, String key, long version, @Nullable ConfigEntry entry) {
        return new LogEntry(kind, namespace, key, version, revision, at, author, comment, entry);
    }

    private @Nullable Instant expiry(Operation.Put put, @Nullable ConfigEntry live) {
        if (put.ttl() == null) {
            return live == null ? null : live.expiresAt();
        }
        return put.ttl().isZero() ? null : at.plus(put.ttl()).truncatedTo(precision);
    }

    private static boolean holds(Condition condition, @Nullable ConfigEntry live) {
        if (condition instanceof Condition.Absent) {
            return live == null;
        }
        if (condition instanceof Condition.Present) {
            return live != null;
        }
        if (condition instanceof Condition.Version expected) {
            return live != null && live.version() == expected.version();
        }
        return true;
    }
}
