// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.InvalidConfigException;
import io.configmanager.LogEntry;
import io.configmanager.Page;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The part of {@link ConfigStoreContract} about answers with many entries. */
abstract class ListContract extends CommitContract {

    /** Keys in byte-wise order, which is not the order of any human language. */
    private static final List<String> KEYS = List.of(
            "-", ".", "0", "A", "B/a", "_", "a", "a-b", "a-b/x", "a.b", "a.b/x", "a/b", "a0", "aB", "a_b", "a_b/x",
            "aaa", "ab", "axb/x", "b", "z/z/z");

    @Nested
    class Lists {

        @Test
        void areInByteOrderOfTheKeys() {
            putShuffled();

            assertThat(keys(ConfigFilter.ALL)).isEqualTo(KEYS);
        }

        @Test
        void holdWholeEntries() {
            commit(put("a", "1"), put("b", "2"));

            assertThat(store.list(ns, ConfigFilter.ALL, 10, null).items()).containsExactly(entry("a"), entry("b"));
        }

        @Test
        void ofAPrefixHoldWhatIsBelowIt() {
            commit(put("app", "1"), put("app/x", "1"), put("app/x/y", "1"), put("app2", "1"), put("app2/x", "1"));
            commit(put("App/x", "1"), put("app-/x", "1"), put("my/app/x", "1"));

            assertThat(keys(ConfigFilter.prefix("app"))).containsExactly("app/x", "app/x/y");
            assertThat(keys(ConfigFilter.prefix("app/"))).containsExactly("app/x", "app/x/y");
            assertThat(keys(ConfigFilter.prefix("app2"))).containsExactly("app2/x");
            assertThat(keys(ConfigFilter.prefix("app/x"))).containsExactly("app/x/y");
            assertThat(keys(ConfigFilter.prefix("nothing"))).isEmpty();
        }

        @Test
        void ofAPrefixKnowNoWildcards() {
            putShuffled();

            assertThat(keys(ConfigFilter.prefix("a_b"))).containsExactly("a_b/x");
            assertThat(keys(ConfigFilter.prefix("a.b"))).containsExactly("a.b/x");
            assertThat(keys(ConfigFilter.prefix("a-b"))).containsExactly("a-b/x");
            assertThat(keys(ConfigFilter.prefix("a"))).containsExactly("a/b");
        }

        @Test
        void ofAPatternHoldWhatMatches() {
            putShuffled();

            assertThat(keys(ConfigFilter.glob("*")))
                    .doesNotContain("a/b", "B/a")
                    .contains("a", "a.b", "-", "_");
            assertThat(keys(ConfigFilter.glob("**"))).isEqualTo(KEYS);
            assertThat(keys(ConfigFilter.glob("a?b"))).containsExactly("a-b", "a.b", "a_b");
            assertThat(keys(ConfigFilter.glob("a.b*"))).containsExactly("a.b");
            assertThat(keys(ConfigFilter.glob("*/x"))).containsExactly("a-b/x", "a.b/x", "a_b/x", "axb/x");
            assertThat(keys(ConfigFilter.glob("z/**"))).containsExactly("z/z/z");
            assertThat(keys(ConfigFilter.glob("z/*"))).isEmpty();
            assertThat(keys(ConfigFilter.glob("a"))).containsExactly("a");
            assertThat(keys(ConfigFilter.glob("A*"))).containsExactly("A");
        }

        @Test
        void ofAPatternComeInPages() {
            putShuffled();

            Page<ConfigEntry> first = store.list(ns, ConfigFilter.glob("a?b"), 2, null);
            Page<ConfigEntry> rest = store.list(ns, ConfigFilter.glob("a?b"), 2, first.cursor());

            assertThat(first.items()).extracting(ConfigEntry::key).containsExactly("a-b", "a.b");
            assertThat(rest.items()).extracting(ConfigEntry::key).containsExactly("a_b");
            assertThat(rest.cursor()).isEmpty();
        }

        @Test
        void ofKeysHoldThoseThatExist() {
            putShuffled();

            assertThat(keys(ConfigFilter.keys("b", "absent", "a_b", "A"))).containsExactly("A", "a_b", "b");
            assertThat(keys(ConfigFilter.keys("absent"))).isEmpty();
            assertThat(keys(ConfigFilter.keys())).isEmpty();
        }

        @Test
        void leaveDeletedEntriesOut() {
            commit(put("a", "1"), put("b", "1"));
            commit(delete("a"));

            assertThat(keys(ConfigFilter.ALL)).containsExactly("b");
            assertThat(keys(ConfigFilter.keys("a", "b"))).containsExactly("b");
        }

