// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

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
 * @param author who, for the log; null for the store's own idea of it
 * @param comment why, for the log; null for none
 */
public record Commit(
        UUID id,
        List<Operation> operations,
        @Nullable String author,
        @Nullable String comment) {

    public Commit {
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

    /** A new commit with a fresh id. */
    public static Commit of(List<Operation> operations, @Nullable String author, @Nullable String comment) {
        return new Commit(UUID.randomUUID(), operations, author, comment);
    }
}
