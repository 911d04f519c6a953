// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.LogEntry;
import io.configmanager.LogEntry.Kind;
import io.configmanager.ValueType;
import io.configmanager.VersionConflictException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The part of {@link ConfigStoreContract} about commits as a whole, and about entries whose time is over. */
abstract class CommitContract extends EntryContract {

    @Nested
    class Commits {

        @Test
        void manyKeysAreOneRevision() {
            commit(put("old", "1"));
            FeedReader reader = reader();
            List<Operation> operations = new ArrayList<>(List.of(delete("old"), delete("absent")));
            for (int i = 0; i < 50; i++) {
                operations.add(put(i % 2 == 0 ? ns : ns2, "k" + (50 - i), "1"));
            }

            CommitResult result = store.commit(Commit.of(operations, AUTHOR, "many"));

            assertThat(result.changes())
                    .hasSize(51)
                    .allSatisfy(change -> assertThat(change.revision()).isEqualTo(result.revision()));
            operations.remove(1);
            assertThat(result.changes().stream().map(LogEntry::key).toList())
                    .as("in the order of the operations")
                    .isEqualTo(operations.stream().map(Operation::key).toList());
            reader.readTo(result.revision());
            assertThat(reader.revisions()).containsExactly(result.revision());
            assertThat(reader.changeSets.get(0).changes().stream().map(StoreContractFixture::timeless))
                    .containsExactlyInAnyOrderElementsOf(result.changes().stream()
                            .map(StoreContractFixture::timeless)
                            .toList());
        }

        @Test
        void aRepeatedCommitHasNoSecondEffect() {
            Commit commit = commitOf(put("k", "1"), put(ns2, "k", "1"));
            CommitResult first = store.commit(commit);
            CommitResult later = commit(put("k", "2"));

            CommitResult repeated = handle().commit(commit);

            assertSameAnswer(repeated, first);
            assertThat(value("k")).isEqualTo("2");
            assertThat(entry("k").revision()).isEqualTo(later.revision());
        }

        @Test
        void aRepeatedCreateOrDeleteIsNoConflict() {
            Commit create = commitOf(put("k", "1", Condition.ABSENT));
            Commit update = commitOf(put("k", "2", Condition.version(1)));
            Commit delete = commitOf(delete("k", Condition.version(2)));
            for (Commit commit : List.of(create, update, delete)) {
                CommitResult first = store.commit(commit);
                assertSameAnswer(store.commit(commit), first);
            }
            assertThat(history("k")).hasSize(3);
        }

        @Test
        void aCommitThatFailedIsNotRemembered() {
            commit(put("k", "1"));
            Commit commit = commitOf(put("k", "2", Condition.ABSENT));
            assertThatThrownBy(() -> store.commit(commit)).isInstanceOf(VersionConflictException.class);
            commit(delete("k"));

            store.commit(commit);

            assertThat(value("k")).isEqualTo("2");
        }

        @Test
        void aCommitRepeatedAtTheSameTimeHasOneEffect() throws Exception {
            ConfigStore other = handle();
            for (int i = 0; i < 10; i++) {
                Commit commit = commitOf(put("k", Integer.toString(i)));
                CyclicBarrier start = new CyclicBarrier(2);
                Future<CommitResult> theirs = inBackground(() -> {
                    start.await();
                    return other.commit(commit);
                });
                start.await();
                CommitResult mine = store.commit(commit);

                assertSameAnswer(result(theirs), mine);
                assertThat(entry("k").version()).isEqualTo(i + 1L);
            }
        }

        private void assertSameAnswer(CommitResult repeated, CommitResult first) {
            assertThat(repeated.revision()).isEqualTo(first.revision());
            assertThat(repeated.changes().stream().map(StoreContractFixture::timeless))
                    .containsExactlyElementsOf(first.changes().stream()
                            .map(StoreContractFixture::timeless)
                            .toList());
        }
    }

    @Nested
    class Expiry {