        @Test
        void leaveOtherNamespacesOut() {
            commit(put(ns, "a", "1"), put(ns2, "b", "1"), put("", "c", "1"));

            assertThat(keys(ConfigFilter.ALL)).containsExactly("a");
            assertThat(store.list(ns + "-absent", ConfigFilter.ALL, 10, null).items())
                    .isEmpty();
        }
    }

    @Nested
    class Pages {

        @Test
        void togetherAreTheWholeList() {
            putShuffled();
            commit(put(ns2, "other", "1"));

            for (int limit : List.of(1, 2, 7, KEYS.size() - 1, KEYS.size(), KEYS.size() + 1, 1000)) {
                assertThat(walk(cursor -> store.list(ns, ConfigFilter.ALL, limit, cursor)))
                        .extracting(ConfigEntry::key)
                        .isEqualTo(KEYS);
            }
        }

        @Test
        void respectTheFilter() {
            commit(put("a/1", "1"), put("a/2", "1"), put("a/3", "1"), put("b/1", "1"), put("b/2", "1"));

            assertThat(walk(cursor -> store.list(ns, ConfigFilter.prefix("a"), 2, cursor)))
                    .extracting(ConfigEntry::key)
                    .containsExactly("a/1", "a/2", "a/3");
            assertThat(walk(cursor -> store.list(ns, ConfigFilter.keys("a/1", "a/3", "b/2"), 1, cursor)))
                    .extracting(ConfigEntry::key)
                    .containsExactly("a/1", "a/3", "b/2");
        }

        @Test
        void haveTheAskedSizeAndNoCursorAtTheEnd() {
            commit(put("a", "1"), put("b", "1"), put("c", "1"), put("d", "1"));

            Page<ConfigEntry> first = store.list(ns, ConfigFilter.ALL, 2, null);
            Page<ConfigEntry> last = store.list(ns, ConfigFilter.ALL, 2, first.cursor());

            assertThat(first.items()).hasSize(2);
            assertThat(first.hasNext()).isTrue();
            assertThat(last.items()).hasSize(2);
            assertThat(last.cursor()).isEmpty();
            assertThat(store.list(ns + "-absent", ConfigFilter.ALL, 2, null).cursor())
                    .isEmpty();
        }

        @Test
        void goOnWhereTheyWereWhateverWasWrittenMeanwhile() {
            commit(put("b", "1"), put("d", "1"), put("f", "1"));
            Page<ConfigEntry> first = store.list(ns, ConfigFilter.ALL, 2, null);

            commit(put("a", "1"), put("c", "1"), delete("d"), put("e", "1"));

            assertThat(store.list(ns, ConfigFilter.ALL, 10, first.cursor()).items())
                    .extracting(ConfigEntry::key)
                    .containsExactly("e", "f");
        }

        @Test
        void ofNamespacesAreInByteOrder() {
            List<String> names = List.of("", "0", "A", "a", "a-b", "a.b", "a:b", "aB", "a_b", "b");
            List<String> shuffled = new ArrayList<>(names);
            Collections.shuffle(shuffled, new Random(1));
            shuffled.forEach(name -> commit(put(name, "k", "1")));
            shuffled.forEach(name -> commit(put(name, "k2", "1")));
            commit(put("gone", "k", "1"));
            commit(new Operation.Delete("gone", "k", Condition.ALWAYS));

            for (int limit : List.of(1, 3, names.size() - 1, names.size(), 1000)) {
                assertThat(walk(cursor -> store.namespaces(limit, cursor))).isEqualTo(names);
            }
        }

        @Test
        void ofHistoryAreNewestFirst() {
            for (int i = 0; i < 7; i++) {
                commit(put("k", Integer.toString(i)));
            }
            List<LogEntry> whole = history("k");

            assertThat(whole).extracting(LogEntry::version).containsExactly(7L, 6L, 5L, 4L, 3L, 2L, 1L);
            for (int limit : List.of(1, 3, 6, 7, 8)) {
                assertThat(walk(cursor -> store.history(ns, "k", limit, cursor)))
                        .isEqualTo(whole);
            }
        }
    }

    @Nested
    class CursorsAndLimits {

