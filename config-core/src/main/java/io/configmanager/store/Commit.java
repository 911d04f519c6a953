// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.InvalidConfigException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Operations to be stored together: all or nothing, one revision.
 *
 * @param id names the commit, so that a repeated call after an unknown outcome has no second effect
 * @param operations at least one, each key at most once
 * @param author who, for the log, at most 255 characters; null for the store's own idea of it
 * @param comment why, for the log, at most 4,096 characters; null for none
 */
public record Commit(
        UUID id,
        List<Operation> operations,
        @Nullable String author,
        @Nullable String comment) {

    private static final int LONGEST_AUTHOR = 255;
    private static final int LONGEST_COMMENT = 4_096;

    /** @throws InvalidConfigException for an author or a comment that is too long, or that not every store can keep */
    public Commit {
        requireKeepable("author", author, LONGEST_AUTHOR);
        requireKeepable("comment", comment, LONGEST_COMMENT);
        operations = List.copyOf(operations);
        if (operations.isEmpty()) {
            throw new IllegalArgumentException("A commit needs at least one operation");
        }
        Set<List<String>> keys = new HashSet<>();
        for (Operation operation : operations) {
            if (!keys.add(List.of(operation.namespace(), operation.key()))) {
                throw new IllegalArgumentException("A commit must not write key '" + operation.key() + "' twice");
            }
        }
    }

    private static void requireKeepable(String what, @Nullable String text, int longest) {
        if (text == null) {
            return;
        }
        if (text.indexOf('\0') >= 0 || !StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw new InvalidConfigException(
                    "Invalid " + what + ": it has a NUL or half of a surrogate pair, which not every store can keep");
        }
        if (text.length() > longest) {
            throw new InvalidConfigException(
                    "Invalid " + what + ": it has " + text.length() + " characters, more than " + longest);
        }
    }

    /** A new commit with a fresh id. */
    public static Commit of(List<Operation> operations, @Nullable String author, @Nullable String comment) {
        return new Commit(UUID.randomUUID(), operations, author, comment);
    }
}