        @Test
        void anExpiredEntryIsAbsentInEveryRead() {
            putExpired("k");

            assertThat(keys(ConfigFilter.ALL)).isEmpty();
            assertThat(keys(ConfigFilter.keys("k"))).isEmpty();
            assertThat(walk(cursor -> store.namespaces(1000, cursor))).doesNotContain(ns);
            assertThat(store.snapshot(Set.of(ns), 10).entries()).isEmpty();
        }

        @Test
        void anExpiredEntryDoesNotCountForTheLimitOfASnapshot() {
            putExpired("a", "b");
            commit(put("c", "1"));

            Snapshot snapshot = store.snapshot(Set.of(ns), 1);

            assertThat(snapshot.oversized()).isEmpty();
            assertThat(snapshot.entries()).extracting(ConfigEntry::key).containsExactly("c");
        }

        @Test
        void anExpiredEntryCountsAsAbsentInConditions() {
            putExpired("k");

            for (Operation operation : List.of(
                    put("k", "1", Condition.PRESENT),
                    put("k", "1", Condition.version(1)),
                    delete("k", Condition.PRESENT),
                    delete("k", Condition.version(1)))) {
                VersionConflictException conflict =
                        catchThrowableOfType(VersionConflictException.class, () -> commit(operation));
                assertThat(conflict).as("%s", operation.condition()).isNotNull();
                assertThat(conflict.actualVersion()).isZero();
            }
            assertThat(commit(delete("k")).revision()).isZero();
            commit(put("k", "1", Condition.ABSENT));
            assertThat(value("k")).isEqualTo("1");
        }

        @Test
        void nothingOfAnExpiredEntryIsKept() {
            CommitResult first =
                    commit(new Operation.Put(ns, "k", "1", "json", ValueType.SECRET, SHORT, Condition.ALWAYS));
            patiently().until(() -> store.get(ns, "k").entry() == null);

            commit(put("k", "2"));

            assertThat(entry("k").expiresAt()).isNull();
            assertThat(entry("k").type()).isEqualTo(ValueType.INTEGER);
            assertThat(entry("k").createdAt()).isAfter(first.storeTime());
        }

        @Test
        void maintenanceMakesExpiryAChange() {
            commit(put("live", "1", Duration.ofHours(1)));
            FeedReader reader = reader();
            putExpired("a", "b", "c");

            patiently().until(() -> {
                store.maintain();
                return history("c").get(0).kind() == Kind.EXPIRE
                        && history("b").get(0).kind() == Kind.EXPIRE
                        && history("a").get(0).kind() == Kind.EXPIRE;
            });

            LogEntry expired = history("a").get(0);
            assertThat(expired.version()).isEqualTo(2);
            assertThat(expired.entry()).isNull();
            assertThat(expired.revision()).isGreaterThan(history("a").get(1).revision());
            reader.readTo(history("c").get(0).revision());
            reader.readTo(history("b").get(0).revision());
            reader.readTo(history("a").get(0).revision());
            assertThat(reader.changes(ns).stream().filter(change -> change.kind() == Kind.EXPIRE))
                    .extracting(LogEntry::key)
                    .containsExactlyInAnyOrder("a", "b", "c");
            assertThat(value("live")).isEqualTo("1");
        }

        @Test
        void twoMaintainersRemoveEachEntryOnce() throws Exception {
            putExpired("a", "b");
            ConfigStore other = handle();

            for (int i = 0; i < 5; i++) {
                Future<Boolean> theirs = inBackground(() -> {
                    other.maintain();
                    return true;
                });
                store.maintain();
                assertThat(result(theirs)).isTrue();
            }

            for (String key : List.of("a", "b")) {
                assertThat(history(key)).extracting(LogEntry::kind).containsExactly(Kind.EXPIRE, Kind.PUT);
            }
        }

        @Test
        void maintenanceWithoutExpiredEntriesChangesNothing() {
            commit(put("k", "1"));
            FeedReader reader = reader();

            store.maintain();
            CommitResult next = commit(put("k", "2"));

            assertThat(reader.readTo(next.revision()).revisions()).containsExactly(next.revision());
            assertThat(history("k")).hasSize(2);
        }
    }
}
