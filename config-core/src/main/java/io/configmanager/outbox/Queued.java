// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.QueuedWrite;
import io.configmanager.QueuedWrite.State;
import io.configmanager.ValueType;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.Operation;
import io.configmanager.store.Position;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A write in the outbox, as it is on disk.
 *
 * @param sequence orders the writes
 * @param id the id of its commit, so that the store applies it at most once
 * @param basis where this instance was in the store's history; null if that does not matter
 * @param reason why it is not pending any more
 * @param replaces the sequence of the write that this one was made of; null if there was none
 */
record Queued(
        long sequence,
        UUID id,
        State state,
        List<Item> items,
        @Nullable String author,
        @Nullable String comment,
        Instant queuedAt,
        Instant deadline,
        @Nullable Position basis,
        @Nullable String reason,
        @Nullable Long replaces) {

    /** One key, named as nothing else is. */
    record Name(String namespace, String key) {}

    /** A value as it is stored. */
    record Content(
            String value,
            String codec,
            String type,
            @Nullable Duration ttl) {

        boolean secret() {
            return type.equals(ValueType.SECRET.label());
        }

        /** Everything but the value, so that no log line can leak it. */
        @Override
        public String toString() {
            return "Content[" + codec + ", " + type + "]";
        }
    }

    /**
     * One key of it.
     *
     * @param content null to delete
     * @param expected the version that the key must have, 0: absent, −1: any that exists, null: anything
     * @param after the sequence of the pending write of the same key whose result is what is expected, and of which
     *     {@code expected} is a guess; null if none
     * @param version the version that the key will have then, 0 if it is deleted; a guess, for readers
     * @param createdAt when the key was created, for readers
     */
    record Item(
            String namespace,
            String key,
            @Nullable Content content,
            @Nullable Long expected,
            @Nullable Long after,
            long version,
            Instant createdAt) {

        Name name() {
            return new Name(namespace, key);
        }

        Item expecting(@Nullable Long nowExpected, @Nullable Long nowAfter) {
            return new Item(namespace, key, content, nowExpected, nowAfter, version, createdAt);
        }

        Operation operation() {
            return content == null
                    ? new Operation.Delete(namespace, key, condition(expected))
                    : new Operation.Put(
                            namespace,
                            key,
                            content.value(),
                            content.codec(),
                            ValueType.ofLabel(content.type()),
                            content.ttl(),
                            condition(expected));
        }
    }

    /**
     * What a write did: the version of each key that it set, 0 of each that it deleted.
     *
     * @param results null if it was not applied
     */
    record Done(@Nullable List<Result> results) {

        record Result(String namespace, String key, long version) {}

        static final Done NOT_APPLIED = new Done(null);

        static Done of(CommitResult result) {
            List<Result> results = new ArrayList<>();
            result.changes()
                    .forEach(change -> results.add(new Result(
                            change.namespace(), change.key(), change.entry() == null ? 0 : change.version())));
            return new Done(results);
        }

        /** What the next write of the key is based on; null if that is not known. */
        @Nullable
        Long versionOf(Item item) {
            if (results == null) {
                return null;
            }
            for (Result result : results) {
                if (result.namespace().equals(item.namespace()) && result.key().equals(item.key())) {
                    return result.version();
                }
            }
            // Deleting an absent key is no change; a set that is missing was compacted before it was repeated.
            return item.content() == null ? 0L : null;
        }
    }

    static Condition condition(@Nullable Long expected) {
        if (expected == null) {
            return Condition.ALWAYS;
        }
        return expected == 0 ? Condition.ABSENT : expected < 0 ? Condition.PRESENT : Condition.version(expected);
    }

    Commit commit() {
        return new Commit(id, items.stream().map(Item::operation).toList(), author, comment);
    }

    /** Answered as the commit was, if the store has taken that; else refused, because no entry has this version. */
    Commit question() {
        Name any = items.get(0).name();
        Condition never = Condition.version(Long.MAX_VALUE);
        return new Commit(id, List.of(new Operation.Delete(any.namespace(), any.key(), never)), author, comment);
    }

    boolean pending() {
        return state == State.PENDING;
    }

    Queued parked(State as, String why) {
        return new Queued(sequence, id, as, items, author, comment, queuedAt, deadline, basis, why, replaces);
    }

    /** What is to be tried anew in the place of this. */
    Queued again(long newSequence, UUID newId, Instant newDeadline, @Nullable Position newBasis) {
        return new Queued(
                newSequence,
                newId,
                State.PENDING,
                items,
                author,
                comment,
                queuedAt,
                newDeadline,
                newBasis,
                null,
                sequence);
    }

    /** The same in the order of another outbox. */
    Queued numbered(long newSequence) {
        return new Queued(newSequence, id, state, items, author, comment, queuedAt, deadline, basis, reason, null);
    }

    Queued with(UnaryOperator<Item> change) {
        return new Queued(
                sequence,
                id,
                state,
                items.stream().map(change).toList(),
                author,
                comment,
                queuedAt,
                deadline,
                basis,
                reason,
                replaces);
    }

    QueuedWrite.Change change(Item item) {
        Content content = item.content();
        ConfigEntry entry = content == null
                ? null
                : new ConfigEntry(
                        item.namespace(),
                        item.key(),
                        content.value(),
                        content.codec(),
                        ValueType.ofLabel(content.type()),
                        item.version(),
                        0,
                        item.createdAt(),
                        queuedAt,
                        null,
                        author);
        Long expected = item.expected();
        boolean exact = expected != null && expected >= 0 && item.after() == null;
        return new QueuedWrite.Change(item.namespace(), item.key(), entry, exact ? expected : null);
    }

    QueuedWrite shown(int attempts, @Nullable String lastFailure) {
        return new QueuedWrite(
                id,
                state,
                items.stream().map(this::change).toList(),
                queuedAt,
                deadline,
                attempts,
                reason == null ? lastFailure : reason,
                author,
                comment);
    }
}
