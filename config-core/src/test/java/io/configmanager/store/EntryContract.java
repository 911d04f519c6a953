// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigNames;
import io.configmanager.LogEntry;
import io.configmanager.LogEntry.Kind;
import io.configmanager.ValueType;
import io.configmanager.VersionConflictException;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Future;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The part of {@link ConfigStoreContract} about entries and their writes. */
abstract class EntryContract extends StoreContractFixture {

    @Nested
    class Reads {

        @Test
        void anAbsentKeyHasNoEntry() {
            assertThat(store.get(ns, "absent").entry()).isNull();
        }

        @Test
        void anEntryHasAllThatWasStored() {
            Operation put = new Operation.Put(
                    ns, "a/b", "{\"b\":1,  \"a\":[1, 2]}", "json", ValueType.OBJECT, null, Condition.ALWAYS);

            CommitResult result = commit(put);

            ConfigEntry entry = entry("a/b");
            assertThat(entry.namespace()).isEqualTo(ns);
            assertThat(entry.key()).isEqualTo("a/b");
            assertThat(entry.value()).isEqualTo("{\"b\":1,  \"a\":[1, 2]}");
            assertThat(entry.codec()).isEqualTo("json");
            assertThat(entry.type()).isEqualTo(ValueType.OBJECT);
            assertThat(entry.version()).isEqualTo(1);
            assertThat(entry.revision()).isEqualTo(result.revision()).isPositive();
            assertThat(entry.createdAt()).isEqualTo(entry.updatedAt());
            assertThat(entry.updatedAt()).isCloseTo(result.storeTime(), within(1, ChronoUnit.SECONDS));
            assertThat(entry.expiresAt()).isNull();
            assertThat(entry.author()).isEqualTo(AUTHOR);
        }

        @Test
        void everyTypeAndAnyCodecComeBack() {
            for (ValueType type : ValueType.values()) {
                String key = "type/" + type.label();
                commit(new Operation.Put(ns, key, "text", "my-codec", type, null, Condition.ALWAYS));

                assertThat(entry(key).type()).isEqualTo(type);
                assertThat(entry(key).codec()).isEqualTo("my-codec");
            }
        }

        @Test
        void anyTextComesBack() {
            List<String> texts =
                    List.of("\"\"", "\"äöü € 漢字 🙂 \\u0000\"", "\"'; drop -- $1 {}%_\\\\\"", "\"\\n\\t\"\n");
            for (String text : texts) {
                commit(put("text", text));

                assertThat(value("text")).isEqualTo(text);
            }
        }

        @Test
        void largeValuesComeBack() {
            String large = "\"" + "0123456789abcdefghij".repeat(10_000) + "é\"";

            commit(put("large", large));

            assertThat(value("large")).isEqualTo(large);
        }

        @Test
        void theLongestNamesWork() {
            String namespace = "n".repeat(ConfigNames.MAX_NAMESPACE_LENGTH);
            String key = "k".repeat(ConfigNames.MAX_KEY_LENGTH);

            commit(put(namespace, key, "1"));

            assertThat(store.get(namespace, key).entry()).isNotNull();
        }

        @Test
        void namespacesAreSeparate() {
            commit(put(ns, "k", "1"), put(ns2, "k", "2"), put("", "k", "3"));

            assertThat(listed(ns, ns2, "")).isEqualTo(Map.of(ns + " k", "1", ns2 + " k", "2", " k", "3"));
        }

        @Test
        void keysAreCaseSensitive() {
            commit(put("Key", "1"), put("key", "2"));

            assertThat(value("Key")).isEqualTo("1");
            assertThat(value("key")).isEqualTo("2");
            assertThat(value("KEY")).isNull();
        }

        @Test
        void aLookupIsGoodForTheWritesOfEveryHandle() {
            CommitResult first = commit(put("k", "1"));
            CommitResult second = handle().commit(commitOf(put("other", "1")));

            Lookup lookup = store.get(ns, "k");

            assertThat(second.revision()).isGreaterThan(first.revision());
            assertThat(lookup.revision()).isGreaterThanOrEqualTo(second.revision());
            assertThat(store.get(ns, "absent").revision()).isGreaterThanOrEqualTo(lookup.revision());
            assertThat(lookup.storeTime()).isCloseTo(second.storeTime(), within(5, ChronoUnit.SECONDS));
        }
    }

    @Nested
    class Writes {

        @Test
        void overwritingKeepsOnlyTheCreation() {
            commit(put("k", "1"));
            ConfigEntry before = entry("k");

            CommitResult result = store.commit(Commit.of(
                    List.of(new Operation.Put(ns, "k", "text", "plain", ValueType.STRING, null, Condition.ALWAYS)),
                    "somebody",
                    null));

            ConfigEntry after = entry("k");
            assertThat(after.value()).isEqualTo("text");
            assertThat(after.codec()).isEqualTo("plain");
            assertThat(after.type()).isEqualTo(ValueType.STRING);
            assertThat(after.author()).isEqualTo("somebody");
            assertThat(after.version()).isEqualTo(2);
            assertThat(after.revision()).isEqualTo(result.revision()).isGreaterThan(before.revision());
            assertThat(after.createdAt()).isEqualTo(before.createdAt());
            assertThat(after.updatedAt()).isAfterOrEqualTo(before.updatedAt());
        }