        @Test
        void foreignCursorsAreRefused() {
            commit(put("a", "1"), put("b", "1"), put(ns2, "a", "1"));
            commit(put("a", "2"));
            String list = store.list(ns, ConfigFilter.ALL, 1, null).cursor();
            String namespaces = store.namespaces(1, null).cursor();
            String history = store.history(ns, "a", 1, null).cursor();
            String changes = store.changes(ns, Instant.EPOCH, 1, null).cursor();
            assertThat(List.of(list, namespaces, history, changes))
                    .doesNotContain("")
                    .doesNotHaveDuplicates();
            String plain = Base64.getUrlEncoder().encodeToString("a".getBytes(StandardCharsets.UTF_8));
            List<String> garbage = List.of("", "a", "!", "a/b c", "0", "-1", plain, list + "!", list.substring(0, 1));

            for (String cursor : append(garbage, namespaces, history, changes)) {
                assertThatThrownBy(() -> store.list(ns, ConfigFilter.ALL, 1, cursor))
                        .as("list with '%s'", cursor)
                        .isInstanceOf(InvalidConfigException.class);
            }
            for (String cursor : append(garbage, list, history, changes)) {
                assertThatThrownBy(() -> store.namespaces(1, cursor))
                        .as("namespaces with '%s'", cursor)
                        .isInstanceOf(InvalidConfigException.class);
            }
            for (String cursor : append(garbage, list, namespaces, changes)) {
                assertThatThrownBy(() -> store.history(ns, "a", 1, cursor))
                        .as("history with '%s'", cursor)
                        .isInstanceOf(InvalidConfigException.class);
            }
            for (String cursor : append(garbage, list, namespaces, history)) {
                assertThatThrownBy(() -> store.changes(ns, Instant.EPOCH, 1, cursor))
                        .as("changes with '%s'", cursor)
                        .isInstanceOf(InvalidConfigException.class);
            }
        }

        @Test
        void limitsAreOneToAThousand() {
            for (int limit : List.of(Integer.MIN_VALUE, -1, 0, 1001, Integer.MAX_VALUE)) {
                assertThatThrownBy(() -> store.list(ns, ConfigFilter.ALL, limit, null))
                        .isInstanceOf(InvalidConfigException.class);
                assertThatThrownBy(() -> store.namespaces(limit, null)).isInstanceOf(InvalidConfigException.class);
                assertThatThrownBy(() -> store.history(ns, "k", limit, null))
                        .isInstanceOf(InvalidConfigException.class);
                assertThatThrownBy(() -> store.changes(ns, Instant.EPOCH, limit, null))
                        .isInstanceOf(InvalidConfigException.class);
            }
        }

        private List<String> append(List<String> cursors, String... more) {
            List<String> all = new ArrayList<>(cursors);
            Collections.addAll(all, more);
            return all;
        }
    }

    @Nested
    class History {

        @Test
        void isNewestFirstWithAllThatWasStored() {
            CommitResult first = commit(put("k", "1"), put("other", "1"));
            CommitResult second = store.commit(Commit.of(List.of(put("k", "2")), "ann", "because"));
            CommitResult third = commit(delete("k"));

            assertThat(history("k").stream().map(StoreContractFixture::timeless))
                    .containsExactly(
                            timeless(third.changes().get(0)),
                            timeless(second.changes().get(0)),
                            timeless(first.changes().get(0)));
            assertThat(history("k").get(1).author()).isEqualTo("ann");
            assertThat(history("k").get(1).comment()).isEqualTo("because");
            assertThat(history("k"))
                    .allSatisfy(
                            line -> assertThat(line.at()).isCloseTo(third.storeTime(), within(5, ChronoUnit.SECONDS)));
        }

        @Test
        void isEmptyForAnUnknownKey() {
            assertThat(store.history(ns, "absent", 10, null)).isEqualTo(new Page<>(List.of(), ""));
        }

        @Test
        void isOfOneNamespace() {
            commit(put(ns, "k", "1"), put(ns2, "k", "2"));

            assertThat(history("k")).extracting(LogEntry::namespace).containsExactly(ns);
        }
    }

    @Nested
    class ChangesOfANamespace {

        @Test
        void areNewestFirstWithAllThatWasStored() {
            CommitResult first = commit(put("a", "1"), put("b", "1"), put(ns2, "a", "1"));
            CommitResult second = store.commit(Commit.of(List.of(put("a", "2")), "ann", "because"));
            CommitResult third = commit(delete("b"));

            List<LogEntry> changes = changesSince(Instant.EPOCH, 1000);

            assertThat(changes.stream().map(StoreContractFixture::timeless))
                    .containsExactly(
                            timeless(third.changes().get(0)),
                            timeless(second.changes().get(0)),
                            timeless(first.changes().get(1)),
                            timeless(first.changes().get(0)));
            assertThat(changes.get(1).comment()).isEqualTo("because");
            assertThat(changes.get(0).entry()).isNull();
            assertThat(store.changes("none", Instant.EPOCH, 10, null)).isEqualTo(new Page<>(List.of(), ""));
        }

