// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.tuple;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChange.Kind;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigListener;
import io.configmanager.Subscription;
import io.configmanager.SubscriptionStats;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class LaneTest {

    private final Recorder observer = new Recorder();
    private final Deque<Runnable> tasks = new ArrayDeque<>();
    private final List<ConfigChangeSet> seen = new ArrayList<>();
    private final LongAdder coalesced = new LongAdder();
    private long now;
    private boolean partial;

    /** What a lane gets that reads again. */
    private ConfigChangeSet inStore = new ConfigChangeSet("", 0, 0, true, List.of());

    private final Lane lane = lane(seen::add, tasks::add);

    @Test
    void changeSetsAreHandedOverOneByOneInOrderByOneTask() {
        lane.offer(insert(1, "a"));
        lane.offer(insert(2, "b"));
        lane.offer(insert(3, "c"));

        assertThat(tasks).hasSize(1);
        run();
        assertThat(seen).extracting(ConfigChangeSet::revision).containsExactly(1L, 2L, 3L);
        lane.offer(insert(4, "d"));
        run();
        assertThat(seen).hasSize(4);
    }

    @Test
    void onlyWhatTheFilterMeansIsHandedOver() {
        Lane filtered = lane(ConfigFilter.prefix("app"), seen::add, tasks::add);

        filtered.offer(insert(1, "other"));
        assertThat(tasks).isEmpty();
        filtered.offer(changeSet(2, change("app/a", null, 2), change("other", null, 2)));
        run();
        assertThat(seen).hasSize(1);
        assertThat(seen.get(0).changes()).extracting(ConfigChange::key).containsExactly("app/a");
    }

    @Test
    void exceptionsAndErrorsAreCountedAndTheNextSetIsHandedOver() {
        Lane failing = lane(
                changes -> {
                    seen.add(changes);
                    if (changes.revision() == 1) {
                        throw new IllegalStateException("expected");
                    }
                    if (changes.revision() == 2) {
                        throw new StackOverflowError("expected");
                    }
                    LaneTest.<RuntimeException>throwUndeclared(new java.io.IOException("expected"));
                },
                tasks::add);

        failing.offer(insert(1, "a"));
        failing.offer(insert(2, "a"));
        failing.offer(insert(3, "a"));
        run();
        failing.offer(insert(4, "a"));
        run();

        assertThat(seen).hasSize(4);
        assertThat(observer.events)
                .containsExactly("listener failed", "listener failed", "listener failed", "listener failed");
    }

    @Test
    void aListenerMayCauseChangesForItself() {
        List<Long> order = new ArrayList<>();
        List<Lane> self = new ArrayList<>();
        self.add(lane(
                changes -> {
                    order.add(changes.revision());
                    if (changes.revision() < 3) {
                        self.get(0).offer(insert(changes.revision() + 1, "a"));
                    }
                    order.add(-changes.revision());
                },
                Runnable::run));

        self.get(0).offer(insert(1, "a"));

        assertThat(order).as("never called again while it runs").containsExactly(1L, -1L, 2L, -2L, 3L, -3L);
    }

    @Test
    void nothingComesAfterAListenerUnsubscribedInside() {
        List<Lane> self = new ArrayList<>();
        self.add(lane(
                changes -> {
                    seen.add(changes);
                    self.get(0).close(null);
                },
                tasks::add));
        self.get(0).offer(insert(1, "a"));
        self.get(0).offer(insert(2, "a"));

        run();
        self.get(0).offer(insert(3, "a"));
        run();

        assertThat(seen).hasSize(1);
    }

    @Test
    void aRejectingExecutorEndsTheLane() {
        List<Runnable> attempts = new ArrayList<>();
        Lane rejected = lane(seen::add, task -> {
            attempts.add(task);
            throw new RejectedExecutionException();
        });

        rejected.offer(insert(1, "a"));
        rejected.offer(insert(2, "a"));

        assertThat(attempts).hasSize(1);
        assertThat(seen).isEmpty();
    }

    @Test
    void anExecutorWithoutThreadsIsTriedAgainAndNothingIsLost() {
        List<Runnable> attempts = new ArrayList<>();
        Lane starved = lane(seen::add, task -> {
            attempts.add(task);
            if (attempts.size() == 1) {
                throw new OutOfMemoryError("unable to create native thread (expected)");
            }
            tasks.add(task);
        });

        assertThatCode(() -> starved.offer(insert(1, "a"))).doesNotThrowAnyException();
        starved.offer(insert(2, "a"));
        run();

        assertThat(seen).extracting(ConfigChangeSet::revision).containsExactly(1L, 2L);
    }

    @Nested
    class ReadAgain {

        @Test
        void ld16WhatWasNotComparedIsToldIfItIsNewer() {
            lane.after(0, 3);
            lane.offer(insert(4, "a"));
            lane.offer(new ConfigChangeSet("", 0, 9, true, List.of(change("compared", null, 8))));
            inStore = new ConfigChangeSet(
                    "",
                    0,
                    9,
                    true,
                    List.of(
                            change("a", null, 4),
                            change("compared", null, 8),
                            change("late", null, 10),
                            change("new", null, 7),
                            change("old", null, 2)));

            lane.reload(Set.of("compared"));
            lane.reload(Set.of("compared"));
            run();

            assertThat(seen).extracting(ConfigChangeSet::revision).containsExactly(4L, 9L, 9L);
            assertThat(seen.get(2).resync()).isTrue();
            assertThat(seen.get(2).changes()).extracting(ConfigChange::key).containsExactly("new");
        }

        @Test
        void ld16OfAnotherHistoryEverythingIsNews() {
            lane.after(0, 1000);
            inStore = new ConfigChangeSet("", 1, 9, true, List.of(change("a", null, 4)));

            lane.reload(Set.of());
            lane.reload(Set.of());
            run();

            assertThat(seen).containsExactly(inStore);
        }

        @Test
        void ld16NothingIsToldTwiceWhereEverythingWasCompared() {
            lane.after(0, 3);
            inStore = new ConfigChangeSet("", 0, 9, true, List.of(change("a", null, 4)));

            lane.reload(null);
            lane.reload(Set.of());
            run();

            assertThat(seen).isEmpty();
        }
    }

    @Nested
    class Coalescing {

        @Test
        void nothingIsMergedUpToTheLimit() {
            fill(Lane.LONGEST_QUEUE);
            run();

            assertThat(seen).hasSize(Lane.LONGEST_QUEUE);
        }

        @Test
        void aboveTheLimitWaitingSetsAreMergedByKeyAndShowTheNewestState() {
            fill(Lane.LONGEST_QUEUE);
            lane.offer(changeSet(1000, change("b", null, 1000), change("k0", entry("k0", 1), 1000)));
            run();

            assertThat(coalesced.sum()).isEqualTo(Lane.LONGEST_QUEUE + 1);
            assertThat(seen).hasSize(1);
            assertThat(seen.get(0).revision()).isEqualTo(1000);
            assertThat(seen.get(0).resync()).isFalse();
            List<ConfigChange> changes = seen.get(0).changes();
            assertThat(changes).hasSize(Lane.LONGEST_QUEUE + 1);
            assertThat(changes).extracting(ConfigChange::key).isSorted();
            assertThat(changes)
                    .filteredOn(change -> change.key().equals("k0"))
                    .extracting(ConfigChange::kind, change -> change.after().revision())
                    .containsExactly(tuple(Kind.INSERT, 1000L));
        }

        @Test
        void memoryIsBoundedByTheNumberOfKeys() {
            for (int i = 1; i <= 10_000; i++) {
                lane.offer(changeSet(i, change("k" + i % 5, i <= 5 ? null : entry("k" + i % 5, i - 5), i)));
            }
            run();

            assertThat(seen).hasSizeLessThanOrEqualTo(Lane.LONGEST_QUEUE);
            assertThat(seen.get(seen.size() - 1).revision()).isEqualTo(10_000);
            assertThat(seen).extracting(ConfigChangeSet::revision).isSorted();
        }

        @Test
        void insertAndDeleteAreNothing() {
            lane.offer(insert(1, "gone"));
            lane.offer(changeSet(2, ConfigChange.between(entry("gone", 1), null)));
            fill(Lane.LONGEST_QUEUE);
            run();

            assertThat(keys()).doesNotContain("gone").hasSize(Lane.LONGEST_QUEUE);
        }

        @Test
        void insertAndDeleteAreADeleteWhereNotAllIsInMemory() {
            partial = true;
            lane.offer(insert(1, "k"));
            ConfigChange deletion = ConfigChange.between(entry("k", 1), null);
            lane.offer(changeSet(2, deletion));
            fill(Lane.LONGEST_QUEUE);
            run();

            assertThat(seen.get(0).changes()).contains(deletion);
        }

        @Test
        void nothingIsHandedOverIfNothingIsLeft() {
            lane.offer(insert(1, "k"));
            for (int i = 1; i < Lane.LONGEST_QUEUE; i++) {
                lane.offer(changeSet(i + 1, change("k", entry("k", i), i + 1)));
            }
            lane.offer(changeSet(100, ConfigChange.between(entry("k", Lane.LONGEST_QUEUE), null)));
            run();

            assertThat(seen).isEmpty();
            lane.offer(insert(1000, "k"));
            run();
            assertThat(seen).hasSize(1);
        }

        @Test
        void deleteAndInsertAreAnUpdate() {
            lane.offer(changeSet(1, ConfigChange.between(entry("k", 0), null)));
            lane.offer(insert(2, "k"));
            fill(Lane.LONGEST_QUEUE);
            run();

            assertThat(seen.get(0).changes())
                    .filteredOn(change -> change.key().equals("k"))
                    .containsExactly(new ConfigChange(Kind.UPDATE, "k", entry("k", 0), entry("k", 2)));
        }

        @Test
        void updateAndDeleteAreADeleteOfWhatWasThereFirst() {
            lane.offer(changeSet(1, change("k", entry("k", 0), 1)));
            lane.offer(changeSet(2, ConfigChange.between(entry("k", 1), null)));
            fill(Lane.LONGEST_QUEUE);
            run();

            assertThat(seen.get(0).changes())
                    .filteredOn(change -> change.key().equals("k"))
                    .containsExactly(new ConfigChange(Kind.DELETE, "k", entry("k", 0), null));
        }

        @Test
        void aDeleteOfAKeyThatWasNotInMemoryIsNotSwallowed() {
            lane.offer(insert(1, "k"));
            lane.offer(changeSet(2, new ConfigChange(Kind.DELETE, "k", null, null)));
            fill(Lane.LONGEST_QUEUE);
            run();

            assertThat(seen.get(0).changes())
                    .filteredOn(change -> change.key().equals("k"))
                    .extracting(ConfigChange::kind)
                    .containsExactly(Kind.DELETE);
        }

        @Test
        void aResyncAmongTheMergedIsSaid() {
            lane.offer(new ConfigChangeSet("", 0, 1, true, List.of(change("k", null, 1))));
            fill(Lane.LONGEST_QUEUE);
            run();

            assertThat(seen.get(0).resync()).isTrue();
        }

        private void fill(int count) {
            for (int i = 0; i < count; i++) {
                lane.offer(insert(100 + i, "k" + i));
            }
        }

        private List<String> keys() {
            return seen.stream()
                    .flatMap(changes -> changes.changes().stream())
                    .map(ConfigChange::key)
                    .toList();
        }
    }

    @Nested
    class Publishing {

        private final List<String> order = new ArrayList<>();

        @Test
        void appliersComeBeforeListeners() {
            Dispatcher dispatcher = dispatcher(changes -> order.add("applier 1"), changes -> order.add("applier 2"));
            listen(dispatcher, "", changes -> order.add("listener"), Runnable::run);

            dispatcher.accept(insert(1, "a"));

            assertThat(order).containsExactly("applier 1", "applier 2", "listener");
        }

        @Test
        void whateverAnApplierThrowsTheOthersAndTheListenersAreTold() {
            Dispatcher dispatcher = dispatcher(
                    changes -> {
                        throw new IllegalStateException("expected");
                    },
                    changes -> {
                        throw new StackOverflowError("expected");
                    },
                    changes -> LaneTest.<RuntimeException>throwUndeclared(new java.io.IOException("expected")),
                    changes -> order.add("applier"));
            listen(dispatcher, "", changes -> order.add("listener"), Runnable::run);

            assertThatCode(() -> dispatcher.accept(insert(1, "a"))).doesNotThrowAnyException();

            assertThat(order).containsExactly("applier", "listener");
            assertThat(observer.events).containsExactly("listener failed", "listener failed", "listener failed");
        }

        @Test
        void listenersOfOtherNamespacesAreNotTold() {
            Dispatcher dispatcher = dispatcher();
            listen(dispatcher, "other", changes -> order.add("listener"), Runnable::run);

            dispatcher.accept(insert(1, "a"));

            assertThat(order).isEmpty();
        }

        @Test
        void aListenerThatFailsOrLeavesDisturbsNoOther() {
            Dispatcher dispatcher = dispatcher();
            List<Subscription> first = new ArrayList<>();
            first.add(listen(
                    dispatcher,
                    "",
                    changes -> {
                        first.get(0).close();
                        throw new IllegalStateException("expected");
                    },
                    Runnable::run));
            listen(dispatcher, "", seen::add, Runnable::run);

            dispatcher.accept(insert(1, "a"));
            dispatcher.accept(insert(2, "a"));

            assertThat(seen).hasSize(2);
            assertThat(observer.events).containsExactly("listener failed");
            first.get(0).close();
        }

        @Test
        void whoLeavesAKeyDoesNotTakeTheOthersAlong() {
            Dispatcher dispatcher = dispatcher();
            ConfigFilter key = ConfigFilter.keys("a");
            Subscription first = dispatcher.add("", lane(key, changes -> order.add("first"), Runnable::run));
            dispatcher.add("", lane(key, seen::add, Runnable::run));
            first.close();

            dispatcher.accept(insert(1, "a"));

            assertThat(order).isEmpty();
            assertThat(seen).hasSize(1);
        }

        @Test
        void whatWaitsIsNotToldAfterTheSubscriptionHasEnded() {
            Dispatcher dispatcher = dispatcher();
            Subscription subscription = listen(dispatcher, "", seen::add, tasks::add);
            dispatcher.accept(insert(1, "a"));
            subscription.close();
            run();

            assertThat(seen).isEmpty();
        }

        @Test
        void aStuckListenerHoldsBackOnlyItself() {
            Dispatcher dispatcher = new Dispatcher(List.of(), observer, () -> now);
            listen(dispatcher, "", changes -> order.add("one"), tasks::add);
            listen(dispatcher, "", changes -> order.add("two"), tasks::add);

            dispatcher.accept(insert(1, "a"));
            Runnable stuck = tasks.removeFirst();
            dispatcher.accept(insert(2, "a"));
            run();

            assertThat(order).hasSize(2).containsOnly(order.get(0));
            stuck.run();
            assertThat(order).hasSize(4);
        }

        @Test
        void theLagIsThatOfWhoWaitsLongest() {
            Dispatcher dispatcher = new Dispatcher(List.of(), observer, () -> now);
            listen(dispatcher, "", seen::add, tasks::add);
            listen(dispatcher, "", seen::add, Runnable::run);
            now = 5;
            dispatcher.accept(insert(1, "a"));
            now = 12;
            dispatcher.accept(insert(2, "a"));

            assertThat(dispatcher.stats()).isEqualTo(new SubscriptionStats(2, 1, Duration.ofNanos(7), 0));
            run();
            assertThat(dispatcher.stats()).isEqualTo(new SubscriptionStats(2, 0, Duration.ZERO, 0));
        }

        @Test
        void nothingIsToldAfterClose() {
            Dispatcher dispatcher = dispatcher();
            Subscription subscription = listen(dispatcher, "", seen::add, Runnable::run);
            dispatcher.close();

            dispatcher.accept(insert(1, "a"));
            subscription.close();

            assertThat(seen).isEmpty();
        }

        @Test
        void anObserverThatThrowsDisturbsNobody() {
            Recorder second = new Recorder();
            Observers observers = new Observers(List.of(
                    new io.configmanager.ConfigObserver() {
                        @Override
                        public void reconnected() {
                            throw new IllegalStateException("expected");
                        }

                        @Override
                        public void listenerFailed() {
                            throw new StackOverflowError("expected");
                        }
                    },
                    second));

            assertThatCode(observers::reconnected).doesNotThrowAnyException();
            assertThatCode(observers::listenerFailed).doesNotThrowAnyException();

            assertThat(second.events).containsExactly("reconnected", "listener failed");
        }

        private Dispatcher dispatcher(ConfigManagerBuilder.Applier... appliers) {
            return new Dispatcher(List.of(appliers), observer, () -> now);
        }
    }

    private void run() {
        while (!tasks.isEmpty()) {
            tasks.removeFirst().run();
        }
    }

    private Lane lane(ConfigListener listener, Executor executor) {
        return lane(ConfigFilter.ALL, listener, executor);
    }

    private Lane lane(ConfigFilter filter, ConfigListener listener, Executor executor) {
        return new Lane(filter, listener, executor, observer, coalesced, () -> now, wanted -> inStore, () -> partial);
    }

    private Subscription listen(Dispatcher dispatcher, String namespace, ConfigListener listener, Executor executor) {
        return dispatcher.add(namespace, lane(ConfigFilter.ALL, listener, executor));
    }

    private static ConfigChangeSet insert(long revision, String key) {
        return changeSet(revision, change(key, null, revision));
    }

    private static ConfigChangeSet changeSet(long revision, ConfigChange... changes) {
        return new ConfigChangeSet("", 0, revision, false, List.of(changes));
    }

    private static ConfigChange change(String key, @Nullable ConfigEntry before, long revision) {
        return ConfigChange.between(before, entry(key, revision));
    }

    private static ConfigEntry entry(String key, long revision) {
        return Rows.entry(key, "1", revision);
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void throwUndeclared(Throwable failure) throws E {
        throw (E) failure;
    }
}
