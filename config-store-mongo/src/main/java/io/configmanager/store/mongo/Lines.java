// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigNames;
import io.configmanager.FleetInstance;
import io.configmanager.InvalidConfigException;
import io.configmanager.LogEntry;
import io.configmanager.LogEntry.Kind;
import io.configmanager.ValueType;
import io.configmanager.store.InstanceReport;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32C;
import org.bson.Document;
import org.jspecify.annotations.Nullable;

/**
 * Entries and lines of the log as documents. What a person wrote may lack any field or have it in another type; reading is
 * forgiving, and only a document without a usable name or value is nothing.
 */
final class Lines {

    /** The number of a line is its revision, then its place in the revision: 2^20 lines at most. */
    private static final int PLACE_BITS = 20;

    private Lines() {}

    static Document id(String namespace, String key) {
        return new Document("ns", namespace).append("key", key);
    }

    /** Whether this names an entry. To MongoDB the order of the fields matters, to {@link Document#equals} it does not. */
    static boolean isId(@Nullable Object id) {
        if (!(id instanceof Document document)
                || !List.copyOf(document.keySet()).equals(List.of("ns", "key"))
                || !(document.get("ns") instanceof String namespace)
                || !(document.get("key") instanceof String key)) {
            return false;
        }
        try {
            ConfigNames.requireNamespace(namespace);
            ConfigNames.requireKey(key);
            return true;
        } catch (InvalidConfigException e) {
            return false;
        }
    }

    static long firstLine(long revision) {
        return revision << PLACE_BITS;
    }

    static long revisionOf(Document line) {
        return number(line, "_id") >> PLACE_BITS;
    }

    /** What an instance tells of itself. */
    static Document instance(InstanceReport report, MongoToken applied, Instant now) {
        return new Document("_id", report.id())
                .append("number", report.number())
                .append("name", report.name())
                .append("lineage", applied.lineage())
                .append("revision", report.applied().revision())
                .append("revisionId", applied.revisionId())
                .append("live", report.live())
                .append("rejected", report.rejected())
                .append("startedAt", Date.from(report.startedAt()))
                .append("reportedAt", Date.from(now))
                .append("expiresAt", Date.from(now.plus(report.expiry())));
    }

    /** @param ids the ids that revisions have in the store's history */
    static FleetInstance instance(Document report, String lineage, Map<Long, String> ids, Instant now) {
        long revision = number(report, "revision");
        boolean ofThisHistory = lineage.equals(report.getString("lineage"))
                && (revision == 0 || report.getString("revisionId").equals(ids.get(revision)));
        return new FleetInstance(
                report.getString("_id"),
                report.getString("name"),
                report.getString("lineage"),
                revision,
                ofThisHistory,
                report.getBoolean("live", false),
                (int) number(report, "rejected"),
                report.getDate("startedAt").toInstant(),
                Duration.between(report.getDate("reportedAt").toInstant(), now));
    }

    /** The entry as a document, as it is stored by this module: the check tells it from one that a person changed. */
    static Document entry(ConfigEntry entry) {
        Document document = new Document("_id", id(entry.namespace(), entry.key()))
                .append("value", entry.value())
                .append("codec", entry.codec())
                .append("type", entry.type().label())
                .append("version", entry.version())
                .append("revision", entry.revision())
                .append("createdAt", Date.from(entry.createdAt()))
                .append("updatedAt", Date.from(entry.updatedAt()))
                .append("expiresAt", entry.expiresAt() == null ? null : Date.from(entry.expiresAt()))
                .append("author", entry.author());
        return document.append("check", check(document));
    }

    /** The entry, or null if the document is none. */
    static @Nullable ConfigEntry entry(@Nullable Document document) {
        if (document == null || !isId(document.get("_id")) || document.get("value") == null) {
            return null;
        }
        Document id = document.get("_id", Document.class);
        Instant updatedAt = Objects.requireNonNullElse(instant(document, "updatedAt"), Instant.EPOCH);
        return new ConfigEntry(
                text(id, "ns", ""),
                text(id, "key", ""),
                value(document),
                text(document, "codec", "json"),
                ValueType.ofLabel(text(document, "type", "")),
                number(document, "version"),
                number(document, "revision"),
                Objects.requireNonNullElse(instant(document, "createdAt"), updatedAt),
                updatedAt,
                instant(document, "expiresAt"),
                document.get("author") instanceof String author ? author : null);
    }

    /** Whether the document is as this module wrote it last. */
    static boolean isUntouched(Document document) {
        return check(document).equals(document.get("check"));
    }

    /** Whether the entry is what the newest line of its key says. */
    static boolean agree(@Nullable Document entry, @Nullable Document newest) {
        if (entry(entry) == null || entry == null) {
            return newest == null || kind(newest) != Kind.PUT;
        }
        return newest != null
                && kind(newest) == Kind.PUT
                && number(newest, "version") == number(entry, "version")
                && revisionOf(newest) == number(entry, "revision")
                && isUntouched(entry);
    }

    static Document line(LogEntry change, long number, String revisionId) {
        Document line = new Document("_id", number)
                .append("revisionId", revisionId)
                .append("op", change.kind().name())
                .append("ns", change.namespace())
                .append("key", change.key())
                .append("version", change.version())
                .append("at", Date.from(change.at()))
                .append("author", change.author())
                .append("comment", change.comment());
        ConfigEntry entry = change.entry();
        return entry == null
                ? line
                : line.append("value", entry.value())
                        .append("codec", entry.codec())
                        .append("type", entry.type().label())
                        .append("createdAt", Date.from(entry.createdAt()))
                        .append("expiresAt", entry.expiresAt() == null ? null : Date.from(entry.expiresAt()));
    }

    static LogEntry logEntry(Document line) {
        Kind kind = kind(line);
        Document fields = new Document(line)
                .append("_id", id(text(line, "ns", ""), text(line, "key", "")))
                .append("revision", revisionOf(line))
                .append("updatedAt", line.get("at"));
        return new LogEntry(
                kind,
                text(line, "ns", ""),
                text(line, "key", ""),
                number(line, "version"),
                revisionOf(line),
                at(line),
                (String) line.get("author"),
                (String) line.get("comment"),
                kind == Kind.PUT ? entry(fields) : null);
    }

    static Kind kind(Document line) {
        return Kind.valueOf(text(line, "op", "PUT"));
    }

    static Instant at(Document document) {
        return Objects.requireNonNullElse(instant(document, "at"), Instant.EPOCH);
    }

    static @Nullable Instant instant(Document document, String field) {
        return document.get(field) instanceof Date date ? date.toInstant() : null;
    }

    static long number(Document document, String field) {
        return document.get(field) instanceof Number number ? number.longValue() : 0;
    }

    static String text(Document document, String field, String absent) {
        return document.get(field) instanceof String text ? text : absent;
    }

    /** A value that was typed as a number, document or array is the JSON of it. */
    private static String value(Document document) {
        Object value = document.get("value");
        if (value instanceof String text) {
            return text;
        }
        String json = new Document("v", value).toJson();
        return json.substring(json.indexOf(':') + 1, json.length() - 1).strip();
    }

    private static String check(Document entry) {
        CRC32C crc = new CRC32C();
        for (String field : List.of("value", "codec", "type", "version", "revision", "expiresAt")) {
            Object value = entry.get(field);
            // A Date's text depends on the time zone of this machine.
            String text = value instanceof Date date ? date.toInstant().toString() : String.valueOf(value);
            crc.update(text.getBytes(StandardCharsets.UTF_8));
            crc.update(0);
        }
        return Long.toHexString(crc.getValue());
    }
}
