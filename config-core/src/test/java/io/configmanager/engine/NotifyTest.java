// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigEvent;
import io.configmanager.ConfigEvent.Kind;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigObserver;
import io.configmanager.ConfigValueException;
import io.configmanager.InvalidConfigException;
import io.configmanager.KeyState;
import io.configmanager.ManagerStateException;
import io.configmanager.StoreException;
import io.configmanager.Subscription;
import io.configmanager.codec.JsonCodec;
import io.configmanager.store.Feed;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Notifications by the rules CN-…, and what weaknesses W-CN-… of their model must not come back. */
class NotifyTest extends OnMemoryStore {

    private final BlockingQueue<ConfigEvent<Integer>> queue = new LinkedBlockingQueue<>();

    @Test
    void cn1ReturnsAtOnceAndTellsUntilClosed() throws Exception {
        connect();
        Subscription subscription = subscribe("a");
        assertNext("id CHANGED a ABSENT@0");
        put("a", "1");
        assertNext("id CHANGED a=1@1");
        subscription.close();
        assertNothingMore();
    }

    @Test
    void cn1AConsumerInsteadOfAQueueIsCalledOneAtATimeAndMayThrow() throws Exception {
        AtomicInteger failures = new AtomicInteger();
        connect(builder().preload("").observer(new ConfigObserver() {
            @Override
            public void listenerFailed() {
                failures.incrementAndGet();
            }
        }));
        AtomicInteger inside = new AtomicInteger();
        Subscription subscription = config.notify(ConfigFilter.keys("a"), Integer.class, "id", event -> {
            assertThat(inside.incrementAndGet()).isOne();
            inside.decrementAndGet();
            queue.add(event);
            throw new StackOverflowError("expected");
        });
        assertNext("id CHANGED a ABSENT@0");
        put("a", "1");
        assertNext("id CHANGED a=1@1");
        await().atMost(SOON).until(() -> failures.get() == 2);
        subscription.close();
        assertThat(manager.subscriptionStats().open()).isZero();
    }

