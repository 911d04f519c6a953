// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static io.configmanager.engine.Rows.changeSet;
import static io.configmanager.engine.Rows.delete;
import static io.configmanager.engine.Rows.entry;
import static io.configmanager.engine.Rows.oversized;
import static io.configmanager.engine.Rows.put;
import static io.configmanager.engine.Rows.snapshot;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChange.Kind;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigObserver;
import io.configmanager.LogEntry;
import io.configmanager.StoreException;
import io.configmanager.codec.JsonCodec;
import io.configmanager.engine.NamespaceCache.Answers;
import io.configmanager.engine.Reconciler.Jump;
import io.configmanager.engine.Reconciler.Ticket;
import io.configmanager.store.Snapshot;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.assertj.core.groups.Tuple;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class ReconcilerTest {

    private static final int BOUND = 5;

    private final Recorder observer = new Recorder();
    private final Reconciler reconciler =
            new Reconciler(new Codecs(new JsonCodec(), List.of(), 1_000), BOUND, observer);
    private final NamespaceCache cache = reconciler.newCache("");

    /**
     * The rules of LaunchDarkly's message receiver. An upsert or delete of version v is a change set of the feed at
     * revision v; forget, purge and retain are a snapshot without the key.
     */
    @Nested
    class MessageReceiver {

        MessageReceiver() {
            loaded();
        }

        @Test
        void ld1AnUnseenKeyIsInserted() {
            assertThat(apply(1, put("k", "1", 1))).containsExactly(tuple(Kind.INSERT, "k", 0L, 1L));
            assertThat(value("k")).isEqualTo("1");
        }

        @Test
        void ld2AnOlderUpsertOfALiveKeyHasNoEffect() {
            apply(5, put("k", "5", 5));

            assertThat(apply(4, put("k", "4", 4))).isEmpty();
            assertThat(value("k")).isEqualTo("5");
        }

        @Test
        void ld3AnOlderUpsertOfADeletedKeyHasNoEffect() {
            apply(5, put("k", "5", 5));
            apply(6, delete("k", 6));

            assertThat(apply(5, put("k", "5", 5))).isEmpty();
            assertThat(value("k")).isNull();
        }

        @Test
        void ld4ANewerUpsertOfALiveKeyIsAnUpdate() {
            apply(5, put("k", "5", 5));

            assertThat(apply(6, put("k", "6", 6))).containsExactly(tuple(Kind.UPDATE, "k", 5L, 6L));
        }

        @Test
        void ld5ANewerUpsertOfADeletedKeyIsAnInsert() {
            apply(5, put("k", "5", 5));
            apply(6, delete("k", 6));

            assertThat(apply(7, put("k", "7", 7))).containsExactly(tuple(Kind.INSERT, "k", 0L, 7L));
        }

        @Test
        void ld6ADeleteOfAnUnseenKeyIsNoChangeAndRefusesOlderNews() {
            assertThat(apply(6, delete("k", 6))).isEmpty();

            assertThat(apply(5, put("k", "5", 5))).isEmpty();
            assertThat(value("k")).isNull();
        }

        @Test
        void ld7AnOlderDeleteHasNoEffect() {
            apply(5, put("k", "5", 5));
            assertThat(apply(4, delete("k", 4))).isEmpty();
            apply(6, delete("k", 6));

            assertThat(apply(3, delete("k", 3))).isEmpty();
            apply(7, put("k", "7", 7));
            assertThat(apply(6, delete("k", 6))).isEmpty();
            assertThat(value("k")).isEqualTo("7");
        }

        @Test
        void ld8ANewerDeleteOfALiveKeyIsADelete() {
            apply(5, put("k", "5", 5));

            assertThat(apply(6, delete("k", 6))).containsExactly(tuple(Kind.DELETE, "k", 5L, 0L));
            assertThat(value("k")).isNull();
        }

        @Test
        void ld9ANewerDeleteOfADeletedKeyIsNoChangeButRaisesWhatIsRefused() {
            apply(5, put("k", "5", 5));
            apply(6, delete("k", 6));

            assertThat(apply(9, delete("k", 9))).isEmpty();
            assertThat(apply(8, put("k", "8", 8))).isEmpty();
            assertThat(apply(10, put("k", "10", 10))).hasSize(1);
        }

        @Test
        void ld10ForgettingALiveKeyIsADelete() {
            apply(5, put("k", "5", 5));

            assertThat(load(snapshot(5), Jump.SAME_HISTORY)).containsExactly(tuple(Kind.DELETE, "k", 5L, 0L));
            assertThat(value("k")).isNull();
        }

        @Test
        void ld11ForgettingADeletedOrUnseenKeyIsNoChange() {
            apply(5, put("k", "5", 5));
            apply(6, delete("k", 6));

            assertThat(load(snapshot(6), Jump.SAME_HISTORY)).isEmpty();
        }

        @Test
        void ld12And13ASnapshotDeletesExactlyTheLiveKeysItDoesNotHold() {
            apply(1, put("kept", "1", 1));
            apply(2, put("gone", "2", 2));
            apply(3, put("deleted", "3", 3));
            apply(4, delete("deleted", 4));

            assertThat(load(snapshot(4, entry("kept", "1", 1)), Jump.SAME_HISTORY))
                    .containsExactly(tuple(Kind.DELETE, "gone", 2L, 0L));
            assertThat(keys()).containsExactly("kept");
        }

        @Test
        void ld14EqualIsOld() {
            apply(5, put("k", "5", 5));

            assertThat(apply(5, put("k", "\"other\"", 5))).isEmpty();
            assertThat(apply(5, delete("k", 5))).isEmpty();
            learn("k", entry("k", "\"other\"", 5), 5);
            assertThat(value("k")).isEqualTo("5");
        }

        /** Theirs forgets versions with a key, so that a late patch brings it back; ours is durable. */
        @Test
        void ld15AfterASnapshotOlderNewsOfAKeyItDoesNotHoldIsStillRefused() {
            apply(5, put("k", "5", 5));
            load(snapshot(8), Jump.SAME_HISTORY);

            assertThat(apply(7, put("k", "7", 7))).isEmpty();
            learn("k", entry("k", "7", 7), 7);
            assertThat(value("k")).isNull();
            assertThat(apply(9, put("k", "9", 9))).containsExactly(tuple(Kind.INSERT, "k", 0L, 9L));
        }

        /** Forgetting on purpose is a replaced history: revisions start over, and listeners are told the difference. */
        @Test
        void ld15AfterANewHistoryAnyRevisionIsNewsAgain() {
            apply(500, put("k", "500", 500));

            assertThat(load(snapshot(1), Jump.NEW_HISTORY)).containsExactly(tuple(Kind.DELETE, "k", 500L, 0L));

            assertThat(reconciler.applied()).isEqualTo(1);
            assertThat(apply(2, put("k", "2", 2))).containsExactly(tuple(Kind.INSERT, "k", 0L, 2L));
        }

        @Test
        void ld16NoUpdateOrDeleteBeforeAnInsertAndOneDeleteBetweenTwoInserts() {
            List<Kind> kinds = new ArrayList<>();
            java.util.Random random = new java.util.Random(3);
            for (int i = 0; i < 2_000; i++) {
                long revision = Math.max(1, i + random.nextInt(9) - 4);
                LogEntry change =
                        random.nextBoolean() ? put("k", String.valueOf(revision), revision) : delete("k", revision);
                apply(revision, change)
                        .forEach(seen -> kinds.add((Kind) seen.toList().get(0)));
            }

            boolean live = false;
            assertThat(kinds).hasSizeGreaterThan(500);
            for (Kind kind : kinds) {
                assertThat(kind == Kind.INSERT).isEqualTo(!live);
                live = kind != Kind.DELETE;
            }
        }

        @Test
        void ld17VersionsMayStartLow() {
            Reconciler fresh = new Reconciler(new Codecs(new JsonCodec(), List.of(), 1_000), BOUND, observer);
            NamespaceCache empty = fresh.newCache("");
            fresh.activate(empty);
            load(fresh, Set.of(""), snapshot(0), Jump.SAME_HISTORY);

            assertThat(fresh.apply(changeSet(1, put("k", "1", 1)))).hasSize(1);
            assertThat(fresh.apply(changeSet(2, delete("k", 2)))).hasSize(1);
        }

        /** Theirs shows half of a put; ours publishes once. */
        @Test
        void aChangeSetIsSeenWhole() {
            apply(1, put("a", "1", 1), put("b", "1", 1));
            CacheState before = cache.state();

            apply(2, put("a", "2", 2), put("b", "2", 2), put("a", "3", 2));

            assertThat(before.committed("a").entry.value()).isEqualTo("1");
            assertThat(before.committed("b").entry.value()).isEqualTo("1");
            assertThat(value("a")).as("the last change of a key counts").isEqualTo("3");
            assertThat(value("b")).isEqualTo("2");
        }

        /** Theirs drops other content of an equal version in silence. */
        @Test
        void aNewHistoryMayReuseRevisionsForOtherContent() {
            apply(5, put("k", "5", 5));

            assertThat(load(snapshot(5, entry("k", "\"restored\"", 5)), Jump.NEW_HISTORY))
                    .containsExactly(tuple(Kind.UPDATE, "k", 5L, 5L));
            assertThat(value("k")).isEqualTo("\"restored\"");
        }

        /** Between the first state of the new history and its revision, a view would show what no history ever was. */
        @Test
        void aViewIsOfOneHistoryWhileAnotherReplacesIt() throws Exception {
            List<CompletableFuture<List<Long>>> views = new ArrayList<>();
            ViewingObserver viewing = new ViewingObserver(views);
            Reconciler replaced = new Reconciler(new Codecs(new JsonCodec(), List.of(), 1_000), BOUND, viewing);
            for (String name : List.of("a", "b")) {
                replaced.activate(replaced.newCache(name));
            }
            load(replaced, Set.of("a", "b"), snapshot(500), Jump.SAME_HISTORY);
            viewing.viewed = replaced;

            load(
                    replaced,
                    Set.of("a", "b"),
                    snapshot(5, entry("a", "k", "{broken", 5), entry("b", "k", "{broken", 5)),
                    Jump.NEW_HISTORY);
            assertThat(views).hasSize(2);
            for (CompletableFuture<List<Long>> view : views) {
                assertThat(view.get(10, TimeUnit.SECONDS)).containsExactly(5L, 5L, 5L);
            }
        }

        @Test
        void whatWasReadWhileHistoryWasReplacedIsReadAgain() {
            loaded(entry("k", "500", 500));
            List<String> read = new ArrayList<>();

            long applied = reconciler.inOneHistory(() -> {
                long before = reconciler.applied();
                if (read.isEmpty()) {
                    load(snapshot(5, entry("k", "5", 5)), Jump.NEW_HISTORY);
                }
                read.add(value("k"));
                return before;
            });

            assertThat(applied).isEqualTo(5);
            assertThat(read).hasSize(2);
        }
    }

    /** What the process before has left, and what this one leaves. */
    @Nested
    class Boot {

        @Test
        void whatIsServedIsFollowed() {
            assertThat(serve(9, "", "other")).isTrue();

            assertThat(value("k")).isEqualTo("9");
            assertThat(reconciler.active())
                    .extracting(NamespaceCache::namespace)
                    .contains("", "other");
        }

        @Test
        void whatTheStoreHasSaidIsNotReplaced() {
            loaded();
            assertThat(serve(9, "")).isFalse();
            assertThat(value("k")).as("the store is empty").isNull();

            apply(1, put("k", "1", 1));
            assertThat(serve(9, "", "other")).isFalse();
            assertThat(value("k")).isEqualTo("1");
            assertThat(reconciler.active()).containsExactly(cache);
        }

        @Test
        void whatIsKeptIsOfOneRevisionAndLoaded() {
            loaded(entry("k", "5", 5));
            reconciler.activate(reconciler.newCache("not loaded"));
            NamespaceCache ahead = reconciler.newCache("ahead");
            reconciler.activate(ahead);
            assertThat(reconciler.held(4)).isNull();
            assertThat(reconciler.held(5).states()).containsOnlyKeys("");

            reconciler.finishLoading(ahead, reconciler.startLoading(ahead), snapshot(7));
            assertThat(reconciler.held(5)).isNull();
            assertThat(reconciler.held(7)).isNull();
            reconciler.advanceTo(7);
            assertThat(reconciler.held(7).states()).containsOnlyKeys("", "ahead");
        }

        private boolean serve(long revision, String... names) {
            List<BootSnapshot.Held> held = new ArrayList<>();
            for (String name : names) {
                held.add(new BootSnapshot.Held(name, true, List.of(entry(name, "k", "9", revision))));
            }
            return reconciler.serve(
                    new BootSnapshot("here", Rows.position(revision), FakeTime.START, held),
                    name -> name.isEmpty() ? cache : reconciler.newCache(name));
        }
    }

    @Nested
    class Feed {

        @Test
        void changesAreInKeyOrderAndNamespacesApart() {
            loaded();
            NamespaceCache other = active("other");

            List<ConfigChangeSet> seen = reconciler.apply(changeSet(
                    3,
                    put("b", "1", 3),
                    put(entry("other", "x", "1", 3)),
                    put("a", "1", 3),
                    put(entry("unknown", "x", "1", 3))));

            assertThat(seen).extracting(ConfigChangeSet::namespace).containsExactly("", "other");
            assertThat(seen.get(0).changes()).extracting(ConfigChange::key).containsExactly("a", "b");
            assertThat(seen.get(0).resync()).isFalse();
            assertThat(other.state().committed("x")).isNotNull();
        }

        @Test
        void nothingIsAppliedToWhatIsNotLoaded() {
            reconciler.activate(cache);

            assertThat(apply(3, put("k", "3", 3))).isEmpty();
            assertThat(reconciler.applied()).isEqualTo(3);
            assertThat(reconciler.waitingForLoad()).containsExactly("");
        }

        @Test
        void theSameContentOfTheSameVersionIsNoChange() {
            loaded(entry("k", "1", 1));
            ConfigEntry touched = new ConfigEntry(
                    "", "k", "1", "json", entry("k", "1", 1).type(), 1, 2, FakeTime.START, FakeTime.START, null, "me");

            assertThat(apply(2, put(touched))).isEmpty();
            assertThat(cache.state().committed("k").entry).isEqualTo(touched);
        }

        @Test
        void theRevisionAdvancesWithoutChanges() {
            loaded();
            reconciler.advanceTo(9);
            reconciler.advanceTo(8);

            assertThat(reconciler.applied()).isEqualTo(9);
            assertThat(apply(9, put("k", "9", 9))).isEmpty();
        }
    }

    @Nested
    class Snapshots {

        @Test
        void theFirstSnapshotIsNoChange() {
            reconciler.activate(cache);

            assertThat(load(snapshot(4, entry("k", "4", 4)), Jump.SAME_HISTORY)).isEmpty();
            assertThat(value("k")).isEqualTo("4");
            assertThat(reconciler.waitingForLoad()).isEmpty();
        }

        @Test
        void theFirstSnapshotIsAChangeForThoseWhoWereToldThatNothingExists() {
            reconciler.activate(cache);
            assertThat(reconciler.serveEmpty(cache)).isTrue();

            assertThat(load(snapshot(4, entry("k", "4", 4)), Jump.NONE))
                    .containsExactly(tuple(Kind.INSERT, "k", 0L, 4L));
        }

        @Test
        void aLaterOneYieldsTheExactDifferenceAndSaysSo() {
            loaded(entry("same", "1", 1), entry("changed", "1", 1), entry("gone", "1", 1));

            List<ConfigChangeSet> seen = load(
                    reconciler,
                    Set.of(""),
                    snapshot(9, entry("new", "8", 8), entry("same", "1", 1), entry("changed", "7", 7)),
                    Jump.SAME_HISTORY);

            assertThat(seen).hasSize(1);
            assertThat(seen.get(0).resync()).isTrue();
            assertThat(seen.get(0).revision()).isEqualTo(9);
            assertThat(inShort(seen))
                    .containsExactly(
                            tuple(Kind.UPDATE, "changed", 1L, 7L),
                            tuple(Kind.DELETE, "gone", 1L, 0L),
                            tuple(Kind.INSERT, "new", 0L, 8L));
        }

        @Test
        void unchangedEntriesKeepTheirDecodedValue() {
            loaded(entry("k", "1", 1));
            Slot before = cache.state().committed("k");

            load(snapshot(9, entry("k", "1", 1)), Jump.SAME_HISTORY);

            assertThat(cache.state().committed("k")).isSameAs(before);
        }

        @Test
        void oneThatIsOlderThanWhatWasAppliedIsRefused() {
            loaded(entry("k", "1", 1));
            apply(5, put("k", "5", 5));

            for (Jump jump : List.of(Jump.NONE, Jump.SAME_HISTORY)) {
                assertThatThrownBy(() -> load(snapshot(4, entry("k", "1", 1)), jump))
                        .isInstanceOfSatisfying(
                                StoreException.class,
                                e -> assertThat(e.isTransient()).isTrue())
                        .hasMessageContaining("revision 4")
                        .hasMessageContaining("revision 5");
            }
            assertThat(value("k")).isEqualTo("5");
            assertThat(reconciler.applied()).isEqualTo(5);
        }

        @Test
        void oneThatIsOlderThanWhatANamespaceShowsLeavesThatAsItIs() {
            loaded();
            load(snapshot(9, entry("k", "9", 9)), Jump.NONE);
            assertThat(reconciler.applied()).as("the feed is behind").isZero();

            assertThat(load(snapshot(8), Jump.SAME_HISTORY)).isEmpty();

            assertThat(value("k")).isEqualTo("9");
            assertThat(apply(9, put("k", "9", 9))).as("shown already").isEmpty();
            assertThat(apply(10, put("k", "10", 10))).hasSize(1);
        }

        @Test
        void aNamespaceThatIsAheadOfTheFeedIgnoresWhatItKnows() {
            active("other");
            load(snapshot(9), Jump.NONE);
            reconciler.activate(cache);
            load(snapshot(9, entry("k", "9", 9)), Jump.NONE);

            assertThat(apply(8, put("k", "8", 8))).isEmpty();
            assertThat(value("k")).isEqualTo("9");
            assertThat(apply(10, put("k", "10", 10))).hasSize(1);
        }

        @Test
        void aJumpOverChangesOfALoadedNamespaceThatWasNotAskedForDoesNotHappen() {
            loaded();
            NamespaceCache other = active("other");

            for (Jump jump : List.of(Jump.SAME_HISTORY, Jump.NEW_HISTORY)) {
                assertThat(load(reconciler, Set.of(""), snapshot(20, entry("k", "1", 15)), jump))
                        .isNull();
            }
            assertThat(reconciler.applied()).isZero();
            assertThat(value("k")).isNull();

            Set<String> both = Set.of("", "other");
            assertThat(load(reconciler, both, snapshot(20, entry("other", "x", "1", 15)), Jump.SAME_HISTORY))
                    .hasSize(1);
            assertThat(other.state().committed("x")).isNotNull();
        }
    }

    @Nested
    class LoadAheadOfTheFeed {

        @Test
        void isToBeProvedUntilASnapshotHasReplacedIt() {
            loaded();
            reconciler.activate(reconciler.newCache("other"));
            load(reconciler, Set.of("other"), snapshot(5), Jump.NONE);
            assertThat(reconciler.unproved(4)).isEmpty();
            assertThat(reconciler.unproved(5)).containsExactly(Rows.position(5));

            load(snapshot(4), Jump.SAME_HISTORY);
            assertThat(reconciler.unproved(5)).containsExactly(Rows.position(5));
            load(reconciler, Set.of("", "other"), snapshot(6), Jump.SAME_HISTORY);
            assertThat(reconciler.unproved(6)).isEmpty();
        }
    }

    @Nested
    class LoadByACaller {

        @Test
        void changesThatArriveMeanwhileAreNotLost() {
            active("other");
            reconciler.advanceTo(10);
            reconciler.activate(cache);
            Ticket ticket = reconciler.startLoading(cache);
            assertThat(reconciler.waitingForLoad()).as("somebody is at it").isEmpty();

            apply(11, put("a", "11", 11));
            apply(13, put("b", "13", 13), delete("c", 13));
            Snapshot read = snapshot(12, entry("a", "12", 12), entry("c", "12", 12));
            assertThat(reconciler.finishLoading(cache, ticket, read)).isTrue();
            reconciler.stopLoading(cache);

            assertThat(value("a")).isEqualTo("12");
            assertThat(value("b")).isEqualTo("13");
            assertThat(value("c")).isNull();
            assertThat(cache.state().revision).isEqualTo(13);
        }

        @Test
        void aSnapshotFromBeforeTheTicketIsRefused() {
            reconciler.activate(cache);
            reconciler.advanceTo(10);
            Ticket ticket = reconciler.startLoading(cache);

            assertThat(reconciler.finishLoading(cache, ticket, snapshot(9))).isFalse();
            reconciler.stopLoading(cache);
            assertThat(cache.loaded()).isFalse();
            assertThat(reconciler.waitingForLoad()).containsExactly("");
        }

        @Test
        void aJumpMeanwhileMakesItRefused() {
            active("other");
            reconciler.activate(cache);
            Ticket ticket = reconciler.startLoading(cache);
            load(reconciler, Set.of("other"), snapshot(50), Jump.SAME_HISTORY);

            assertThat(reconciler.finishLoading(cache, ticket, snapshot(50))).isFalse();
        }

        @Test
        void whatWasLoadedMeanwhileDoesNotGoBackWithANewHistory() {
            active("other");
            reconciler.activate(cache);
            Ticket watch = reconciler.ticket();
            Ticket caller = reconciler.startLoading(cache);
            reconciler.finishLoading(cache, caller, snapshot(8, entry("k", "8", 8)));
            reconciler.stopLoading(cache);
            Set<String> both = Set.of("", "other");
            Snapshot older = snapshot(7, entry("k", "7", 7));

            assertThat(reconciler.load(watch, both, older, Map.of(), Jump.NEW_HISTORY))
                    .isNull();
            assertThat(value("k")).isEqualTo("8");
            load(reconciler, both, snapshot(9, entry("k", "8", 8)), Jump.NEW_HISTORY);
            assertThat(reconciler.applied()).isEqualTo(9);
        }

        @Test
        void whoComesSecondFindsItLoaded() {
            reconciler.activate(cache);
            Ticket ticket = reconciler.startLoading(cache);
            load(snapshot(7, entry("k", "7", 7)), Jump.NONE);

            assertThat(reconciler.finishLoading(cache, ticket, snapshot(6))).isTrue();
            assertThat(value("k")).isEqualTo("7");
        }

        @Test
        void whatArrivedFromAnOldHistoryIsNotAppliedToTheNewOne() {
            reconciler.activate(cache);
            reconciler.advanceTo(999);
            reconciler.startLoading(cache);
            apply(1000, put("k", "\"old\"", 1000));

            load(snapshot(50, entry("k", "\"new\"", 40)), Jump.NEW_HISTORY);

            assertThat(value("k")).isEqualTo("\"new\"");
            apply(51, put("k", "\"newer\"", 51));
            assertThat(value("k")).isEqualTo("\"newer\"");
        }

        @Test
        void anOwnWriteDuringTheLoadIsReadableAfterIt() {
            reconciler.activate(cache);
            Ticket ticket = reconciler.startLoading(cache);
            learn("k", entry("k", "\"own\"", 8), 8);
            learn("gone", null, 9);

            reconciler.finishLoading(cache, ticket, snapshot(7, entry("k", "\"old\"", 3), entry("gone", "\"old\"", 3)));

            assertThat(value("k")).isEqualTo("\"own\"");
            assertThat(value("gone")).isNull();
            apply(8, put("k", "\"own\"", 8));
            apply(9, delete("gone", 9));
            assertThat(cache.state().own()).isEmpty();
        }

        @Test
        void anOwnWriteIsReadableBeforeTheFirstSnapshot() {
            reconciler.activate(cache);
            learn("k", entry("k", "\"own\"", 8), 8);

            assertThat(value("k")).isEqualTo("\"own\"");
            assertThat(cache.loaded()).isFalse();
            reconciler.advanceTo(8);
            assertThat(value("k")).as("still, although the feed has passed it").isEqualTo("\"own\"");
        }
    }

    @Nested
    class OwnWritesAndLookups {

        @Test
        void areReadableAtOnceAndToldWhenTheFeedBringsThem() {
            loaded(entry("k", "1", 1));

            assertThat(learn("k", entry("k", "5", 5), 5)).isTrue();

            assertThat(value("k")).isEqualTo("5");
            assertThat(cache.state().committed("k").entry.value()).isEqualTo("1");
            assertThat(apply(5, put("k", "5", 5))).containsExactly(tuple(Kind.UPDATE, "k", 1L, 5L));
        }

        @Test
        void aLateOwnWriteDoesNotBeatNewerNewsOfTheFeed() {
            loaded(entry("k", "1", 1));
            Ticket ticket = reconciler.ticket();
            apply(5, put("k", "5", 5));
            apply(6, put("k", "6", 6));

            assertThat(learn(ticket, "k", entry("k", "5", 5), 5)).isFalse();
            assertThat(value("k")).isEqualTo("6");
        }

        @Test
        void aLateLookupDoesNotBringBackADeletedKey() {
            loaded(entry("k", "1", 1));
            Ticket ticket = reconciler.ticket();
            apply(5, delete("k", 5));

            assertThat(learn(ticket, "k", entry("k", "1", 1), 4)).isFalse();
            assertThat(value("k")).isNull();
        }

        @Test
        void changesOfOtherNamespacesDoNotMakeALookupUseless() {
            loaded(entry("k", "1", 1));
            active("busy");
            Ticket ticket = reconciler.ticket();
            reconciler.apply(changeSet(5, put(entry("busy", "x", "1", 5))));

            assertThat(learn(ticket, "k", entry("k", "1", 1), 4)).isTrue();
        }

        @Test
        void anOwnDeleteHidesAPutThatTheFeedHasYetToBring() {
            loaded();
            learn("k", null, 6);

            apply(5, put("k", "5", 5));

            assertThat(value("k")).as("deleted by this instance at 6").isNull();
            apply(6, delete("k", 6));
            assertThat(value("k")).isNull();
            assertThat(cache.state().own()).isEmpty();
        }

        @Test
        void asManyAsWereWrittenTogetherAreSeenTogether() {
            loaded(entry("a", "1", 1), entry("b", "1", 1), entry("c", "1", 1));
            CacheState before = cache.state();
            reconciler.learn(reconciler.ticket(), List.of(put("a", "2", 2), put("b", "2", 2), delete("c", 2)), 2);

            assertThat(before.own()).isEmpty();
            assertThat(cache.state().own()).containsOnlyKeys("a", "b", "c");
        }

        @Test
        void anAbsentKeyAskedForInVainCostsNothing() {
            loaded(entry("k", "1", 1));
            reconciler.advanceTo(9);
            CacheState before = cache.state();

            assertThat(learn("missing", null, 9)).isTrue();
            assertThat(learn("k", entry("k", "1", 1), 12)).isTrue();

            assertThat(cache.state()).isSameAs(before);
        }

        @Test
        void olderOnesAmongThemselvesAreRefused() {
            loaded();
            learn("k", entry("k", "7", 7), 7);
            learn("k", entry("k", "6", 6), 6);

            assertThat(value("k")).isEqualTo("7");
        }

        @Test
        void endWithTheRevisionThatCoversThem() {
            loaded();
            learn("k", entry("k", "5", 5), 5);
            learn("l", entry("l", "6", 6), 6);

            reconciler.advanceTo(5);
            assertThat(cache.state().own()).containsOnlyKeys("l");
            assertThat(load(snapshot(5, entry("k", "5", 5)), Jump.SAME_HISTORY)).hasSize(1);
            assertThat(value("l")).as("newer than the snapshot").isEqualTo("6");
            load(snapshot(6, entry("k", "5", 5)), Jump.SAME_HISTORY);
            assertThat(value("l")).isNull();
        }

        @Test
        void doNotSurviveANewHistory() {
            loaded();
            Ticket before = reconciler.ticket();
            learn("k", entry("k", "5", 5), 5);

            load(snapshot(2), Jump.NEW_HISTORY);

            assertThat(value("k")).isNull();
            assertThat(learn(before, "late", entry("late", "9", 9), 9)).isFalse();
            assertThat(value("late")).isNull();
        }
    }

    @Nested
    class RejectedRows {

        @Test
        void keepTheLastGoodValueAndRecover() {
            loaded(entry("k", "1", 1));

            assertThat(apply(2, put("k", "{broken", 2))).isEmpty();
            assertThat(value("k")).isEqualTo("1");
            assertThat(cache.rejected()).containsOnlyKeys("k");
            assertThat(cache.rejected().get("k")).doesNotContain("broken");
            assertThat(observer.events).containsExactly("rejected k");

            assertThat(apply(3, put("k", "3", 3))).containsExactly(tuple(Kind.UPDATE, "k", 1L, 3L));
            assertThat(cache.rejected()).isEmpty();
        }

        @Test
        void keepAnOwnWriteThatWasGood() {
            loaded(entry("k", "1", 1));
            learn("k", entry("k", "3", 3), 3);

            load(snapshot(4, entry("k", "{broken", 4)), Jump.SAME_HISTORY);

            assertThat(value("k")).isEqualTo("3");
        }

        @Test
        void doNotHoldBackTheOthersOfTheirChangeSet() {
            loaded();

            assertThat(apply(2, put("bad", "{", 2), put("good", "1", 2)))
                    .containsExactly(tuple(Kind.INSERT, "good", 0L, 2L));
            assertThat(value("bad")).isNull();
            assertThat(cache.rejected()).containsOnlyKeys("bad");
        }

        @Test
        void haveNoLastGoodValueOfAnotherHistory() {
            loaded(entry("k", "19", 19));

            assertThat(load(snapshot(15, entry("k", "{broken", 14)), Jump.NEW_HISTORY))
                    .containsExactly(tuple(Kind.DELETE, "k", 19L, 0L));
            assertThat(value("k")).isNull();
            assertThat(cache.rejected()).containsOnlyKeys("k");

            assertThat(apply(16, put("k", "20", 16))).containsExactly(tuple(Kind.INSERT, "k", 0L, 16L));
            assertThat(cache.rejected()).isEmpty();
        }

        @Test
        void mayBeDeleted() {
            loaded(entry("k", "1", 1));
            apply(2, put("k", "{", 2));
            apply(2, put("never", "{", 2));

            assertThat(apply(3, delete("k", 3), delete("never", 3))).containsExactly(tuple(Kind.DELETE, "k", 1L, 0L));
            assertThat(cache.rejected()).isEmpty();
        }

        @Test
        void areFoundBySnapshotsToo() {
            loaded(entry("k", "1", 1));

            assertThat(load(snapshot(9, entry("k", "{", 8)), Jump.SAME_HISTORY)).isEmpty();
            assertThat(value("k")).isEqualTo("1");
            assertThat(load(snapshot(9, entry("k", "1", 1)), Jump.SAME_HISTORY)).isEmpty();
            assertThat(cache.rejected()).isEmpty();
        }

        @Test
        void anErrorOfACodecIsADefectOfTheRowAndNotOfTheWatch() {
            Codecs odd = new Codecs(new FailingCodec(), List.of(), 1_000);
            Reconciler other = new Reconciler(odd, BOUND, observer);
            NamespaceCache odds = other.newCache("");
            other.activate(odds);
            load(other, Set.of(""), snapshot(0), Jump.SAME_HISTORY);

            other.apply(changeSet(1, put("k", "1", 1)));

            assertThat(odds.rejected()).containsEntry("k", "java.lang.StackOverflowError");
            assertThat(other.applied()).isEqualTo(1);
        }
    }

    @Nested
    class OnDemand {

        @Test
        void aSnapshotThatDoesNotFitGoesOverToIt() {
            loadedOnDemand(3);

            assertThat(cache.state().onDemand).isNotNull();
            assertThat(value("k")).isNull();
            assertThat(cache.loaded()).isTrue();
        }

        @Test
        void aNamespaceThatOutgrowsTheBoundGoesOverToItWithAllItHas() {
            loaded(entry("a", "1", 1));
            learn("own", entry("own", "90", 90), 90);
            for (int i = 0; i < BOUND; i++) {
                apply(2 + i, put("k" + i, "1", 2 + i));
            }

            assertThat(cache.state().onDemand).isNotNull();
            cache.state().onDemand.cleanUp();
            assertThat(cache.state().size()).isBetween(1, BOUND);
            assertThat(reconciler.evictions()).isPositive();
        }

        @Test
        void lookupsAreRememberedAndAbsenceToo() {
            loadedOnDemand(3);

            assertThat(learn("k", entry("k", "1", 1), 3)).isTrue();
            assertThat(learn("missing", null, 3)).isTrue();

            assertThat(value("k")).isEqualTo("1");
            assertThat(cache.state().read("missing").empty()).isTrue();
        }

        @Test
        void lookupsAheadOfTheFeedAreRememberedWhenItHasComeUp() {
            loadedOnDemand(3);
            learn("k", entry("k", "4", 4), 5);
            learn("l", entry("l", "4", 4), 7);

            apply(6, put("elsewhere", "6", 6));
            reconciler.advanceTo(7);

            assertThat(cache.state().own()).isEmpty();
            assertThat(value("k")).isEqualTo("4");
            assertThat(value("l")).isEqualTo("4");
        }

        @Test
        void lookupsAheadOfTheFeedTakeNoMoreRoomThanTheOthers() {
            loadedOnDemand(3);
            for (int i = 0; i <= BOUND; i++) {
                learn("k" + i, entry("k" + i, "9", 9), 9);
            }
            assertThat(cache.state().own()).hasSize(BOUND);

            learn("k0", entry("k0", "10", 10), 10);
            assertThat(value("k0")).isEqualTo("10");
        }

        /** Whoever was told of it before has to know. */
        @Test
        void anExpiryIsToldAlthoughTheKeyWasReadAsAbsentBefore() {
            loadedOnDemand(3);
            learn("expired", null, 3);
            learn("deleted", null, 3);

            assertThat(apply(4, delete("deleted", 4))).isEmpty();
            assertThat(apply(
                            5,
                            new LogEntry(LogEntry.Kind.EXPIRE, "", "expired", 5, 5, FakeTime.START, null, null, null)))
                    .containsExactly(tuple(Kind.DELETE, "expired", 0L, 0L));
        }

        @Test
        void theFeedUpdatesWhatIsInMemoryAndTellsOfTheRest() {
            loadedOnDemand(3);
            learn("k", entry("k", "1", 1), 3);

            assertThat(apply(4, put("k", "4", 4))).containsExactly(tuple(Kind.UPDATE, "k", 1L, 4L));
            assertThat(apply(5, put("elsewhere", "5", 5))).containsExactly(tuple(Kind.INSERT, "elsewhere", 0L, 5L));
            assertThat(apply(6, delete("elsewhere", 6))).containsExactly(tuple(Kind.DELETE, "elsewhere", 0L, 0L));
            assertThat(cache.state().read("elsewhere")).isNull();
        }

        @Test
        void aLookupThatTheFeedHasOvertakenIsOfNoUse() {
            loadedOnDemand(3);
            Ticket ticket = reconciler.ticket();
            apply(4, put("k", "4", 4));

            assertThat(learn(ticket, "k", entry("k", "1", 1), 3)).isFalse();
            assertThat(value("k")).isNull();
        }

        @Test
        void aLookupOlderThanTheSnapshotIsOfNoUseAlthoughTheFeedIsOlderStill() {
            active("other");
            reconciler.activate(cache);
            load(oversized(9), Jump.NONE);
            assertThat(reconciler.applied()).isZero();

            assertThat(learn("k", entry("k", "1", 1), 8)).isFalse();
            assertThat(value("k")).isNull();
        }

        @Test
        void ownWritesAreToldWhenTheFeedBringsThem() {
            loadedOnDemand(3);
            learn("k", entry("k", "4", 4), 4);
            learn("gone", null, 5);

            assertThat(apply(4, put("k", "4", 4))).containsExactly(tuple(Kind.INSERT, "k", 0L, 4L));
            assertThat(apply(5, delete("gone", 5))).containsExactly(tuple(Kind.DELETE, "gone", 0L, 0L));
            assertThat(value("k")).isEqualTo("4");
        }

        @Test
        void whatWasReadAheadOfTheFeedDoesNotGoBackwards() {
            loadedOnDemand(3);
            learn("k", entry("k", "6", 6), 6);

            assertThat(apply(5, put("k", "5", 5))).hasSize(1);
            assertThat(value("k")).isEqualTo("6");
        }

        @Test
        void aRejectedRowOfAKeyThatIsNotInMemoryIsNoDelete() {
            loadedOnDemand(3);

            assertThat(apply(4, put("k", "{", 4))).isEmpty();
            assertThat(observer.events).containsExactly("rejected k");
        }

        /** What seed 698 of the model has found: the good one was told of, forgotten, and then the bad one was read. */
        @Test
        void aDeletionAfterARejectedRowWhoseLastGoodOneIsNotInMemoryIsTold() {
            loadedOnDemand(3);
            assertThat(apply(4, put("k", "4", 4))).containsExactly(tuple(Kind.INSERT, "k", 0L, 4L));
            apply(5, put("k", "{", 5));
            learn("k", entry("k", "{", 5), 5);
            assertThat(cache.rejected()).containsOnlyKeys("k");

            assertThat(apply(6, put("k", "[", 6))).isEmpty();
            assertThat(apply(7, delete("k", 7))).containsExactly(tuple(Kind.DELETE, "k", 0L, 0L));
            assertThat(apply(8, delete("k", 8))).isEmpty();
        }

        @Test
        void aResyncTellsTheDeletionOfARejectedRowWhoseLastGoodOneIsNotInMemory() {
            loadedOnDemand(3);
            learn("gone", entry("gone", "{", 1), 3);
            learn("still bad", entry("still bad", "{", 1), 3);

            assertThat(inShort(reload(9, Jump.SAME_HISTORY, entry("still bad", "{", 1))))
                    .containsExactly(tuple(Kind.DELETE, "gone", 0L, 0L));

            learn("later", entry("later", "{", 9), 9);
            assertThat(load(snapshot(10, entry("still bad", "{", 1)), Jump.SAME_HISTORY))
                    .containsExactly(tuple(Kind.DELETE, "later", 0L, 0L));
        }

        @Test
        void aResyncReplacesWhatIsInMemoryAndTellsTheDifference() {
            loadedOnDemand(3);
            learn("same", entry("same", "1", 1), 3);
            learn("changed", entry("changed", "1", 1), 3);
            learn("gone", entry("gone", "1", 1), 3);
            learn("missing", null, 3);
            assertThat(cache.keysInMemory()).containsExactlyInAnyOrder("same", "changed", "gone", "missing");

            List<ConfigChangeSet> difference = reload(
                    9, Jump.SAME_HISTORY, entry("same", "1", 1), entry("changed", "8", 8), entry("missing", "7", 7));

            assertThat(difference).extracting(ConfigChangeSet::resync).containsExactly(true);
            assertThat(inShort(difference))
                    .containsExactly(
                            tuple(Kind.UPDATE, "changed", 1L, 8L),
                            tuple(Kind.DELETE, "gone", 1L, 0L),
                            tuple(Kind.INSERT, "missing", 0L, 7L));
            assertThat(value("gone")).isNull();
        }

        /** What seed 1894 of the model has found: the keys were read after the snapshot, which a replica answered late. */
        @Test
        void aSnapshotOlderThanWhatWasReadOfAKeyIsRefused() {
            loadedOnDemand(3);
            learn("k", entry("k", "1", 1), 3);
            reload(9, Jump.SAME_HISTORY, entry("k", "11", 11));

            assertThatThrownBy(() -> load(snapshot(10), Jump.SAME_HISTORY))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("replica");
            assertThat(value("k")).isEqualTo("11");
            assertThat(reload(11, Jump.SAME_HISTORY, entry("k", "11", 11))).isEmpty();
            load(snapshot(10), Jump.NEW_HISTORY);
            assertThat(value("k")).isNull();
        }

        @Test
        void aResyncDoesNotTakeBackAnOwnWriteThatIsNewer() {
            loadedOnDemand(3);
            learn("k", entry("k", "1", 1), 3);
            learn("k", entry("k", "12", 12), 12);

            assertThat(reload(9, Jump.SAME_HISTORY, entry("k", "1", 1))).isEmpty();

            assertThat(value("k")).isEqualTo("12");
        }

        @Test
        void revisionsOfAnOldHistoryDoNotRefuseNewsOfTheNewOne() {
            loadedOnDemand(1000);
            learn("k", entry("k", "1", 1), 1000);
            learn("l", entry("l", "1", 1), 1000);
            learn("m", entry("m", "1", 1), 1001);
            reload(50, Jump.NEW_HISTORY, entry("k", "1", 1), entry("l", "1", 1));

            apply(51, put("k", "51", 51));
            learn("l", entry("l", "52", 52), 52);

            assertThat(value("k")).isEqualTo("51");
            assertThat(value("l")).isEqualTo("52");
            assertThat(value("m")).isNull();
        }

        @Test
        void aSnapshotThatFitsAgainEndsIt() {
            loadedOnDemand(3);
            learn("k", entry("k", "1", 1), 1000);

            load(snapshot(50, entry("k", "1", 1)), Jump.NEW_HISTORY);

            assertThat(cache.state().onDemand).isNull();
            learn("k", entry("k", "51", 51), 51);
            assertThat(value("k")).isEqualTo("51");
        }

        private List<ConfigChangeSet> reload(long revision, Jump jump, ConfigEntry... found) {
            Answers answers = new Answers(cache.keysInMemory(), List.of(found));
            return reconciler.load(reconciler.ticket(), Set.of(""), oversized(revision), Map.of("", answers), jump);
        }

        private void loadedOnDemand(long revision) {
            reconciler.activate(cache);
            load(oversized(revision), Jump.SAME_HISTORY);
        }
    }

    @Nested
    class Waiting {

        @Test
        void whatIsAppliedIsNotWaitedFor() throws InterruptedException {
            reconciler.advanceTo(5);

            assertThat(reconciler.await(5, Duration.ZERO)).isTrue();
            assertThat(reconciler.await(6, Duration.ofMillis(1))).isFalse();
        }

        @Test
        void theRevisionReleasesWaiters() throws Exception {
            CompletableFuture<Boolean> waiting = awaiting(6);

            reconciler.advanceTo(6);

            assertThat(waiting.get(10, TimeUnit.SECONDS)).isTrue();
        }

        @Test
        void closingReleasesWaiters() throws Exception {
            CompletableFuture<Boolean> waiting = awaiting(6);

            reconciler.close();

            assertThat(waiting.get(10, TimeUnit.SECONDS)).isFalse();
        }

        private CompletableFuture<Boolean> awaiting(long revision) {
            CompletableFuture<Boolean> result = new CompletableFuture<>();
            Thread waiter = new Thread(() -> {
                try {
                    result.complete(reconciler.await(revision, Duration.ofDays(1)));
                } catch (InterruptedException e) {
                    result.completeExceptionally(e);
                }
            });
            waiter.setDaemon(true);
            waiter.start();
            return result;
        }
    }

    private static final class FailingCodec implements io.configmanager.codec.Codec {

        @Override
        public String name() {
            return "json";
        }

        @Override
        public Encoded encode(Object value) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Object decode(String text, java.lang.reflect.Type type) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void check(String text) {
            throw new StackOverflowError("secret");
        }
    }

    private void loaded(ConfigEntry... entries) {
        reconciler.activate(cache);
        long revision = 0;
        for (ConfigEntry entry : entries) {
            revision = Math.max(revision, entry.revision());
        }
        load(snapshot(revision, entries), Jump.SAME_HISTORY);
    }

    private NamespaceCache active(String namespace) {
        NamespaceCache other = reconciler.newCache(namespace);
        reconciler.activate(other);
        load(reconciler, Set.of(namespace), snapshot(reconciler.applied()), Jump.NONE);
        return other;
    }

    private List<Tuple> apply(long revision, LogEntry... changes) {
        return inShort(reconciler.apply(changeSet(revision, changes)));
    }

    private static @Nullable List<ConfigChangeSet> load(
            Reconciler reconciler, Set<String> covered, Snapshot snapshot, Jump jump) {
        return reconciler.load(reconciler.ticket(), covered, snapshot, Map.of(), jump);
    }

    private List<Tuple> load(Snapshot snapshot, Jump jump) {
        return inShort(load(reconciler, Set.of(""), snapshot, jump));
    }

    private boolean learn(String key, @Nullable ConfigEntry entry, long revision) {
        return learn(reconciler.ticket(), key, entry, revision);
    }

    private boolean learn(Ticket ticket, String key, @Nullable ConfigEntry entry, long revision) {
        return reconciler.learn(ticket, "", key, entry, revision);
    }

    private @Nullable String value(String key) {
        Slot slot = cache.state().read(key);
        return slot == null || slot.entry == null ? null : slot.entry.value();
    }

    private Set<String> keys() {
        Set<String> keys = new TreeSet<>();
        cache.state().entries().forEach(entry -> keys.add(entry.key()));
        return keys;
    }

    /** Kind, key, revision before, revision after. */
    private static List<Tuple> inShort(List<ConfigChangeSet> seen) {
        return seen.stream()
                .flatMap(changes -> changes.changes().stream())
                .map(change -> tuple(change.kind(), change.key(), revision(change.before()), revision(change.after())))
                .toList();
    }

    private static long revision(@Nullable ConfigEntry entry) {
        return entry == null ? 0 : entry.revision();
    }

    /** Looks at everything in the middle of a load, from another thread, which then may have to wait. */
    private static final class ViewingObserver implements ConfigObserver {

        private final List<CompletableFuture<List<Long>>> views;
        private @Nullable Reconciler viewed;

        ViewingObserver(List<CompletableFuture<List<Long>>> views) {
            this.views = views;
        }

        @Override
        public void rejected(String namespace, String key) {
            Reconciler reconciler = viewed;
            if (reconciler == null) {
                return;
            }
            CompletableFuture<List<Long>> view = new CompletableFuture<>();
            views.add(view);
            Thread viewer = new Thread(() -> view.complete(reconciler.inOneHistory(() -> {
                List<Long> revisions = new ArrayList<>();
                revisions.add(reconciler.applied());
                reconciler.active().forEach(cache -> revisions.add(cache.state().revision));
                return revisions;
            })));
            viewer.start();
            while (viewer.isAlive() && viewer.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
        }
    }
}