        @Test
        void comeInPagesWhateverIsWrittenMeanwhile() {
            for (int i = 0; i < 3; i++) {
                String value = Integer.toString(i);
                commit(put("a", value), put(ns2, "x", value), put("b", value), put("c", value));
            }
            List<LogEntry> whole = changesSince(Instant.EPOCH, 1000);

            assertThat(whole).hasSize(9);
            for (int limit : List.of(1, 2, 4, 8, 9, 10)) {
                assertThat(changesSince(Instant.EPOCH, limit)).isEqualTo(whole);
            }
            Page<LogEntry> first = store.changes(ns, Instant.EPOCH, 4, null);
            commit(put("d", "1"));
            List<LogEntry> both = new ArrayList<>(first.items());
            both.addAll(walk(cursor -> store.changes(ns, Instant.EPOCH, 2, cursor == null ? first.cursor() : cursor)));
            assertThat(both).isEqualTo(whole);
        }

        @Test
        void areThoseSinceATimeOfTheStore() {
            commit(put("a", "1"));
            putBehindItsBack(ns, "b", "1");
            patiently().until(() -> {
                // Where nobody else does, a snapshot gives an edit by hand its revision.
                head();
                return changesSince(Instant.EPOCH, 10).size() >= 2;
            });
            Instant before = store.get(ns, "a").storeTime();
            patiently().until(() -> store.get(ns, "a").storeTime().isAfter(before.plusMillis(20)));
            Instant since = before.plusMillis(10);

            CommitResult later = commit(put("a", "2"), put(ns2, "a", "2"));

            assertThat(changesSince(since, 10)).singleElement().satisfies(line -> {
                assertThat(line.revision()).isEqualTo(later.revision());
                assertThat(line.key()).isEqualTo("a");
            });
            assertThat(changesSince(store.get(ns, "a").storeTime().plusSeconds(60), 10))
                    .isEmpty();
        }

        private List<LogEntry> changesSince(Instant since, int limit) {
            return walk(cursor -> store.changes(ns, since, limit, cursor));
        }
    }

    @Nested
    class Snapshots {

        @Test
        void areTheExactState() {
            commit(put("a", "1"), put("b", "1"), put("c", "1"), put(ns2, "d", "1"), put("", "e", "1"));
            CommitResult last = commit(put("a", "2"), delete("b"));

            Snapshot snapshot = store.snapshot(Set.of(ns), 1000);

            assertThat(snapshot.entries()).containsExactlyInAnyOrder(entry("a"), entry("c"));
            assertThat(snapshot.oversized()).isEmpty();
            assertThat(snapshot.position().revision()).isGreaterThanOrEqualTo(last.revision());
            assertThat(snapshot.storeTime()).isCloseTo(last.storeTime(), within(5, ChronoUnit.SECONDS));
        }

        @Test
        void coverManyNamespaces() {
            commit(put(ns, "a", "1"), put(ns2, "b", "1"), put("", "c", "1"), put(ns + "-3", "d", "1"));

            Snapshot snapshot = store.snapshot(Set.of(ns, ns2, "", ns + "-absent"), 1000);

            assertThat(snapshot.entries()).extracting(ConfigEntry::key).containsExactlyInAnyOrder("a", "b", "c");
            assertThat(snapshot.oversized()).isEmpty();
        }

        @Test
        void onlyNameWhatIsTooLarge() {
            commit(put(ns, "a", "1"), put(ns, "b", "1"), put(ns, "c", "1"), put(ns2, "a", "1"), put(ns2, "b", "1"));

            assertThat(store.snapshot(Set.of(ns, ns2), 3).oversized()).isEmpty();
            Snapshot snapshot = store.snapshot(Set.of(ns, ns2), 2);
            assertThat(snapshot.oversized()).containsExactly(ns);
            assertThat(snapshot.entries()).extracting(ConfigEntry::namespace).containsExactly(ns2, ns2);
            assertThat(store.snapshot(Set.of(ns, ns2), 1).entries()).isEmpty();
            assertThat(store.snapshot(Set.of(ns, ns2), 1).oversized()).containsExactlyInAnyOrder(ns, ns2);
        }

        @Test
        void ofNoNamespaceAreThePosition() {
            CommitResult last = commit(put("a", "1"));

            Snapshot snapshot = store.snapshot(Set.of(), 1000);

            assertThat(snapshot.entries()).isEmpty();
            assertThat(snapshot.position().revision()).isGreaterThanOrEqualTo(last.revision());
        }

        @Test
        void seeWritesBehindTheStoresBack() {
            putBehindItsBack(ns, "a", "1");

            assertThat(store.snapshot(Set.of(ns), 10).entries())
                    .extracting(ConfigEntry::value)
                    .containsExactly("1");
        }
    }

    private void putShuffled() {
        List<String> keys = new ArrayList<>(KEYS);
        Collections.shuffle(keys, new Random(1));
        keys.forEach(key -> commit(put(key, "1")));
    }
}
