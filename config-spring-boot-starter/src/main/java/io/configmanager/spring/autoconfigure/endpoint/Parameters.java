// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import io.configmanager.Condition;
import io.configmanager.InvalidConfigException;
import io.configmanager.store.Cursors;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.convert.DurationStyle;

/** Parameters of requests, read so that what is wrong is answered with its rule: {@link InvalidConfigException}. */
final class Parameters {

    private static final int DEFAULT_LIMIT = 100;
    private static final Instant LAST = Instant.parse("9999-12-31T00:00:00Z");

    private Parameters() {}

    static Condition version(@Nullable String version) {
        return version == null ? Condition.ALWAYS : Condition.version(number("version", version));
    }

    static long number(String what, String text) {
        try {
            return Long.parseLong(text.strip());
        } catch (NumberFormatException e) {
            throw new InvalidConfigException("Invalid " + what + ": it must be a whole number");
        }
    }

    static int limit(@Nullable String limit) {
        long wanted = limit == null ? DEFAULT_LIMIT : number("limit", limit);
        if (wanted < 1 || wanted > Cursors.MAX_LIMIT) {
            throw new InvalidConfigException("Invalid limit " + wanted + ": it must be 1 to " + Cursors.MAX_LIMIT);
        }
        return (int) wanted;
    }

    static @Nullable String cursor(@Nullable String cursor) {
        return cursor == null || cursor.isEmpty() ? null : cursor;
    }

    /**
     * A time, or how long ago.
     *
     * @param now asked in the latter case
     */
    static Instant since(String text, Supplier<Instant> now) {
        try {
            Duration ago = text.contains(":") ? Duration.ZERO : DurationStyle.detectAndParse(text);
            Instant since = text.contains(":") ? Instant.parse(text) : now.get().minus(ago);
            if (!ago.isNegative() && !since.isBefore(Instant.EPOCH) && since.isBefore(LAST)) {
                return since;
            }
        } catch (DateTimeException | ArithmeticException | IllegalArgumentException e) {
            // As one that is out of range.
        }
        throw new InvalidConfigException(
                "Invalid since: it must be a duration such as 1h or PT1H, or a time such as 2026-11-21T20:00:00Z");
    }

    static boolean flag(String what, @Nullable String text) {
        if (text == null || text.equals("false")) {
            return false;
        }
        if (text.equals("true")) {
            return true;
        }
        throw new InvalidConfigException("Invalid " + what + ": it must be true or false");
    }

    static Duration ttl(String text) {
        try {
            return DurationStyle.detectAndParse(text);
        } catch (IllegalArgumentException e) {
            throw new InvalidConfigException("Invalid ttl: it must be a duration such as 10m or PT10M");
        }
    }
}
