// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.ConfigNames;
import io.configmanager.InvalidConfigException;
import io.configmanager.LogEntry;
import io.configmanager.Page;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The cursors and limits of all stores: opaque, and refused with {@link InvalidConfigException} unless this class wrote
 * them for the same kind of list. A cursor names the last item of its page, so a page is found again whatever was
 * written in between.
 */
public final class Cursors {

    /** The largest page. */
    public static final int MAX_LIMIT = 1000;

    private static final byte FORMAT = 1;
    private static final int HEADER = 2;

    private Cursors() {}

    /** What a cursor walks through. */
    public enum Kind {
        /** Entries, by key. */
        ENTRIES('e'),
        /** Namespaces, by name. */
        NAMESPACES('n'),
        /** The log of a key, by version. */
        HISTORY('h'),
        /** The log of a namespace, by place. */
        CHANGES('c');

        private final byte tag;

        Kind(char tag) {
            this.tag = (byte) tag;
        }
    }

    /** The cursor of the page after an item: its key, namespace or version. */
    static String write(Kind kind, String last) {
        byte[] payload = last.getBytes(StandardCharsets.UTF_8);
        byte[] bytes = new byte[HEADER + payload.length];
        bytes[0] = FORMAT;
        bytes[1] = kind.tag;
        System.arraycopy(payload, 0, bytes, HEADER, payload.length);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /** The key, namespace or version that the cursor was written for, valid as such. */
    public static String read(Kind kind, String cursor) {
        String last = decode(kind, cursor);
        try {
            switch (kind) {
                case ENTRIES -> ConfigNames.requireKey(last);
                case NAMESPACES -> ConfigNames.requireNamespace(last);
                case HISTORY -> Long.parseLong(last);
                case CHANGES -> Place.of(last);
            }
        } catch (InvalidConfigException | NumberFormatException e) {
            throw invalid(e);
        }
        return last;
    }

    /** The version that a cursor of {@link Kind#HISTORY} was written for. */
    public static long readVersion(String cursor) {
        return Long.parseLong(read(Kind.HISTORY, cursor));
    }

    /**
     * Where a line stands in the log.
     *
     * @param revision its revision
     * @param number grows from line to line within the revision
     */
    public record Place(long revision, long number) {

        private static Place of(String text) {
            int colon = text.indexOf(':');
            if (colon < 0) {
                throw new NumberFormatException("No place");
            }
            return new Place(Long.parseLong(text.substring(0, colon)), Long.parseLong(text.substring(colon + 1)));
        }

        private String text() {
            return revision + ":" + number;
        }
    }

    /** A line of the log with its place. */
    public record Placed(LogEntry line, long number) {}

    /** The place that a cursor of {@link Kind#CHANGES} was written for: what is wanted comes before it. */
    public static Place readPlace(@Nullable String cursor) {
        return cursor == null ? new Place(Long.MAX_VALUE, Long.MAX_VALUE) : Place.of(read(Kind.CHANGES, cursor));
    }

    /** The page for lines of the log, newest first, that were read with one more than the limit. */
    public static Page<LogEntry> changes(List<Placed> rows, int limit) {
        Page<Placed> page =
                page(Kind.CHANGES, rows, limit, row -> new Place(row.line().revision(), row.number()).text());
        return new Page<>(page.items().stream().map(Placed::line).toList(), page.cursor());
    }

    /** Returns the limit if it is 1 to {@link #MAX_LIMIT}. */
    public static int requireLimit(int limit) {
        if (limit < 1 || limit > MAX_LIMIT) {
            throw new InvalidConfigException("Invalid limit " + limit + ": it must be 1 to " + MAX_LIMIT);
        }
        return limit;
    }

    /**
     * The page for rows that were read with one more than the limit, so that the extra row tells whether there is a next
     * page.
     *
     * @param last the key, namespace or version of a row
     */
    public static <T> Page<T> page(Kind kind, List<T> rows, int limit, Function<T, String> last) {
        if (rows.size() <= limit) {
            return new Page<>(rows, "");
        }
        return new Page<>(rows.subList(0, limit), write(kind, last.apply(rows.get(limit - 1))));
    }

    /** The end of the range of all keys that begin so, in byte-wise order. */
    public static String endOfPrefix(String prefix) {
        int last = prefix.length() - 1;
        return prefix.isEmpty() ? "\u007f" : prefix.substring(0, last) + (char) (prefix.charAt(last) + 1);
    }

    private static String decode(Kind kind, String cursor) {
        byte[] bytes;
        try {
            bytes = Base64.getUrlDecoder().decode(cursor);
        } catch (IllegalArgumentException e) {
            throw invalid(e);
        }
        if (bytes.length < HEADER || bytes[0] != FORMAT || bytes[1] != kind.tag) {
            throw invalid(null);
        }
        return new String(bytes, HEADER, bytes.length - HEADER, StandardCharsets.UTF_8);
    }

    private static InvalidConfigException invalid(@Nullable Throwable cause) {
        return new InvalidConfigException("Invalid cursor: it was not issued for this list", cause);
    }
}
