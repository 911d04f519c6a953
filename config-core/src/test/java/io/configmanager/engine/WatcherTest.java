// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigValueException;
import io.configmanager.KeyState;
import io.configmanager.ManagerStateException;
import io.configmanager.Subscription;
import io.configmanager.TypeRef;
import io.configmanager.Watcher;
import io.configmanager.WatcherStateException;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Watchers of keys by the rules EV-…, and what weaknesses W-EV-… of their model must not come back. */
class WatcherTest extends OnMemoryStore {

    @Test
    void ev1AWriteCountsForEveryWatcherAndNeverWaitsForOne() throws Exception {
        connect();
        List<Watcher<KeyState<Integer>>> watchers = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            watchers.add(config.watch("a", Integer.class));
        }
        applied(put("a", "1"));
        for (Watcher<KeyState<Integer>> watcher : watchers) {
            assertThat(until(watcher, "a=1@1")).hasSizeLessThanOrEqualTo(2);
        }
    }

    @Test
    void ev2TheFirstIsTheStateOfTheWatchAndEachLaterOneIsNewer() throws Exception {
        put("a", "1");
        connect();
        Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
        assertThat(text(watcher.get())).isEqualTo("a=1@1");
        assertThat(watcher.get(Duration.ofMillis(1))).isEmpty();
        put("a", "2");
        assertThat(text(watcher.get())).isEqualTo("a=2@2");
    }

    @Test
    void ev2GetWaitsForNews() throws Exception {
        connect();
        Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
        watcher.get();
        Waiting waiting = new Waiting(watcher);
        put("a", "1");
        assertThat(waiting.result.get(5, TimeUnit.SECONDS)).isEqualTo("a=1@1");
    }

    @Test
    void ev3TheNewestIsNeverLost() throws Exception {
        connect();
        Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
        for (int i = 1; i <= 200; i++) {
            put("a", String.valueOf(i));
        }
        List<String> told = until(watcher, "a=200@200");
        assertThat(told.size()).isLessThanOrEqualTo(201);
    }

    @Test
    void ev4NeverAnOlderOneAfterANewerOne() throws Exception {
        connect();
        Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
        for (int i = 1; i <= 100; i++) {
            put("a", String.valueOf(i));
            if (i % 10 == 0) {
                memory.cutFeeds();
            }
            if (i % 25 == 0) {
                others.compact();
            }
        }
        long before = -1;
        KeyState<Integer> state;
        do {
            state = watcher.get(SOON).orElseThrow();
            assertThat(state.revision()).isGreaterThan(before);
            before = state.revision();
        } while (!state.isPresent() || state.value() != 100);
    }

    @Test
    void ev5TimeoutInterruptAndCancelLoseNothing() throws Exception {
        connect();
        Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
        watcher.get();
        assertThat(watcher.get(Duration.ofMillis(1))).isEmpty();

        Waiting interrupted = new Waiting(watcher);
        interrupted.thread.interrupt();
        assertThatThrownBy(() -> interrupted.result.get(5, TimeUnit.SECONDS))
                .hasCauseInstanceOf(InterruptedException.class);

        Waiting cancelled = new Waiting(watcher);
        watcher.cancel();
        assertThatThrownBy(() -> cancelled.result.get(5, TimeUnit.SECONDS)).isInstanceOf(CancellationException.class);

        put("a", "1");
        assertThat(text(watcher.get())).isEqualTo("a=1@1");
    }

    @Test
    void ev6AndEv27ASecondGetAtTheSameTimeFailsAtOnce() throws Exception {
        connect();
        Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
        watcher.get();
        Waiting waiting = new Waiting(watcher);
        assertThatThrownBy(watcher::get).isInstanceOf(WatcherStateException.class);
        assertThatThrownBy(watcher::poll).isInstanceOf(WatcherStateException.class);
        put("a", "1");
        assertThat(waiting.result.get(5, TimeUnit.SECONDS)).isEqualTo("a=1@1");
    }

    @Test
    void ev7FiltersAddUpAndWorkWithPrefixAndBacklog() {
        put("app/a", "1", "app/b", "2", "app/c", "30", "app/d", "40");
        connect();
        Watcher<KeyState<Integer>> watcher = config.watchPrefix("app", Integer.class)
                .filter(state -> state.value() != null && state.value() > 1)
                .filter(state -> state.value() < 40);
        assertThat(drain(watcher)).containsExactlyInAnyOrder("app/b=2@1", "app/c=30@1");
        assertThat(watcher.poll()).isEmpty();
    }

    @Test
    void ev8AndWEv3CloseMayBeRepeatedAndEveryLaterCallSaysSo() throws Exception {
        connect();
        Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
        watcher.get();
        Waiting waiting = new Waiting(watcher);
        watcher.close();
        watcher.close();
        assertThatThrownBy(() -> waiting.result.get(5, TimeUnit.SECONDS))
                .hasCauseInstanceOf(WatcherStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(watcher::get).isInstanceOf(WatcherStateException.class);
        assertThatThrownBy(watcher::poll).isInstanceOf(WatcherStateException.class);
        assertThat(manager.subscriptionStats().open()).isZero();
    }

    @Test
    void wEv3AClosedManagerIsSaidToAWaitingGetAndToEveryLaterOne() throws Exception {
        put("a", "1");
        connect();
        Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
        watcher.get();
        Watcher<KeyState<Integer>> untaken = config.watch("a", Integer.class);
        Waiting waiting = new Waiting(watcher);
        manager.close();
        assertThatThrownBy(() -> waiting.result.get(5, TimeUnit.SECONDS))
                .hasCauseInstanceOf(WatcherStateException.class)
                .hasMessageContaining("manager is closed");
        for (Watcher<KeyState<Integer>> each : List.of(watcher, untaken)) {
            assertThatThrownBy(each::poll).hasMessageContaining("manager is closed");
            assertThatThrownBy(each::get).hasMessageContaining("manager is closed");
            assertThatThrownBy(() -> each.get(Duration.ZERO)).hasMessageContaining("manager is closed");
            each.close();
        }
        assertThatThrownBy(() -> config.watch("a", Integer.class)).isInstanceOf(ManagerStateException.class);
    }

    @Test
    void ev9AClosedWatcherLeavesNothingBehind() {
        connect();
        for (int i = 0; i < 1_000; i++) {
            config.watch("a", Integer.class).close();
        }
        assertThat(((DefaultConfigManager) manager).dispatcher.isEmpty())
                .as("no table either")
                .isTrue();
    }

    @Test
    void ev9AndWEv3AForgottenWatcherIsNotHeld() {
        connect();
        for (int i = 0; i < 100; i++) {
            config.watch("a", Integer.class);
            config.watchPrefix("app", Integer.class).filter(state -> true);
        }
        Watcher<KeyState<Integer>> kept = config.watch("a", Integer.class);
        await().atMost(SOON).until(() -> {
            System.gc();
            return manager.subscriptionStats().open() == 1;
        });
        applied(put("a", "1"));
        assertThat(drain(kept)).isNotEmpty();
        kept.close();
        assertThat(((DefaultConfigManager) manager).dispatcher.isEmpty())
                .as("no table either")
                .isTrue();
    }

    @Test
    void ev9WhoHoldsOnlyAFilteredFormHoldsTheWatcher() throws Exception {
        connect();
        WeakReference<Object> garbage = new WeakReference<>(new Object());
        Watcher<KeyState<Integer>> filtered = config.watch("a", Integer.class).filter(KeyState::isPresent);
        await().atMost(SOON).until(() -> {
            System.gc();
            return garbage.get() == null;
        });
        put("a", "1");
        assertThat(text(filtered.get())).isEqualTo("a=1@1");
    }

    @Test
    void ev10PipesToAQueueAndToAConsumer() throws Exception {
        put("a", "1");
        connect();
        BlockingQueue<KeyState<Integer>> queue = new LinkedBlockingQueue<>();
        AtomicReference<String> last = new AtomicReference<>();
        Subscription toQueue = config.watch("a", Integer.class).pipe(queue, Runnable::run);
        Subscription toConsumer = config.watch("a", Integer.class).pipe(state -> last.set(text(state)), Runnable::run);
        assertThat(text(queue.poll(5, TimeUnit.SECONDS))).isEqualTo("a=1@1");
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        put("a", "2");
        assertThat(text(queue.poll(5, TimeUnit.SECONDS)))
                .as("a pipe is held, who made it need not")
                .isEqualTo("a=2@2");
        await().atMost(SOON).until(() -> "a=2@2".equals(last.get()));
        toQueue.close();
        toConsumer.close();
        assertThat(manager.subscriptionStats().open()).isZero();
    }

    @Test
    void ev20AValueThatCannotBeReadIsThrownOnceAndTheWatcherGoesOn() throws Exception {
        put("a", "\"text\"", "b", "1");
        connect();
        Watcher<KeyState<Integer>> watcher = config.watch(ConfigFilter.ALL, TypeRef.of(Integer.class));
        List<String> told = new ArrayList<>();
        int thrown = 0;
        for (int i = 0; i < 3; i++) {
            try {
                watcher.poll().ifPresent(state -> told.add(text(state)));
            } catch (ConfigValueException e) {
                thrown++;
                assertThat(e).hasMessageContaining("a").hasMessageNotContaining("text");
            }
        }
        assertThat(thrown).isOne();
        assertThat(told).containsExactly("b=1@1");
        put("a", "2");
        assertThat(text(watcher.get())).isEqualTo("a=2@2");
    }

    @Test
    void ev21WhatIsWrittenWhileTheWatchBeginsIsNotMissed() throws Exception {
        connect();
        for (int i = 1; i <= 50; i++) {
            put("a", String.valueOf(i));
            Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
            until(watcher, "a=" + i + "@" + i);
            watcher.close();
        }
    }

    @Test
    void ev22EachKeyOfAPrefixIsReturnedOnceWithItsNewest() throws Exception {
        connect();
        Watcher<KeyState<Integer>> watcher = config.watchPrefix("app", Integer.class);
        assertThat(watcher.poll()).isEmpty();
        put("app/b", "1");
        put("app/a", "2");
        put("other", "2");
        applied(put("app/b", "4"));
        awaitTold(4);
        assertThat(drain(watcher)).containsExactly("app/b=4@4", "app/a=2@2");
    }

    @Test
    void ev23EqualContentIsNotReturnedTwiceInARow() {
        put("a", "1");
        connect();
        Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
        assertThat(drain(watcher)).containsExactly("a=1@1");
        awaitTold(put("a", "1"));
        assertThat(watcher.poll()).isEmpty();
    }

    @Test
    void ev24AndWEv4ADeletionIsToldApartFromWhatNeverWas() throws Exception {
        put("a", "1");
        connect();
        Watcher<KeyState<Integer>> existing = config.watch("a", Integer.class);
        assertThat(text(existing.get())).isEqualTo("a=1@1");
        delete("a");
        assertThat(text(existing.get())).isEqualTo("a DELETED@2");
        Watcher<KeyState<Integer>> late = config.watch("a", Integer.class);
        assertThat(text(late.get())).isEqualTo("a ABSENT@2");
        assertThat(late.poll()).isEmpty();
    }

    @Test
    void ev25ALostConnectionIsNoNews() throws Exception {
        put("a", "1");
        connect();
        Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
        watcher.get();
        outage();
        assertThat(watcher.poll()).isEmpty();
        put("a", "2");
        recover();
        assertThat(text(watcher.get())).isEqualTo("a=2@2");
        awaitTold(put("sentinel", "1"));
        assertThat(watcher.poll()).isEmpty();
    }

    @Test
    void ev25AndWEv1AResyncTellsWhatChangedAndWhatIsGoneAndNothingElse() {
        put("app/changed", "1", "app/gone", "1", "app/same", "1");
        connect();
        Watcher<KeyState<Integer>> watcher = config.watchPrefix("app", Integer.class);
        assertThat(drain(watcher)).hasSize(3);
        duringAGap(() -> {
            put("app/changed", "2", "app/new", "2");
            delete("app/gone");
        });
        assertThat(drain(watcher)).containsExactlyInAnyOrder("app/changed=2@3", "app/gone DELETED@3", "app/new=2@3");
    }

    @Test
    void ev25AReplacedHistoryIsToldWithItsLowerRevisions() throws Exception {
        for (int i = 1; i <= 9; i++) {
            put("a", String.valueOf(i));
        }
        connect();
        Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
        assertThat(text(watcher.get())).isEqualTo("a=9@9");
        restore("a", "5");
        KeyState<Integer> state = watcher.get();
        assertThat(text(state)).isEqualTo("a=5@1");
        assertThat(state.epoch()).isEqualTo(1);
    }

    @Test
    void ev26ThePolledBacklogIsEverythingThatIsKnownAndThenEmpty() {
        String[] all = new String[200];
        for (int i = 0; i < 100; i++) {
            all[2 * i] = "app/k" + i;
            all[2 * i + 1] = String.valueOf(i);
        }
        put(all);
        connect();
        Watcher<KeyState<Integer>> watcher = config.watchPrefix("app", Integer.class);
        TreeMap<String, Integer> mirror = new TreeMap<>();
        for (Optional<KeyState<Integer>> next = watcher.poll(); next.isPresent(); next = watcher.poll()) {
            mirror.put(next.get().key(), next.get().value());
        }
        assertThat(mirror).hasSize(100).containsEntry("app/k42", 42);
        assertThat(config.watchPrefix("nothing", Integer.class).poll())
                .as("an empty backlog is complete, too")
                .isEmpty();
    }

    @Test
    void wEv2HowTheWatchFaresIsKnown() {
        connect();
        outage();
        assertThat(manager.watchStatus().connected()).isFalse();
        assertThat(manager.watchStatus().staleness()).isNotNull();
        recover();
    }

    @Test
    void wEv5AStateCarriesItsRevisionAndEntry() throws Exception {
        put("b", "1");
        put("a", "1");
        connect();
        KeyState<Integer> state = config.watch("a", Integer.class).get();
        assertThat(state.revision()).isEqualTo(2);
        assertThat(state.entry().version()).isEqualTo(1);
        assertThat(state.toOptional()).contains(1);
        assertThat(state.toString()).doesNotContain("=1,");
    }

    @Test
    void ev3KeysOfANamespaceOnDemandAreFollowed() throws Exception {
        put("app/a", "1", "app/b", "1", "app/c", "1", "app/d", "1");
        connect(builder().preload("").maximumEntries(2));
        Watcher<KeyState<Integer>> prefix = config.watchPrefix("app", Integer.class);
        Watcher<KeyState<Integer>> key = config.watch("app/a", Integer.class);
        Watcher<KeyState<Integer>> absent = config.watch("app/e", Integer.class);
        assertThat(drain(prefix)).containsExactlyInAnyOrder("app/a=1@1", "app/b=1@1", "app/c=1@1", "app/d=1@1");
        assertThat(text(key.get())).isEqualTo("app/a=1@1");
        assertThat(text(absent.get())).isEqualTo("app/e ABSENT@1");
        put("app/a", "2", "app/e", "2", "app/b", null);
        assertThat(text(key.get())).isEqualTo("app/a=2@2");
        assertThat(text(absent.get())).isEqualTo("app/e=2@2");
        awaitTold(put("sentinel", "1"));
        assertThat(drain(prefix)).containsExactlyInAnyOrder("app/a=2@2", "app/b DELETED@2", "app/e=2@2");
    }

    @Test
    void wEv1AResyncOfANamespaceOnDemandIsToldWhole() {
        put("app/a", "1", "app/b", "1", "app/c", "1", "app/d", "1");
        connect(builder().preload("").maximumEntries(2));
        Watcher<KeyState<Integer>> prefix = config.watchPrefix("app", Integer.class);
        Watcher<KeyState<Integer>> key = config.watch("app/a", Integer.class);
        assertThat(drain(prefix)).hasSize(4);
        assertThat(drain(key)).hasSize(1);
        duringAGap(() -> put("app/a", "2", "app/b", null, "app/e", "2"));
        awaitTold(put("sentinel", "1"));
        assertThat(drain(key)).containsExactly("app/a=2@2");
        assertThat(drain(prefix)).containsExactlyInAnyOrder("app/a=2@2", "app/b DELETED@2", "app/e=2@2");
    }

    /** All but deletions of keys that are not in memory: of those nothing tells any more. */
    @Test
    void ld16AResyncOfANamespaceOnDemandTellsListenersOfKeysThatAreNotInMemory() {
        put("app/a", "1", "app/b", "1", "app/c", "1", "app/d", "1");
        connect(builder().preload("").maximumEntries(2));
        BlockingQueue<ConfigChangeSet> told = new LinkedBlockingQueue<>();
        config.listen(ConfigFilter.prefix("app"), told::add);
        assertThat(config.get("app/a", Integer.class)).isOne();
        duringAGap(() -> put("app/a", null, "app/b", "2", "app/c", null, "app/e", "2", "other", "2"));
        put("app/last", "3");
        await().atMost(SOON).until(() -> told.stream().anyMatch(changes -> changes.revision() == 3));
        assertThat(told.stream()
                        .flatMap(changes -> changes.changes().stream()
                                .map(change -> changes.resync() + " " + change.kind() + " " + change.key() + "@"
                                        + changes.revision())))
                .containsExactly(
                        "true DELETE app/a@2", "true INSERT app/b@2", "true INSERT app/e@2", "false INSERT app/last@3");
    }

    /** Until what was applied was told, too. */
    private void awaitTold(long revision) {
        applied(revision);
        long sentinel = put("told", String.valueOf(revision + 1));
        Watcher<KeyState<Integer>> watcher = config.watch("told", Integer.class);
        await().atMost(SOON).until(() -> {
            Optional<KeyState<Integer>> state = watcher.poll();
            return state.isPresent() && state.get().revision() >= sentinel;
        });
        watcher.close();
    }

    private static List<String> until(Watcher<KeyState<Integer>> watcher, String last) throws InterruptedException {
        List<String> told = new ArrayList<>();
        do {
            told.add(text(watcher.get(SOON).orElseThrow()));
        } while (!told.get(told.size() - 1).equals(last));
        return told;
    }

    private static List<String> drain(Watcher<KeyState<Integer>> watcher) {
        List<String> told = new ArrayList<>();
        for (Optional<KeyState<Integer>> next = watcher.poll(); next.isPresent(); next = watcher.poll()) {
            told.add(text(next.get()));
        }
        return told;
    }

    private static String text(KeyState<?> state) {
        return state.key() + (state.isPresent() ? "=" + state.value() : " " + state.kind()) + "@" + state.revision();
    }

    /** A thread in get(). */
    private static final class Waiting {

        final CompletableFuture<String> result = new CompletableFuture<>();
        final Thread thread;

        Waiting(Watcher<KeyState<Integer>> watcher) {
            thread = new Thread(() -> {
                try {
                    result.complete(text(watcher.get()));
                } catch (Throwable e) {
                    result.completeExceptionally(e);
                }
            });
            thread.setDaemon(true);
            thread.start();
            await().atMost(SOON)
                    .until(() -> thread.getState() == Thread.State.WAITING
                            || thread.getState() == Thread.State.TIMED_WAITING);
        }
    }
}