    @Test
    void cn2WhatCanNeverWorkFailsInTheCall() {
        connect();
        assertThatThrownBy(() -> subscribe("not//a key")).isInstanceOf(InvalidConfigException.class);
        manager.close();
        assertThatThrownBy(() -> subscribe("a"))
                .isInstanceOf(ManagerStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void cn3AnEventSaysWhatItIsFromWhereHowOldAndAtWhichRevision() throws Exception {
        put("a", "1");
        connect();
        subscribe("a");
        ConfigEvent<Integer> event = next();
        assertThat(event.correlationId()).isEqualTo("id");
        assertThat(event.result().value()).isEqualTo(1);
        assertThat(event.result().entry().version()).isEqualTo(1);
        assertThat(event.fromCache()).isTrue();
        assertThat(event.age()).isNotNull().isLessThan(Duration.ofMinutes(1));
        assertThat(event.revision()).isEqualTo(1);
        assertThat(event.error()).isNull();
        put("a", "2");
        assertThat(next().fromCache()).as("the store has just told it").isFalse();
    }

    @Test
    void cn3ResultAndErrorMayBothBeThere() throws Exception {
        put("a", "1");
        connect();
        subscribe("a");
        assertNext("id CHANGED a=1@1");
        put("a", "\"text\"");
        ConfigEvent<Integer> event = next();
        assertThat(event.error()).isInstanceOf(ConfigValueException.class);
        assertThat(event.error().getMessage()).doesNotContain("text");
        assertThat(event.result().value()).as("the last good one").isEqualTo(1);
        put("a", "3");
        assertNext("id CHANGED a=3@3");
    }

    @Test
    void cn4TheCurrentStateComesFirstAndNothingFallsBetweenItAndTheWatch() throws Exception {
        put("app/a", "1", "app/b", "1", "other", "1");
        connect();
        config.notify(ConfigFilter.prefix("app"), Integer.class, "id", queue);
        assertThat(List.of(text(next()), text(next())))
                .containsExactlyInAnyOrder("id CHANGED app/a=1@1", "id CHANGED app/b=1@1");
        put("app/b", null, "app/c", "2");
        assertThat(List.of(text(next()), text(next())))
                .containsExactly("id CHANGED app/b DELETED@2", "id CHANGED app/c=2@2");
    }

    @Test
    void cn5OnlyNewerNewsIsToldAndEqualContentNotAtAll() throws Exception {
        put("a", "1");
        connect();
        subscribe("a");
        assertNext("id CHANGED a=1@1");
        put("a", "1");
        put("a", "3");
        assertNext("id CHANGED a=3@3");
        assertNothingMore();
    }

    @Test
    void cn6AFailureIsToldOnceAlthoughTheValueDidNotMove() throws Exception {
        put("a", "1");
        connect();
        subscribe("a");
        assertNext("id CHANGED a=1@1");
        outage();
        await().atMost(SOON).until(() -> manager.watchStatus().consecutiveFailures() > 3);
        ConfigEvent<Integer> event = next();
        assertThat(text(event)).isEqualTo("id FAILED a=1@1");
        assertThat(event.error()).isInstanceOf(StoreException.class);
        assertThat(event.fromCache()).isTrue();
        assertThat(queue).as("told once").isEmpty();
    }

    @Test
    void wCn4RecoveryIsToldAlthoughTheValueDidNotChange() throws Exception {
        put("a", "1");
        connect();
        subscribe("a");
        next();
        outage();
        assertNext("id FAILED a=1@1");
        recover();
        ConfigEvent<Integer> event = next();
        assertThat(text(event)).isEqualTo("id RECOVERED a=1@1");
        assertThat(event.error()).isNull();
        assertNothingMore();
    }

    @Test
    void cn6WhatHadChangedMeanwhileIsToldBeforeTheRecovery() throws Exception {
        connect();
        subscribe("a");
        next();
        outage();
        assertNext("id FAILED a ABSENT@0");
        put("a", "1");
        put("a", "2");
        recover();
        assertThat(next().kind()).isEqualTo(Kind.CHANGED);
        await().atMost(SOON).until(() -> queue.stream().anyMatch(event -> event.kind() == Kind.RECOVERED));
        List<ConfigEvent<Integer>> rest = new ArrayList<>();
        queue.drainTo(rest);
        assertThat(rest.get(rest.size() - 1).result().value()).isEqualTo(2);
        assertThat(rest.get(rest.size() - 1).kind()).isEqualTo(Kind.RECOVERED);
    }

    @Test
    void cn5ASubscriptionMadeDuringAnOutageIsToldAtOnceAndOfTheRecoveryToo() throws Exception {
        put("a", "1");
        connect();
        outage();
        subscribe("a");
        assertNext("id FAILED null");
        assertNext("id CHANGED a=1@1");
        recover();
        assertNext("id RECOVERED a=1@1");
    }

    @Test
    void cn5OnDemandASubscriptionMadeDuringAnOutageIsToldOfItThenWhatThereIsThenOfTheRecovery() throws Exception {
        put("a", "1", "b", "1", "c", "1");
        connect(builder().preload("").maximumEntries(1));
        outage();
        subscribe("a");
        ConfigEvent<Integer> failed = next();
        assertThat(text(failed)).isEqualTo("id FAILED null");
        assertThat(failed.error()).isInstanceOf(StoreException.class);
        put("a", "2");
        recover();
        ConfigEvent<Integer> event = next();
        assertThat(event.kind()).isEqualTo(Kind.CHANGED);
        assertThat(event.fromCache()).isFalse();
        if (event.result().value() == 1) {
            event = next();
        }
        assertThat(text(event)).isEqualTo("id CHANGED a=2@2");
        assertNext("id RECOVERED a=2@2");
        put("a", "3");
        assertNext("id CHANGED a=3@3");
        assertNothingMore();
    }

    @Test
    void cn5OnDemandAFailedReadIsToldAlthoughTheWatchHasNotNoticed() throws Exception {
        put("a", "1", "b", "1", "c", "1");
        connect(builder().preload("").maximumEntries(1));
        AtomicInteger reads = new AtomicInteger();
        store.beforeAnswer = call -> {
            if (call.equals("list") && reads.incrementAndGet() <= 2) {
                throw new StoreException("expected", true, null);
            }
        };
        subscribe("a");
        assertNext("id FAILED null");
        assertNext("id CHANGED a=1@1");
        assertNext("id RECOVERED a=1@1");
        assertThat(reads).as("in the call, and twice later").hasValue(3);
        assertThat(manager.watchStatus().consecutiveFailures()).isZero();
    }

    @Test
    void cn5ANamespaceThatCouldNotBeLoadedIsToldWhenItIs() throws Exception {
        put("a", "1");
        connect(builder());
        outage();
        subscribe("a");
        assertNext("id FAILED null");
        recover();
        assertNext("id CHANGED a=1@1");
        assertNext("id RECOVERED a=1@1");
    }

    @Test
    void cn14OnDemandASubscriptionClosedDuringTheOutageIsToldNothingMore() throws Exception {
        put("a", "1", "b", "1", "c", "1");
        connect(builder().preload("").maximumEntries(1));
        outage();
        Subscription subscription = subscribe("a");
        assertNext("id FAILED null");
        subscription.close();
        assertThat(manager.subscriptionStats().open()).isZero();
        recover();
        assertNothingMore();
    }

    @Test
    void cn7AConsumerThatIsStuckInsideAnEventIsBehindUntilItIsDone() throws Exception {
        connect();
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        config.notify(ConfigFilter.keys("a"), Integer.class, "id", (ConfigEvent<Integer> event) -> {
            entered.countDown();
            try {
                end.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        entered.await();
        assertThat(manager.subscriptionStats().behind()).isOne();
        assertThat(manager.subscriptionStats().lag()).isPositive();
        end.countDown();
        await().atMost(SOON).until(() -> manager.subscriptionStats().behind() == 0);
    }

    @Test
    void cn7AFullQueueLosesNothingAndGetsTheNewestStateThen() throws Exception {
        put("a", "1");
        connect();
        BlockingQueue<ConfigEvent<Integer>> full = new ArrayBlockingQueue<>(1);
        config.notify(ConfigFilter.keys("a"), Integer.class, "id", full);
        await().atMost(SOON).until(() -> !full.isEmpty());
        long last = 0;
        for (int i = 2; i <= 50; i++) {
            last = put("a", String.valueOf(i));
        }
        applied(last);
        await().atMost(SOON).until(() -> manager.subscriptionStats().behind() == 1);
        assertThat(text(full.take())).isEqualTo("id CHANGED a=1@1");
        ConfigEvent<Integer> event = full.poll(5, TimeUnit.SECONDS);
        while (event.result().value() < 50) {
            event = full.poll(5, TimeUnit.SECONDS);
        }
        assertThat(event.result().value()).isEqualTo(50);
    }

    @Test
    void wCn7CollapsedStatesAreCounted() {
        EventQueue events = new EventQueue(1);
        events.start(Rows.entry("a", "1", 1));
        for (int i = 2; i <= 6; i++) {
            events.change(Rows.entry("a", String.valueOf(i), i));
        }
        assertThat(events.take().result().collapsed()).isZero();
        events.retry();
        KeyState<String> state = events.take().result();
        assertThat(state.value()).isEqualTo("6");
        assertThat(state.collapsed()).as("2, 3, 4 and 5").isEqualTo(4);
    }

    @Test
    void cn6AFailureTellsTheLastStateThatWasToldAndNotOneThatTheQueueRefused() {
        EventQueue events = new EventQueue(1);
        events.start(Rows.entry("a", "1", 1));
        events.change(Rows.entry("a", "2", 2));
        events.dispatcher.failed(new StoreException("expected", true, null));
        assertThat(events.take().result().value()).isEqualTo("1");
        events.retry();
        ConfigEvent<String> failed = events.take();
        assertThat(failed.kind()).isEqualTo(Kind.FAILED);
        assertThat(failed.result().value()).isEqualTo("1");
        assertThat(failed.error()).hasMessage("expected");
        events.retry();
        assertThat(events.take().result().value()).isEqualTo("2");
    }

    @Test
    void cn6AFailureTellsNoStateIfTheQueueHasRefusedTheFirst() {
        EventQueue events = new EventQueue(1);
        events.events.add(new ConfigEvent<>("of another", Kind.RECOVERED, null, null, false, null, 0, 0));
        events.start(Rows.entry("a", "1", 1));
        events.dispatcher.failed(new IllegalStateException("expected"));
        events.take();

        events.retry();
        ConfigEvent<String> failed = events.take();
        assertThat(failed.kind()).isEqualTo(Kind.FAILED);
        assertThat(failed.result()).isNull();
        assertThat(failed.error()).isInstanceOf(StoreException.class).hasMessageContaining("expected");
        events.retry();
        assertThat(events.take().result().value()).isEqualTo("1");
    }

    @Test
    void cn8SuccessResetsTheFailuresOnlyAfterAStablePeriod() {
        FakeTime time = new FakeTime();
        StatusTracker status = new StatusTracker(time::instant, time::nanoTime, Duration.ofSeconds(2));
        status.starting();
        status.failed(new StoreException("expected", true, null));
        Feed.Batch batch = new Feed.Batch(List.of(), Rows.position(1), Duration.ZERO, FakeTime.START, true, 0);
        status.caughtUp(batch, time.nanoTime());
        assertThat(status.failures()).isOne();
        time.pass(Duration.ofSeconds(2));
        status.caughtUp(batch, time.nanoTime());
        assertThat(status.failures()).isZero();
    }

    @Test
    void cn9AStoreAtRevisionZeroCausesNoBusyLoop() throws Exception {
        connect();
        subscribe("a");
        assertNext("id CHANGED a ABSENT@0");
        int snapshots = store.snapshots.get();
        assertNothingMore();
        assertThat(store.snapshots).hasValue(snapshots);
        assertThat(store.gets).hasValue(0);
    }

    @Test
    void cn10TheFirstFailureIsNotRetriedAtOnceAndTheWaitIsBounded() {
        Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(30));
        for (double point : new double[] {0, 0.5, 0.999}) {
            FixedRandom random = new FixedRandom(point);
            assertThat(backoff.delay(1, random)).isBetween(Duration.ofMillis(50), Duration.ofMillis(150));
            assertThat(backoff.delay(1_000_000, random)).isBetween(Duration.ofSeconds(15), Duration.ofSeconds(45));
        }
    }

    @Test
    void cn11EqualContentOfAnotherVersionIsNoNews() throws Exception {
        put("a", "1");
        connect();
        subscribe("a");
        next();
        put("a", "1");
        put("a", null);
        put("a", "1");
        put("a", "5");
        List<String> told = new ArrayList<>();
        for (ConfigEvent<Integer> event = next(); ; event = next()) {
            told.add(event.result().kind() + " " + event.result().value());
            if (event.result().isPresent() && event.result().value() == 5) {
                break;
            }
        }
        assertThat(told).doesNotHaveDuplicates().endsWith("PRESENT 5");
    }

    @Test
    void cn12SubscriptionsOfAKeyShareOneReadAndTheSecondIsServedFromMemory() throws Exception {
        put("a", "1");
        connect(builder());
        subscribe("a");
        assertThat(next().fromCache()).as("read for this").isFalse();
        int snapshots = store.snapshots.get();
        for (int i = 0; i < 10; i++) {
            subscribe("a");
            assertThat(next().fromCache()).isTrue();
        }
        assertThat(store.snapshots).hasValue(snapshots);
        assertThat(store.gets).hasValue(0);
    }

    @Test
    void cn13AQueueIsSharedAndTheCorrelationIdTellsWhose() throws Exception {
        put("a", "1", "b", "1");
        connect();
        config.notify(ConfigFilter.keys("a"), Integer.class, "first", queue);
        assertNext("first CHANGED a=1@1");
        config.notify(ConfigFilter.keys("b"), Integer.class, "second", queue);
        assertNext("second CHANGED b=1@1");
        put("b", "2");
        assertNext("second CHANGED b=2@2");
        put("a", "3");
        assertNext("first CHANGED a=3@3");
    }

    @Test
    void wCn5AFullQueueHoldsBackOnlyItsOwnSubscriptions() throws Exception {
        put("a", "1", "b", "1");
        connect(builder().preload("").listenerExecutor(Runnable::run));
        BlockingQueue<ConfigEvent<Integer>> full = new ArrayBlockingQueue<>(1);
        config.notify(ConfigFilter.keys("a"), Integer.class, "a", full);
        config.notify(ConfigFilter.keys("b"), Integer.class, "b", full);
        config.notify(ConfigFilter.keys("a"), Integer.class, "nobody", new SynchronousQueue<ConfigEvent<Integer>>());
        subscribe("a");
        next();
        put("a", "2");
        assertNext("id CHANGED a=2@2");
        assertThat(text(full.take())).isEqualTo("a CHANGED a=1@1");
        List<String> both = List.of(text(full.poll(5, TimeUnit.SECONDS)), text(full.poll(5, TimeUnit.SECONDS)));
        assertThat(both).containsExactlyInAnyOrder("a CHANGED a=2@2", "b CHANGED b=1@1");
    }

    @Test
    void wCn5AQueueWithoutRoomIsServedWhileSomebodyWaits() throws Exception {
        put("a", "1");
        connect();
        SynchronousQueue<ConfigEvent<Integer>> handOver = new SynchronousQueue<>();
        config.notify(ConfigFilter.keys("a"), Integer.class, "id", handOver);
        assertThat(text(handOver.poll(5, TimeUnit.SECONDS))).isEqualTo("id CHANGED a=1@1");
    }

    @Test
    void wCn5AConsumerThatIsStuckHoldsBackOnlyItself() throws Exception {
        connect();
        CountDownLatch stuck = new CountDownLatch(1);
        config.notify(ConfigFilter.keys("a"), Integer.class, "stuck", (ConfigEvent<Integer> event) -> {
            try {
                stuck.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        subscribe("a");
        next();
        put("a", "1");
        assertNext("id CHANGED a=1@1");
        stuck.countDown();
    }

    @Test
    void cn14CloseEndsItAndLeavesTheQueueToItsOwner() throws Exception {
        connect();
        Subscription subscription = subscribe("a");
        next();
        subscription.close();
        subscription.close();
        assertThat(manager.subscriptionStats().open()).isZero();
        assertNothingMore();
        config.notify(ConfigFilter.keys("b"), Integer.class, "next", queue);
        assertNext("next CHANGED b ABSENT@1");
    }

    @Test
    void wCn1CloseEndsItAtOnceWhileTheWatchWaits() {
        connect(builder().preload("").pollTimeout(Duration.ofMinutes(5)));
        List<Subscription> all = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            all.add(subscribe("a"));
        }
        assertThat(manager.subscriptionStats().open()).isEqualTo(100);
        long start = System.nanoTime();
        all.forEach(Subscription::close);
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(1));
        assertThat(manager.subscriptionStats().open()).isZero();
    }

    @Test
    void wCn2AQueueThatThrowsEndsItsSubscriptionAndNothingElse() throws Exception {
        connect();
        BlockingQueue<ConfigEvent<Integer>> broken = new LinkedBlockingQueue<>() {
            private static final long serialVersionUID = 1L;

            @Override
            public boolean offer(ConfigEvent<Integer> event) {
                throw new IllegalStateException("expected");
            }
        };
        config.notify(ConfigFilter.keys("a"), Integer.class, "broken", broken);
        await().atMost(SOON).until(() -> manager.subscriptionStats().open() == 0);
        subscribe("a");
        next();
        put("a", "1");
        assertNext("id CHANGED a=1@1");
    }

    @Test
    void wCn6AReplacedHistoryWithLowerRevisionsIsTold() throws Exception {
        for (int i = 1; i <= 9; i++) {
            put("a", String.valueOf(i), "b", "1");
        }
        connect();
        config.notify(ConfigFilter.keys("a", "b"), Integer.class, "id", queue);
        next();
        next();
        restore("a", "77");
        List<String> told = new ArrayList<>();
        for (ConfigEvent<Integer> event = next(); event.kind() != Kind.RECOVERED; event = next()) {
            if (event.kind() == Kind.CHANGED) {
                assertThat(event.epoch()).isEqualTo(1);
                told.add(text(event));
            }
        }
        assertThat(told).containsExactlyInAnyOrder("id CHANGED a=77@1", "id CHANGED b DELETED@1");
    }

    @Test
    void wCn6AnEventWithoutAChangeSaysInWhichHistoryItsRevisionCounts() throws Exception {
        for (int i = 1; i <= 9; i++) {
            put("a", "1");
        }
        connect();
        subscribe("a");
        assertThat(next().revision()).isEqualTo(9);
        restore("sentinel", "1");
        put("a", "1");
        ConfigEvent<Integer> event = next();
        while (event.kind() != Kind.RECOVERED) {
            event = next();
        }
        assertThat(event.revision()).isLessThan(9);
        assertThat(event.epoch()).isEqualTo(1);
    }

    @Test
    void aSubscriptionMadeWhileTheWatchRecoversIsNotLeftInFailure() {
        Dispatcher dispatcher = new Dispatcher(List.of(), new ConfigObserver() {}, () -> 0);
        dispatcher.failed(new StoreException("expected", true, null));
        List<String> told = new ArrayList<>();
        dispatcher.add("", new ToldHowItFares(told) {
            @Override
            public void failed(Throwable failure) {
                if (told.isEmpty()) {
                    // The watch thread, just before this one gets here.
                    dispatcher.live();
                }
                super.failed(failure);
            }
        });
        assertThat(told).last().isEqualTo("recovered");
    }

    @Test
    void aSubscriptionMadeWhileTheManagerClosesIsNotHeld() {
        Dispatcher dispatcher = new Dispatcher(List.of(), new ConfigObserver() {}, () -> 0);
        dispatcher.close();
        List<String> told = new ArrayList<>();
        Subscription subscription = dispatcher.add("", new ToldHowItFares(told));
        assertThat(told).containsExactly("closed The manager is closed");
        assertThat(dispatcher.stats().open()).isZero();
        subscription.close();
    }

    @Test
    void nothingComesAfterTheManagerIsClosed() throws Exception {
        connect();
        subscribe("a");
        next();
        manager.close();
        put("a", "1");
        assertThat(queue).isEmpty();
        assertThat(manager.subscriptionStats().open()).isZero();
    }

    private static class ToldHowItFares implements Subscriber {

        private final List<String> told;

        ToldHowItFares(List<String> told) {
            this.told = told;
        }

        @Override
        public ConfigFilter filter() {
            return ConfigFilter.ALL;
        }

        @Override
        public void offer(ConfigChangeSet changes) {}

        @Override
        public void failed(Throwable failure) {
            told.add("failed");
        }

        @Override
        public void recovered() {
            told.add("recovered");
        }

        @Override
        public Long waitingSince() {
            return null;
        }

        @Override
        public void close(String reason) {
            told.add("closed " + reason);
        }
    }

    /** A queue of bounded size behind a dispatcher; everything on the thread of the test, retries when it says so. */
    private static final class EventQueue {

        final Dispatcher dispatcher = new Dispatcher(List.of(), new ConfigObserver() {}, () -> 0);
        private final BlockingQueue<ConfigEvent<String>> events;
        private final Backlog backlog = new Backlog(ConfigFilter.keys("a"), true, true, () -> 0, all -> {});
        private EventWatcher<String> watcher;

        EventQueue(int capacity) {
            events = new ArrayBlockingQueue<>(capacity);
        }

        void start(ConfigEntry entry) {
            Subscription subscription = dispatcher.add("", backlog);
            backlog.start(List.of(entry), 0, entry.revision());
            Reconciler reconciler =
                    new Reconciler(new Codecs(new JsonCodec(), List.of(), 100), 10, new ConfigObserver() {});
            FakeTime time = new FakeTime();
            StatusTracker status = new StatusTracker(time::instant, time::nanoTime, Duration.ofSeconds(1));
            watcher = new EventWatcher<>(
                    "id", backlog, ConfigEntry::value, () -> status.status(0), reconciler::ticket, true, subscription);
            watcher.onReady(this::retry);
        }

        void change(ConfigEntry entry) {
            dispatcher.accept(
                    new ConfigChangeSet("", 0, entry.revision(), false, List.of(ConfigChange.between(null, entry))));
        }

        /** As a pipe does. */
        void retry() {
            for (var next = watcher.poll(); next.isPresent(); next = watcher.poll()) {
                if (!events.offer(next.get())) {
                    watcher.putBack();
                    return;
                }
            }
        }

        ConfigEvent<String> take() {
            return events.remove();
        }
    }

    private Subscription subscribe(String key) {
        return config.notify(ConfigFilter.keys(key), Integer.class, "id", queue);
    }

    private ConfigEvent<Integer> next() throws InterruptedException {
        ConfigEvent<Integer> event = queue.poll(5, TimeUnit.SECONDS);
        assertThat(event).as("an event within 5 s").isNotNull();
        return event;
    }

    private void assertNext(String expected) throws InterruptedException {
        assertThat(text(next())).isEqualTo(expected);
    }

    /** Whatever was to come for this queue would have come before what is subscribed to now. */
    private void assertNothingMore() throws InterruptedException {
        long revision = put("nothing", "1");
        applied(revision);
        BlockingQueue<ConfigEvent<Integer>> sentinels = new LinkedBlockingQueue<>();
        config.notify(ConfigFilter.keys("nothing"), Integer.class, "sentinel", sentinels);
        assertThat(sentinels.poll(5, TimeUnit.SECONDS)).isNotNull();
        assertThat(queue).isEmpty();
    }

    private static String text(ConfigEvent<?> event) {
        KeyState<?> state = event.result();
        String result = state == null
                ? "null"
                : state.key() + (state.isPresent() ? "=" + state.value() : " " + state.kind()) + "@" + state.revision();
        return event.correlationId() + " " + event.kind() + " " + result;
    }
}