        @Test
        void theResultOfAPutHoldsTheStoredEntry() {
            CommitResult result = commit(put("k", "1"));

            assertThat(result.changes()).hasSize(1);
            LogEntry change = result.changes().get(0);
            assertThat(change.kind()).isEqualTo(Kind.PUT);
            assertThat(change.revision()).isEqualTo(result.revision());
            assertThat(change.version()).isEqualTo(1);
            assertThat(change.entry()).isEqualTo(entry("k"));
            assertThat(change.author()).isEqualTo(AUTHOR);
            assertThat(change.comment()).isEqualTo("by the kit");
        }

        @Test
        void deletingRemovesTheEntryAndTakesAVersion() {
            CommitResult created = commit(put("k", "1"));

            CommitResult deleted = commit(delete("k"));

            assertThat(value("k")).isNull();
            assertThat(deleted.revision()).isGreaterThan(created.revision());
            assertThat(deleted.changes()).hasSize(1);
            LogEntry change = deleted.changes().get(0);
            assertThat(change.kind()).isEqualTo(Kind.DELETE);
            assertThat(change.key()).isEqualTo("k");
            assertThat(change.version()).isEqualTo(2);
            assertThat(change.entry()).isNull();
        }

        @Test
        void deletingAnAbsentKeyChangesNothing() {
            FeedReader reader = reader();

            CommitResult result = commit(delete("k"));
            CommitResult next = commit(put("other", "1"));

            assertThat(result.revision()).isZero();
            assertThat(result.changes()).isEmpty();
            assertThat(history("k")).isEmpty();
            assertThat(reader.readTo(next.revision()).revisions()).containsExactly(next.revision());
        }

        @Test
        void secretIsStickyUntilTheKeyIsDeleted() {
            commit(put("k", "1", ValueType.SECRET));
            commit(put("k", "2", ValueType.INTEGER));
            assertThat(entry("k").type()).isEqualTo(ValueType.SECRET);

            commit(delete("k"));
            commit(put("k", "3", ValueType.INTEGER));
            assertThat(entry("k").type()).isEqualTo(ValueType.INTEGER);
        }

        @Test
        void ttlIsSetKeptReplacedAndRemoved() {
            CommitResult set = commit(put("k", "1", Duration.ofHours(1)));
            ConfigEntry first = entry("k");
            assertThat(first.expiresAt())
                    .isCloseTo(set.storeTime().plus(Duration.ofHours(1)), within(2, ChronoUnit.SECONDS));

            commit(put("k", "2"));
            assertThat(entry("k").expiresAt()).isEqualTo(first.expiresAt());

            CommitResult replaced = commit(put("k", "3", Duration.ofHours(2)));
            assertThat(entry("k").expiresAt())
                    .isCloseTo(replaced.storeTime().plus(Duration.ofHours(2)), within(2, ChronoUnit.SECONDS));

            commit(put("k", "4", Duration.ZERO));
            assertThat(entry("k").expiresAt()).isNull();
        }

        @Test
        void aTtlBelowThePrecisionOfTheStoreIsNotForEver() {
            CommitResult stored = commit(put("k", "1", Duration.ofNanos(1)));

            assertThat(stored.changes().get(0).entry().expiresAt()).isNotNull();
        }

        @Test
        void writesBehindTheStoresBackAreRead() {
            commit(put("mine", "1"));

            putBehindItsBack(ns, "mine", "2");
            putBehindItsBack(ns, "theirs", "3");
            assertThat(value("mine")).isEqualTo("2");
            assertThat(value("theirs")).isEqualTo("3");
            assertThat(entry("theirs").codec()).isEqualTo("json");

            deleteBehindItsBack(ns, "mine");
            assertThat(value("mine")).isNull();
            commit(put("mine", "4"), put("theirs", "5"));
            assertThat(listed(ns).values()).containsExactly("4", "5");
        }
    }

    @Nested
    class Conditions {

        @Test
        void absentCreatesOnly() {
            commit(put("k", "1", Condition.ABSENT));
            assertConflict(1, put("k", "2", Condition.ABSENT));
            assertThat(value("k")).isEqualTo("1");

            commit(delete("k"));
            commit(put("k", "3", Condition.ABSENT));
            assertThat(value("k")).isEqualTo("3");
        }

        @Test
        void presentUpdatesOnly() {
            assertConflict(0, put("k", "1", Condition.PRESENT));
            assertThat(value("k")).isNull();

            commit(put("k", "2"));
            commit(put("k", "3", Condition.PRESENT));
            assertThat(value("k")).isEqualTo("3");

            commit(delete("k"));
            assertConflict(0, put("k", "4", Condition.PRESENT));
        }

