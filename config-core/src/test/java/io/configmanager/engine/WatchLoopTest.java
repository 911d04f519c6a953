// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static io.configmanager.engine.Rows.changeSet;
import static io.configmanager.engine.Rows.delete;
import static io.configmanager.engine.Rows.entry;
import static io.configmanager.engine.Rows.oversized;
import static io.configmanager.engine.Rows.position;
import static io.configmanager.engine.Rows.put;
import static io.configmanager.engine.Rows.snapshot;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChange.Kind;
import io.configmanager.ConfigChangeSet;
import io.configmanager.StoreException;
import io.configmanager.WatchState;
import io.configmanager.WatchStatus;
import io.configmanager.codec.JsonCodec;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.Feed.Batch;
import io.configmanager.store.PositionLostException;
import io.configmanager.store.PositionLostException.Reason;
import io.configmanager.store.Snapshot;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class WatchLoopTest {

    private static final Duration STABLE = Duration.ofSeconds(2);

    private final FakeTime time = new FakeTime();
    private final ScriptedStore store = new ScriptedStore();
    private final Recorder observer = new Recorder();
    private final Reconciler reconciler = new Reconciler(new Codecs(new JsonCodec(), List.of(), 1_000), 5, observer);
    private final StatusTracker status = new StatusTracker(time::instant, time::nanoTime, STABLE);
    private final StoreClock storeClock = new StoreClock(FakeTime.START, time::nanoTime);
    private final NamespaceCache cache = reconciler.newCache("");
    private final List<ConfigChangeSet> published = new ArrayList<>();
    private final List<Duration> pauses = new ArrayList<>();
    private Runnable duringPause = () -> {};
    private WatchLoop loop = newLoop();

    @BeforeEach
    void activate() {
        reconciler.activate(cache);
    }

    @Nested
    class Start {

        @Test
        void aSnapshotThenTheFeedFromItsPositionThenAPoll() throws InterruptedException {
            store.snapshots.add(() -> {
                assertThat(status().lastAttempt()).isNotNull();
                return snapshot(5, entry("k", "5", 5));
            });
            store.opens.add(() -> assertThat(state()).isEqualTo(WatchState.STARTING));
            store.polls.add(() -> {
                assertThat(state()).as("not live before the first answer").isEqualTo(WatchState.STARTING);
                return batch(5);
            });

            loop.turn();

            assertThat(store.asked()).containsExactly("snapshot []", "open at 5", "poll");
            assertThat(state()).isEqualTo(WatchState.LIVE);
            assertThat(value("k")).isEqualTo("5");
            assertThat(published).isEmpty();
            assertThat(pauses).isEmpty();
            assertThat(observer.events).isEmpty();
        }

        @Test
        void isNotLiveBeforeWaitingNamespacesAreLoaded() throws InterruptedException {
            store.snapshots.add(() -> snapshot(5));
            store.polls.add(() -> {
                reconciler.activate(reconciler.newCache("late"));
                return batch(5);
            });
            store.snapshots.add(() -> {
                assertThat(state()).isEqualTo(WatchState.STARTING);
                return snapshot(6);
            });

            loop.turn();

            assertThat(store.asked()).containsExactly("snapshot []", "open at 5", "poll", "snapshot [late]");
            assertThat(state()).isEqualTo(WatchState.LIVE);
        }

        @Test
        void aRefusedConnectionIsTriedAgainAfterExactlyTheBackoff() throws InterruptedException {
            for (int i = 0; i < 11; i++) {
                store.snapshots.add(failing(away()));
                loop.turn();
            }

            assertThat(pauses.stream().map(Duration::toMillis))
                    .containsExactly(
                            100L, 200L, 400L, 800L, 1_600L, 3_200L, 6_400L, 12_800L, 25_600L, 30_000L, 30_000L);
            assertThat(state()).isEqualTo(WatchState.STARTING);
            assertThat(status().consecutiveFailures()).isEqualTo(11);
            assertThat(status().lastError()).isEqualTo("away");
        }

        @Test
        void aFeedThatCannotBeOpenedIsTriedFromTheSameSnapshot() throws InterruptedException {
            store.snapshots.add(() -> snapshot(5));
            store.opens.add(() -> {
                throw away();
            });
            store.polls.add(() -> batch(5));

            loop.turn();
            loop.turn();

            assertThat(store.asked()).containsExactly("snapshot []", "open at 5", "open at 5", "poll");
            assertThat(state()).isEqualTo(WatchState.LIVE);
            assertThat(observer.events).as("it never was connected before").isEmpty();
        }

        /** Whoever is told of what it holds must not take the clock of this machine to see what has expired. */
        @Test
        void theSnapshotTellsTheTimeOfTheStore() throws InterruptedException {
            Instant storeTime = FakeTime.START.minusSeconds(3_600);
            store.snapshots.add(() -> new Snapshot(List.of(entry("k", "5", 5)), Set.of(), position(5), storeTime));
            cache.servedEmpty();
            List<Instant> times = new ArrayList<>();
            loop = newLoop(changes -> times.add(storeClock.now()));
            store.polls.add(() -> batch(5));

            loop.turn();

            assertThat(times).containsExactly(storeTime);
        }

        @Test
        void whatAnEarlierWatchAppliedMayBeOfAnotherHistory() throws InterruptedException {
            reconciler.advanceTo(1000);
            loop = newLoop();
            store.snapshots.add(() -> snapshot(5, entry("k", "5", 5)));
            store.polls.add(() -> batch(5));

            loop.turn();

            assertThat(state()).isEqualTo(WatchState.LIVE);
            assertThat(reconciler.applied()).isEqualTo(5);
        }
    }

    @Nested
    class Following {

        @BeforeEach
        void live() throws InterruptedException {
            goLive(5);
        }

        @Test
        void whatComesIsAppliedAndPublishedInOrder() throws InterruptedException {
            store.polls.add(
                    () -> batch(7, changeSet(6, put("k", "6", 6)), changeSet(7, delete("k", 7), put("l", "7", 7))));

            loop.turn();

            assertThat(store.asked()).containsExactly("poll");
            assertThat(published).extracting(ConfigChangeSet::revision).containsExactly(6L, 7L);
            assertThat(published).extracting(ConfigChangeSet::resync).containsOnly(false);
            assertThat(reconciler.applied()).isEqualTo(7);
            assertThat(observer.events).containsExactly("propagated 0", "propagated 0", "applied 3");
        }

        @Test
        void publishingComesAfterTheCacheShowsIt() throws InterruptedException {
            List<String> seen = new ArrayList<>();
            loop = newLoop(changes -> seen.add(changes.revision() + " " + value("k")));
            store.snapshots.add(() -> snapshot(5));
            store.polls.add(() -> batch(7, changeSet(6, put("k", "6", 6)), changeSet(7, put("k", "7", 7))));

            loop.turn();

            assertThat(seen).containsExactly("6 6", "7 7");
        }

        @Test
        void propagationIsMeasuredByTheStoresClock() throws InterruptedException {
            time.setWallClock(Duration.ofHours(5));
            ChangeSet change = new ChangeSet(6, FakeTime.START.plusSeconds(60), List.of(put("k", "6", 6)));
            store.polls.add(() -> new Batch(
                    List.of(change),
                    position(6),
                    Duration.ofMillis(20),
                    FakeTime.START.plusSeconds(60).plusMillis(5),
                    true,
                    0));

            loop.turn();

            assertThat(observer.events).containsExactly("propagated 25", "applied 1");
        }

        @Test
        void missedHintsAreTold() throws InterruptedException {
            store.polls.add(() -> new Batch(
                    List.of(changeSet(6, put("k", "6", 6))), position(6), Duration.ZERO, FakeTime.START, true, 1));

            loop.turn();

            assertThat(observer.events).containsExactly("propagated 0", "applied 1", "hints missed 1");
        }

        @Test
        void anEmptyAnswerMovesThePositionToo() throws InterruptedException {
            store.polls.add(() -> batch(9));
            store.polls.add(failing(away()));
            store.polls.add(() -> batch(9));

            loop.turn();
            loop.turn();
            store.asked();
            loop.turn();

            assertThat(reconciler.applied()).isEqualTo(9);
            assertThat(store.asked()).containsExactly("open at 9", "poll");
        }

        @Test
        void aCutIsStaleAndContinuesFromThePositionWithoutASnapshot() throws InterruptedException {
            store.polls.add(failing(away()));
            loop.turn();
            assertThat(store.asked()).containsExactly("poll", "close");
            assertThat(state()).isEqualTo(WatchState.STALE);
            assertThat(status().connected()).isFalse();
            assertThat(pauses).containsExactly(Duration.ofMillis(100));

            store.polls.add(() -> {
                assertThat(state()).isEqualTo(WatchState.STALE);
                return batch(6, changeSet(6, put("k", "6", 6)));
            });
            loop.turn();

            assertThat(store.asked()).containsExactly("open at 5", "poll");
            assertThat(state()).isEqualTo(WatchState.LIVE);
            assertThat(value("k")).isEqualTo("6");
            assertThat(observer.events).containsExactly("propagated 0", "applied 1", "reconnected");
        }

        @Test
        void flappingWaitsLongerAndLonger() throws InterruptedException {
            for (int i = 0; i < 5; i++) {
                store.polls.add(failing(away()));
                store.polls.add(() -> batch(5));
                loop.turn();
                loop.turn();
                time.pass(STABLE.minusMillis(1));
            }

            assertThat(pauses.stream().map(Duration::toMillis)).containsExactly(100L, 200L, 400L, 800L, 1_600L);
        }

        @Test
        void aStablePeriodEndsThat() throws InterruptedException {
            for (int i = 0; i < 3; i++) {
                store.polls.add(failing(away()));
                store.polls.add(() -> batch(5));
                store.polls.add(() -> batch(5));
                loop.turn();
                loop.turn();
                time.pass(STABLE);
                loop.turn();
            }

            assertThat(pauses).containsOnly(Duration.ofMillis(100)).hasSize(3);
        }

        @Test
        void whatIsDeliveredAgainHasNoEffectAndIsNotCounted() throws InterruptedException {
            store.polls.add(() -> batch(6, changeSet(6, put("k", "6", 6))));
            loop.turn();
            observer.events.clear();
            published.clear();
            store.polls.add(() -> batch(7, changeSet(6, put("k", "6", 6)), changeSet(7, put("l", "7", 7))));

            loop.turn();

            assertThat(published).extracting(ConfigChangeSet::revision).containsExactly(7L);
            assertThat(observer.events).containsExactly("propagated 0", "applied 1");
        }

        @Test
        void stalenessIsProvedByReadsAndNeverBySilence() throws InterruptedException {
            store.polls.add(() -> new Batch(List.of(), position(5), Duration.ofMillis(40), FakeTime.START, true, 0));
            loop.turn();
            assertThat(status().staleness()).isEqualTo(Duration.ofMillis(40));

            time.pass(Duration.ofSeconds(60));
            assertThat(status().staleness()).isEqualTo(Duration.ofSeconds(60).plusMillis(40));
            store.polls.add(failing(away()));
            loop.turn();
            store.opens.add(() -> time.pass(Duration.ofSeconds(1)));
            store.polls.add(() -> {
                assertThat(status().staleness())
                        .as("an open feed proves nothing")
                        .isGreaterThan(Duration.ofSeconds(61));
                return batch(5);
            });
            loop.turn();
            assertThat(status().staleness()).isZero();
        }

        @Test
        void timeSpentApplyingCountsAsStaleness() throws InterruptedException {
            loop = newLoop(changes -> time.pass(Duration.ofSeconds(3)));
            store.snapshots.add(() -> snapshot(5));
            store.polls.add(() -> batch(6, changeSet(6, put("k", "6", 6))));

            loop.turn();

            assertThat(status().staleness()).isEqualTo(Duration.ofSeconds(3));
        }

        @Test
        void aNamespaceThatWaitsIsLoadedWithTheNextAnswer() throws InterruptedException {
            NamespaceCache late = reconciler.newCache("late");
            reconciler.activate(late);
            store.polls.add(() -> batch(5));
            store.snapshots.add(() -> snapshot(6, entry("late", "k", "6", 6)));

            loop.turn();

            assertThat(store.asked()).containsExactly("poll", "snapshot [late]");
            assertThat(late.loaded()).isTrue();
            assertThat(reconciler.applied())
                    .as("the feed goes on from where it was")
                    .isEqualTo(5);
        }

        @Test
        void aFailureToLoadItTakesNothingBackAndIsTriedAgain() throws InterruptedException {
            NamespaceCache late = reconciler.newCache("late");
            reconciler.activate(late);
            store.polls.add(() -> batch(6, changeSet(6, put("k", "6", 6))));
            store.snapshots.add(failing(away()));
            loop.turn();

            assertThat(observer.events)
                    .as("told, although the turn failed")
                    .containsExactly("propagated 0", "applied 1");
            assertThat(value("k")).isEqualTo("6");
            assertThat(state()).isEqualTo(WatchState.STALE);
            assertThat(pauses).hasSize(1);

            store.asked();
            store.polls.add(() -> batch(6));
            store.snapshots.add(() -> snapshot(6));
            loop.turn();
            assertThat(store.asked()).containsExactly("open at 6", "poll", "snapshot [late]");
            assertThat(late.loaded()).isTrue();
            assertThat(published).hasSize(1);
        }
    }

    @Nested
    class PositionLost {

        @BeforeEach
        void live() throws InterruptedException {
            store.snapshots.add(() -> snapshot(5, entry("kept", "1", 1), entry("gone", "1", 1), entry("k", "1", 1)));
            store.polls.add(() -> batch(5));
            loop.turn();
            store.asked();
        }

        @Test
        void compactedMeansASnapshotAndTheExactDifference() throws InterruptedException {
            store.polls.add(failing(lost(Reason.COMPACTED)));
            loop.turn();
            assertThat(state()).as("not live without a feed").isEqualTo(WatchState.STALE);
            assertThat(status().connected()).isFalse();
            assertThat(value("gone")).as("the old state is served").isEqualTo("1");

            store.snapshots.add(
                    () -> snapshot(50, entry("kept", "1", 1), entry("k", "40", 40), entry("new", "41", 41)));
            store.polls.add(failing(lost(Reason.COMPACTED))); // the proof that it is the same history
            store.polls.add(() -> batch(50));
            loop.turn();

            assertThat(store.asked())
                    .containsExactly(
                            "poll", "close", "snapshot []", "open at 5", "poll", "close", "open at 50", "poll");
            assertThat(published).hasSize(1);
            assertThat(published.get(0).resync()).isTrue();
            assertThat(published.get(0).revision()).isEqualTo(50);
            assertThat(published.get(0).changes())
                    .extracting(ConfigChange::kind, ConfigChange::key)
                    .containsExactly(tuple(Kind.DELETE, "gone"), tuple(Kind.UPDATE, "k"), tuple(Kind.INSERT, "new"));
            assertThat(observer.events).containsExactly("resynced compacted", "reconnected");
            assertThat(pauses).containsExactly(Duration.ofMillis(100));
        }

        @Test
        void aReplacedHistoryMayGoBackInRevisions() throws InterruptedException {
            store.polls.add(failing(lost(Reason.HISTORY_REPLACED)));
            loop.turn();
            store.snapshots.add(() -> snapshot(2, entry("kept", "1", 1)));
            store.polls.add(() -> batch(3, changeSet(3, put("k", "3", 3))));
            loop.turn();

            assertThat(reconciler.applied()).isEqualTo(3);
            assertThat(published).extracting(ConfigChangeSet::revision).containsExactly(2L, 3L);
            assertThat(published.get(0).changes())
                    .extracting(ConfigChange::kind, ConfigChange::key)
                    .containsExactly(tuple(Kind.DELETE, "gone"), tuple(Kind.DELETE, "k"));
            assertThat(observer.events).contains("resynced history_replaced");
        }

        @Test
        void alsoWhenTheFeedIsOpened() throws InterruptedException {
            store.polls.add(failing(away()));
            store.opens.add(() -> {
                throw lost(Reason.HISTORY_REPLACED);
            });
            store.snapshots.add(() -> snapshot(1));
            store.polls.add(() -> batch(1));

            loop.turn();
            loop.turn();
            loop.turn();

            assertThat(store.asked()).containsExactly("poll", "close", "open at 5", "snapshot []", "open at 1", "poll");
            assertThat(state()).isEqualTo(WatchState.LIVE);
        }

        /** Restored to a revision after the feed's: its position stands, and what was loaded ahead of it is lost all the same. */
        @Test
        void alsoBehindTheFeedWhereANamespaceWasLoadedAheadOfIt() throws InterruptedException {
            NamespaceCache late = loadedByACaller(8);
            store.polls.add(() -> batch(7, changeSet(7, put("k", "7", 7))));
            loop.turn();
            assertThat(store.asked()).as("not there yet").containsExactly("poll");

            store.polls.add(() -> batch(9, changeSet(9, put("k", "9", 9))));
            store.polls.add(() -> {
                assertThat(value("k")).as("nothing is applied before").isEqualTo("7");
                throw lost(Reason.HISTORY_REPLACED);
            });
            loop.turn();
            store.snapshots.add(() -> snapshot(9, entry("k", "9", 9)));
            store.polls.add(() -> batch(9));
            loop.turn();

            assertThat(store.asked())
                    .containsExactly(
                            "poll", "open at 8", "poll", "close", "close", "snapshot [, late]", "open at 9", "poll");
            assertThat(late.state().committed("k")).isNull();
            assertThat(observer.events).contains("resynced history_replaced");
        }

        @Test
        void alsoWhenTheFeedsPositionIsCompactedAndOnlyWhatWasLoadedAheadOfItTells() throws InterruptedException {
            NamespaceCache late = loadedByACaller(20);
            store.polls.add(failing(lost(Reason.COMPACTED)));
            loop.turn();
            store.snapshots.add(() -> snapshot(15, entry("k", "15", 15)));
            store.polls.add(failing(lost(Reason.COMPACTED)));
            store.polls.add(failing(lost(Reason.HISTORY_REPLACED)));
            loop.turn();
            store.snapshots.add(() -> snapshot(15, entry("k", "15", 15)));
            store.polls.add(() -> batch(15));
            loop.turn();

            assertThat(store.asked())
                    .containsExactly(
                            "poll",
                            "close",
                            "snapshot [, late]",
                            "open at 5",
                            "poll",
                            "close",
                            "open at 20",
                            "poll",
                            "close",
                            "snapshot [, late]",
                            "open at 15",
                            "poll");
            assertThat(late.state().committed("k")).isNull();
            assertThat(value("k")).isEqualTo("15");
            assertThat(observer.events).contains("resynced history_replaced");
        }

        /** A snapshot of the old history must not count as one of the new, or the replacement would be told twice. */
        @Test
        void aHistoryReplacedWhileTheSnapshotIsReadIsToldOnce() throws InterruptedException {
            store.polls.add(failing(lost(Reason.COMPACTED)));
            loop.turn();
            store.snapshots.add(() -> snapshot(15, entry("k", "15", 15)));
            store.polls.add(failing(lost(Reason.HISTORY_REPLACED)));
            loop.turn();
            assertThat(value("k")).as("the old state is served").isEqualTo("1");
            assertThat(published).isEmpty();

            store.snapshots.add(() -> snapshot(3, entry("k", "3", 3)));
            store.polls.add(() -> batch(3));
            loop.turn();
            assertThat(value("k")).isEqualTo("3");
            assertThat(observer.events).containsExactly("resynced history_replaced", "reconnected");
        }

        @Test
        void whatWasLoadedAheadOfTheFeedIsProvedOnce() throws InterruptedException {
            loadedByACaller(8);
            store.polls.add(() -> batch(9, changeSet(9, put("k", "9", 9))));
            store.polls.add(() -> batch(9));
            store.polls.add(() -> batch(10));
            loop.turn();
            loop.turn();

            assertThat(store.asked()).containsExactly("poll", "open at 8", "poll", "close", "poll");
            assertThat(value("k")).isEqualTo("9");
        }

        private NamespaceCache loadedByACaller(long revision) {
            NamespaceCache late = reconciler.newCache("late");
            reconciler.activate(late);
            reconciler.finishLoading(
                    late, reconciler.startLoading(late), snapshot(revision, entry("late", "k", "1", revision)));
            reconciler.stopLoading(late);
            return late;
        }

        @Test
        void aReplacedHistoryIsNotForgottenWhenTheResyncFails() throws InterruptedException {
            store.polls.add(failing(lost(Reason.HISTORY_REPLACED)));
            store.snapshots.add(failing(away()));
            store.snapshots.add(() -> snapshot(1));
            store.polls.add(() -> batch(1));

            loop.turn();
            loop.turn();
            assertThat(value("k")).as("C7: the old state stays").isEqualTo("1");
            assertThat(published).isEmpty();
            assertThat(state()).isEqualTo(WatchState.STALE);
            loop.turn();

            assertThat(reconciler.applied()).isEqualTo(1);
            assertThat(value("k")).isNull();
        }

        @Test
        void aSnapshotOfALaggingReplicaIsRefusedAndTriedAgain() throws InterruptedException {
            store.polls.add(failing(lost(Reason.COMPACTED)));
            store.polls.add(failing(lost(Reason.COMPACTED)));
            store.polls.add(failing(lost(Reason.COMPACTED)));
            store.snapshots.add(() -> snapshot(4));
            store.snapshots.add(() -> snapshot(60, entry("k", "6", 6)));
            store.polls.add(() -> batch(60));

            loop.turn();
            loop.turn();
            assertThat(value("gone")).isEqualTo("1");
            assertThat(status().lastError()).contains("replica");
            loop.turn();

            assertThat(value("gone")).isNull();
            assertThat(state()).isEqualTo(WatchState.LIVE);
        }

        @Test
        void againAndAgainIsPacedAndNotHealthy() throws InterruptedException {
            for (int i = 0; i < 4; i++) {
                store.polls.add(failing(lost(Reason.COMPACTED)));
                store.snapshots.add(() -> snapshot(50));
                loop.turn();
                store.polls.add(failing(lost(Reason.COMPACTED)));
                store.polls.add(() -> batch(50));
                loop.turn();
            }

            assertThat(pauses.stream().map(Duration::toMillis)).containsExactly(100L, 200L, 400L, 800L);
            assertThat(status().consecutiveFailures()).isEqualTo(4);
        }

        @Test
        void afterALongOutageTheResyncDoesNotWaitAsLongAsTheOutageHadMadeIt() throws InterruptedException {
            store.polls.add(failing(away()));
            loop.turn();
            for (int i = 0; i < 9; i++) {
                store.opens.add(() -> {
                    throw away();
                });
                loop.turn();
            }
            pauses.clear();
            store.opens.add(() -> {
                throw lost(Reason.COMPACTED);
            });

            loop.turn();

            assertThat(pauses).containsExactly(Duration.ofMillis(100));
        }
    }

    @Nested
    class OnDemand {

        @BeforeEach
        void live() throws InterruptedException {
            store.snapshots.add(() -> oversized(5));
            store.polls.add(() -> batch(5));
            loop.turn();
            reconciler.learn(reconciler.ticket(), "", "k", entry("k", "1", 1), 5);
            store.asked();
        }

        @Test
        void aResyncReadsWhatIsInMemory() throws InterruptedException {
            store.polls.add(failing(lost(Reason.COMPACTED)));
            store.snapshots.add(() -> oversized(50));
            store.lists.add(() -> List.of(entry("k", "40", 40)));
            store.polls.add(failing(lost(Reason.COMPACTED))); // the proof that it is the same history
            store.polls.add(() -> batch(50));

            loop.turn();
            loop.turn();

            assertThat(store.asked())
                    .containsExactly(
                            "poll",
                            "close",
                            "snapshot []",
                            "list keys [k]",
                            "open at 5",
                            "poll",
                            "close",
                            "open at 50",
                            "poll");
            assertThat(value("k")).isEqualTo("40");
            assertThat(published).hasSize(1);
        }

        @Test
        void aResyncThatFailsHalfWayLeavesTheOldStateAndIsDoneAgain() throws InterruptedException {
            store.polls.add(failing(lost(Reason.COMPACTED)));
            store.snapshots.add(() -> oversized(50));
            store.lists.add(failing(away()));
            loop.turn();
            loop.turn();
            assertThat(reconciler.applied()).isEqualTo(5);
            assertThat(value("k")).isEqualTo("1");

            store.snapshots.add(() -> oversized(51));
            store.lists.add(List::of);
            store.polls.add(failing(lost(Reason.COMPACTED))); // the proof that it is the same history
            store.polls.add(() -> batch(51));
            loop.turn();

            assertThat(value("k")).isNull();
            assertThat(published).hasSize(1);
            assertThat(state()).isEqualTo(WatchState.LIVE);
        }
    }

    @Nested
    class UnexpectedFailures {

        @BeforeEach
        void live() throws InterruptedException {
            goLive(5);
        }

        @Test
        void leadToAPausedResync() throws InterruptedException {
            store.polls.add(failing(new IllegalStateException("bug")));
            loop.turn();
            assertThat(store.asked()).containsExactly("poll", "close");
            assertThat(pauses).containsExactly(Duration.ofMillis(100));
            assertThat(status().lastError()).isEqualTo("bug");

            store.polls.add(() -> batch(5));
            store.snapshots.add(() -> snapshot(6, entry("k", "6", 6)));
            store.polls.add(() -> batch(6));
            loop.turn();

            assertThat(store.asked())
                    .as("history is proved before revisions are compared")
                    .containsExactly("snapshot []", "open at 5", "poll", "close", "open at 6", "poll");
            assertThat(observer.events).containsExactly("resynced error", "reconnected");
            assertThat(value("k")).isEqualTo("6");
        }

        @Test
        void errorsToo() throws InterruptedException {
            store.polls.add(() -> {
                throw new StackOverflowError("expected");
            });
            loop.turn();

            assertThat(state()).isEqualTo(WatchState.STALE);
            assertThat(pauses).hasSize(1);
        }

        @Test
        void aHistoryReplacedAtTheSameTimeIsNoticed() throws InterruptedException {
            store.polls.add(failing(new IllegalStateException("bug")));
            store.polls.add(failing(lost(Reason.HISTORY_REPLACED)));
            store.snapshots.add(() -> snapshot(2, entry("k", "2", 2)));
            store.snapshots.add(() -> snapshot(2, entry("k", "2", 2)));
            store.polls.add(() -> batch(2));

            loop.turn();
            loop.turn();
            loop.turn();

            assertThat(reconciler.applied()).isEqualTo(2);
            assertThat(state()).isEqualTo(WatchState.LIVE);
        }

        @Test
        void aFeedThatAlwaysFailsAtOneChangeIsLeaptOver() throws InterruptedException {
            store.polls.add(failing(new IllegalStateException("cannot read revision 6")));
            store.polls.add(failing(new IllegalStateException("cannot read revision 6")));
            store.snapshots.add(() -> snapshot(7, entry("k", "6", 6)));
            store.polls.add(() -> batch(7));

            loop.turn();
            loop.turn();

            assertThat(value("k")).isEqualTo("6");
            assertThat(state()).isEqualTo(WatchState.LIVE);
        }

        @Test
        void aPublisherThatFailsInTheMiddleDoesNotLoseTheRest() throws InterruptedException {
            List<Long> seen = new ArrayList<>();
            loop = newLoop(changes -> {
                seen.add(changes.revision());
                if (changes.revision() == 6) {
                    throw new IllegalStateException("expected");
                }
            });
            store.snapshots.add(() -> snapshot(5));
            store.polls.add(() -> batch(7, changeSet(6, put("k", "6", 6)), changeSet(7, put("l", "7", 7))));
            loop.turn();
            assertThat(reconciler.applied())
                    .as("applied before the position moves")
                    .isEqualTo(6);
            assertThat(state()).isEqualTo(WatchState.STALE);

            store.polls.add(() -> batch(7));
            store.snapshots.add(() -> snapshot(7, entry("k", "6", 6), entry("l", "7", 7)));
            store.polls.add(() -> batch(7));
            loop.turn();

            assertThat(seen).containsExactly(6L, 7L);
            assertThat(value("l")).isEqualTo("7");
        }

        @Test
        void aFeedThatDoesNotCloseIsLeftBehind() throws InterruptedException {
            store.polls.add(failing(away()));
            store.closing = () -> {
                throw new IllegalStateException("expected");
            };
            loop.turn();
            store.polls.add(() -> batch(5));
            loop.turn();

            assertThat(state()).isEqualTo(WatchState.LIVE);
        }
    }

    @Nested
    class Stop {

        @Test
        void beforeTheFirstTurn() {
            loop.stop();
            loop.run();

            assertThat(store.asked()).isEmpty();
        }

        @Test
        void duringTheSnapshot() {
            store.snapshots.add(() -> {
                loop.stop();
                return snapshot(5, entry("k", "5", 5));
            });

            loop.run();

            assertThat(store.asked()).containsExactly("snapshot []");
            assertThat(reconciler.applied()).isZero();
            assertQuiet();
        }

        @Test
        void duringAFailingSnapshot() {
            store.snapshots.add(() -> {
                loop.stop();
                throw away();
            });

            loop.run();

            assertQuiet();
        }

        @Test
        void duringOpen() {
            store.snapshots.add(() -> snapshot(5));
            store.opens.add(() -> loop.stop());

            loop.run();

            assertThat(store.asked()).containsExactly("snapshot []", "open at 5", "close");
            assertQuiet();
        }

        @Test
        void duringAPollThatThrows() {
            store.snapshots.add(() -> snapshot(5));
            store.polls.add(() -> {
                loop.stop();
                throw away();
            });

            loop.run();

            assertThat(store.asked()).containsExactly("snapshot []", "open at 5", "poll", "close");
            assertQuiet();
        }

        @Test
        void duringAPollThatLosesThePosition() {
            store.snapshots.add(() -> snapshot(5));
            store.polls.add(() -> {
                loop.stop();
                throw lost(Reason.COMPACTED);
            });

            loop.run();

            assertQuiet();
        }

        @Test
        void duringAPollThatIsAnswered() {
            store.snapshots.add(() -> snapshot(5));
            store.polls.add(() -> {
                loop.stop();
                return batch(6, changeSet(6, put("k", "6", 6)));
            });

            loop.run();

            assertThat(state()).as("a stopped loop says nothing any more").isEqualTo(WatchState.STARTING);
            assertQuiet();
        }

        @Test
        void duringAPause() {
            store.snapshots.add(failing(away()));
            duringPause = loop::stop;

            loop.run();

            assertThat(pauses).hasSize(1);
            assertThat(store.asked()).containsExactly("snapshot []");
        }

        @Test
        void whileListenersAreTold() {
            loop = newLoop(changes -> loop.stop());
            store.snapshots.add(() -> snapshot(5));
            store.polls.add(() -> batch(6, changeSet(6, put("k", "6", 6))));

            loop.run();

            assertThat(store.asked()).containsExactly("snapshot []", "open at 5", "poll", "close");
        }

        @Test
        void anInterruptIsNone() {
            store.snapshots.add(failing(away()));
            store.snapshots.add(() -> snapshot(5));
            store.polls.add(() -> batch(5));
            store.polls.add(() -> {
                loop.stop();
                throw away();
            });
            Pause interrupted = duration -> {
                throw new InterruptedException();
            };
            loop = newLoop(published::add, interrupted);

            loop.run();

            assertThat(state()).isEqualTo(WatchState.LIVE);
            assertThat(Thread.currentThread().isInterrupted()).isFalse();
        }

        private void assertQuiet() {
            assertThat(pauses).isEmpty();
            assertThat(status().consecutiveFailures()).isZero();
            assertThat(published).isEmpty();
        }
    }

    private void goLive(long revision) throws InterruptedException {
        store.snapshots.add(() -> snapshot(revision));
        store.polls.add(() -> batch(revision));
        loop.turn();
        store.asked();
    }

    private WatchLoop newLoop() {
        return newLoop(published::add);
    }

    private WatchLoop newLoop(Audience publisher) {
        return newLoop(publisher, duration -> {
            pauses.add(duration);
            duringPause.run();
            return false;
        });
    }

    private WatchLoop newLoop(Audience publisher, Pause pause) {
        Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(30));
        return new WatchLoop(
                store,
                reconciler,
                status,
                storeClock,
                publisher,
                observer,
                5,
                new WatchLoop.Timing(backoff, Duration.ofSeconds(1), pause, new FixedRandom(0.5), time::nanoTime));
    }

    private static Batch batch(long revision, ChangeSet... changeSets) {
        return new Batch(List.of(changeSets), position(revision), Duration.ZERO, FakeTime.START, true, 0);
    }

    private static <T> Supplier<T> failing(RuntimeException failure) {
        return () -> {
            throw failure;
        };
    }

    private static StoreException away() {
        return new StoreException("away", true, null);
    }

    private static PositionLostException lost(Reason reason) {
        return new PositionLostException(reason, "lost");
    }

    private WatchState state() {
        return status().state();
    }

    private WatchStatus status() {
        return status.status(reconciler.applied());
    }

    private @Nullable String value(String key) {
        Slot slot = cache.state().read(key);
        return slot == null || slot.entry == null ? null : slot.entry.value();
    }
}
