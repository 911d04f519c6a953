// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a value is written.
 *
 * @param condition what must hold for the write to be stored
 * @param ttl how long the entry lives, by the store's clock, at most 36,500 days; null keeps the expiry that the entry
 *     has, zero removes it
 * @param secret whether the value is to be masked wherever it is shown
 * @param author who writes, for the log; null for the store's own idea of it
 * @param comment why, for the log; null for none
 * @param whenAway what happens if the store is away
 */
public record WriteOptions(
        Condition condition,
        @Nullable Duration ttl,
        boolean secret,
        @Nullable String author,
        @Nullable String comment,
        WhenAway whenAway) {

    /** Create or overwrite, keep an existing expiry, not secret, no comment. */
    public static final WriteOptions DEFAULT =
            new WriteOptions(Condition.ALWAYS, null, false, null, null, WhenAway.QUEUE);

    /** Only if the key does not exist. */
    public static WriteOptions createOnly() {
        return DEFAULT.with(Condition.ABSENT);
    }

    /** Only if the key exists. */
    public static WriteOptions updateOnly() {
        return DEFAULT.with(Condition.PRESENT);
    }

    /** Only if the key has exactly this version. */
    public static WriteOptions expectVersion(long version) {
        return DEFAULT.with(Condition.version(version));
    }

    public WriteOptions with(Condition newCondition) {
        return new WriteOptions(newCondition, ttl, secret, author, comment, whenAway);
    }

    /** Lives this long from the commit on; zero: for ever. */
    public WriteOptions withTtl(Duration newTtl) {
        return new WriteOptions(condition, newTtl, secret, author, comment, whenAway);
    }

    public WriteOptions asSecret() {
        return new WriteOptions(condition, ttl, true, author, comment, whenAway);
    }

    public WriteOptions withAuthor(@Nullable String newAuthor) {
        return new WriteOptions(condition, ttl, secret, newAuthor, comment, whenAway);
    }

    public WriteOptions withComment(@Nullable String newComment) {
        return new WriteOptions(condition, ttl, secret, author, newComment, whenAway);
    }

    public WriteOptions whenAway(WhenAway newWhenAway) {
        return new WriteOptions(condition, ttl, secret, author, comment, newWhenAway);
    }
}