        @Test
        void versionUpdatesOnlyThatVersion() {
            assertConflict(0, put("k", "1", Condition.version(1)));
            commit(put("k", "2"));
            commit(put("k", "3", Condition.version(1)));
            assertConflict(2, put("k", "4", Condition.version(1)));
            assertConflict(2, put("k", "4", Condition.version(3)));
            assertThat(value("k")).isEqualTo("3");

            commit(delete("k"));
            assertConflict(0, put("k", "5", Condition.version(2)));
            assertConflict(0, put("k", "5", Condition.version(3)));
        }

        @Test
        void deletesHaveConditionsToo() {
            assertConflict(0, delete("k", Condition.PRESENT));
            assertConflict(0, delete("k", Condition.version(1)));
            assertThat(commit(delete("k", Condition.ABSENT)).changes()).isEmpty();

            commit(put("k", "1"));
            assertConflict(1, delete("k", Condition.ABSENT));
            assertConflict(1, delete("k", Condition.version(2)));
            assertThat(value("k")).isEqualTo("1");
            commit(delete("k", Condition.version(1)));
            assertThat(value("k")).isNull();

            commit(put("k", "2"));
            commit(delete("k", Condition.PRESENT));
            assertThat(value("k")).isNull();
        }

        @Test
        void oneFailureStoresNothing() {
            commit(put("b", "1"));
            FeedReader reader = reader();

            assertConflict(1, put("b", "2", Condition.ABSENT), put("a", "2"), put(ns2, "a", "2"), delete("c"));
            VersionConflictException last = catchThrowableOfType(
                    VersionConflictException.class,
                    () -> commit(put("a", "2"), put(ns2, "a", "2"), put("b", "2", Condition.ABSENT)));

            assertThat(last.key()).isEqualTo("b");
            assertThat(listed(ns, ns2)).containsOnlyKeys(ns + " b").containsValue("1");
            assertThat(history("a")).isEmpty();
            CommitResult next = commit(put("a", "3"));
            assertThat(next.changes().get(0).version()).isEqualTo(1);
            assertThat(reader.readTo(next.revision()).revisions()).containsExactly(next.revision());
        }

        @Test
        void ofConcurrentCreatesOneWins() throws Exception {
            List<Future<Boolean>> creates = new ArrayList<>();
            CyclicBarrier start = new CyclicBarrier(4);
            for (int i = 0; i < 4; i++) {
                ConfigStore mine = handle();
                String value = Integer.toString(i);
                creates.add(inBackground(() -> {
                    start.await();
                    try {
                        mine.commit(commitOf(put("k", value, Condition.ABSENT)));
                        return true;
                    } catch (VersionConflictException e) {
                        assertThat(e.actualVersion()).isEqualTo(1);
                        return false;
                    }
                }));
            }
            int won = 0;
            for (Future<Boolean> create : creates) {
                won += result(create) ? 1 : 0;
            }
            assertThat(won).isEqualTo(1);
            assertThat(entry("k").version()).isEqualTo(1);
        }

        private void assertConflict(long actualVersion, Operation first, Operation... more) {
            List<Operation> operations = new ArrayList<>(List.of(first));
            operations.addAll(List.of(more));
            VersionConflictException conflict = catchThrowableOfType(
                    VersionConflictException.class, () -> store.commit(Commit.of(operations, null, null)));
            assertThat(conflict).as("conflict").isNotNull();
            assertThat(conflict.namespace()).isEqualTo(first.namespace());
            assertThat(conflict.key()).isEqualTo(first.key());
            assertThat(conflict.condition()).isEqualTo(first.condition());
            assertThat(conflict.actualVersion()).isEqualTo(actualVersion);
        }
    }

    @Nested
    class Versions {

        @Test
        void goOnAcrossDeleteAndRecreation() {
            commit(put("k", "1"));
            commit(put("k", "2"));
            commit(delete("k"));
            commit(put("k", "4"));
            commit(delete("k"));
            commit(put("k", "6"));

            assertThat(entry("k").version()).isEqualTo(6);
            assertThat(entry("k").createdAt()).isEqualTo(entry("k").updatedAt());
            assertDense(6);
        }

        @Test
        void goOnAcrossExpiry() {
            putExpired("k");
            commit(put("k", "1"));

            assertThat(entry("k").version()).isGreaterThan(1);
            assertDense(entry("k").version());
        }

        @Test
        void goOnAcrossCompaction() {
            commit(put("k", "1"));
            commit(delete("k"));
            commit(put("live", "1"));
            commit(put("other", "1"));

            compact();

            commit(put("k", "3"), put("live", "2"));
            assertThat(entry("k").version()).isEqualTo(3);
            assertThat(entry("live").version()).isEqualTo(2);
        }

        @Test
        void areCountedForEachKey() {
            commit(put(ns, "a", "1"), put(ns, "b", "1"), put(ns2, "a", "1"));
            commit(put("a", "2"));

            assertThat(entry("a").version()).isEqualTo(2);
            assertThat(entry("b").version()).isEqualTo(1);
        }

        private void assertDense(long newest) {
            assertThat(history("k").stream().map(LogEntry::version))
                    .containsExactlyElementsOf(LongStream.rangeClosed(1, newest)
                            .mapToObj(version -> newest + 1 - version)
                            .toList());
        }
    }
}
