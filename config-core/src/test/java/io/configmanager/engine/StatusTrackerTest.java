// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.StoreException;
import io.configmanager.WatchState;
import io.configmanager.WatchStatus;
import io.configmanager.store.Feed;
import io.configmanager.store.PositionLostException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StatusTrackerTest {

    private static final Duration STABLE = Duration.ofSeconds(2);
    private static final StoreException AWAY = new StoreException("away", true, null);
    private static final StoreException NO_TABLE = new StoreException("no such table", false, null);

    private final FakeTime time = new FakeTime();
    private final StatusTracker tracker = new StatusTracker(time::instant, time::nanoTime, STABLE);

    @Test
    void beginsWithNothingKnown() {
        assertThat(status())
                .isEqualTo(new WatchStatus(
                        WatchState.STARTING, FakeTime.START, false, 0, null, null, null, null, 7, null, false));
    }

    @Test
    void anAttemptIsOnlyThat() {
        time.pass(Duration.ofSeconds(1));
        tracker.attempting();

        assertThat(status().lastAttempt()).isEqualTo(FakeTime.START.plusSeconds(1));
        assertThat(status().state()).isEqualTo(WatchState.STARTING);
        assertThat(status().connected()).isFalse();
    }

    @Test
    void theFirstAnsweredPollMakesItLive() {
        time.pass(Duration.ofSeconds(3));

        assertThat(caughtUp()).isTrue();

        WatchStatus live = status();
        assertThat(live.state()).isEqualTo(WatchState.LIVE);
        assertThat(live.since()).isEqualTo(FakeTime.START.plusSeconds(3));
        assertThat(live.lastSuccess()).isEqualTo(FakeTime.START.plusSeconds(3));
        assertThat(live.connected()).isTrue();
        assertThat(live.pushAvailable()).isTrue();
        assertThat(live.position()).isEqualTo("at 5");
        time.pass(Duration.ofSeconds(1));
        assertThat(caughtUp()).as("no transition").isFalse();
        assertThat(status().since()).isEqualTo(live.since());
    }

    @Test
    void aFailureBeforeTheFirstSuccessStaysStarting() {
        tracker.failed(AWAY);

        assertThat(status().state()).isEqualTo(WatchState.STARTING);
        assertThat(status().since()).isEqualTo(FakeTime.START);
        assertThat(status().lastError()).isEqualTo("away");
        assertThat(status().consecutiveFailures()).isEqualTo(1);
    }

    @Test
    void theStoreIsAwayWhileItCannotBeReachedAgainAndAgain() {
        caughtUp();
        tracker.failed(AWAY);
        assertThat(tracker.isAway()).as("once may be the connection").isFalse();
        tracker.failed(AWAY);
        assertThat(tracker.isAway()).isTrue();

        caughtUp();
        assertThat(status().consecutiveFailures()).as("it has yet to stay").isEqualTo(2);
        assertThat(tracker.isAway()).isFalse();

        tracker.failed(NO_TABLE);
        assertThat(tracker.isAway()).as("it answers").isFalse();
        tracker.failed(new PositionLostException(PositionLostException.Reason.COMPACTED, "planned"));
        assertThat(tracker.isAway()).as("it answers").isFalse();
    }

    @Test
    void aFailureMakesItStaleAndASuccessLiveAgain() {
        caughtUp();
        time.pass(Duration.ofSeconds(5));
        tracker.failed(AWAY);

        assertThat(status().state()).isEqualTo(WatchState.STALE);
        assertThat(status().since()).isEqualTo(FakeTime.START.plusSeconds(5));
        assertThat(status().connected()).isFalse();
        assertThat(status().lastSuccess()).isEqualTo(FakeTime.START);
        time.pass(Duration.ofSeconds(5));
        tracker.failed(AWAY);
        assertThat(status().since()).as("since the first failure").isEqualTo(FakeTime.START.plusSeconds(5));
        assertThat(caughtUp()).isTrue();
        assertThat(status().state()).isEqualTo(WatchState.LIVE);
        assertThat(status().lastError()).as("kept after recovery").isEqualTo("away");
    }

    @Test
    void failuresAreForgottenOnlyAfterAStablePeriod() {
        caughtUp();
        tracker.failed(AWAY);
        caughtUp();
        assertThat(tracker.failures()).isEqualTo(1);

        time.pass(STABLE.minusNanos(1));
        caughtUp();
        assertThat(tracker.failures()).isEqualTo(1);
        time.pass(Duration.ofNanos(1));
        caughtUp();
        assertThat(tracker.failures()).isZero();
    }

    @Test
    void flappingCountsUp() {
        for (int i = 1; i <= 10; i++) {
            caughtUp();
            time.pass(STABLE.dividedBy(2));
            caughtUp();
            tracker.failed(AWAY);
            assertThat(tracker.failures()).isEqualTo(i);
        }
    }

    @Test
    void stalenessIsProvedByReadsOnTheMonotonicClock() {
        tracker.caughtUp(batch(Duration.ofMillis(300), true), time.nanoTime());
        assertThat(status().staleness()).isEqualTo(Duration.ofMillis(300));

        time.setWallClock(Duration.ofHours(1));
        time.pass(Duration.ofSeconds(1));
        time.setWallClock(Duration.ofHours(-2));
        assertThat(status().staleness()).isEqualTo(Duration.ofMillis(1300));
        tracker.attempting();
        tracker.failed(AWAY);
        assertThat(status().staleness()).as("a failure proves nothing").isEqualTo(Duration.ofMillis(1300));
        tracker.stopped();
        time.pass(Duration.ofSeconds(1));
        assertThat(status().staleness()).isEqualTo(Duration.ofMillis(2300));
    }

    @Test
    void stabilityIsMeasuredOnTheMonotonicClock() {
        caughtUp();
        tracker.failed(AWAY);
        caughtUp();
        time.setWallClock(Duration.ofHours(1));
        caughtUp();

        assertThat(tracker.failures()).isEqualTo(1);
    }

    @Test
    void aLostPushIsNoFailure() {
        caughtUp();
        tracker.caughtUp(batch(Duration.ZERO, false), time.nanoTime());

        assertThat(status().state()).isEqualTo(WatchState.LIVE);
        assertThat(status().pushAvailable()).isFalse();
    }

    @Test
    void aFailureWithoutMessageIsNamed() {
        tracker.failed(new StackOverflowError());

        assertThat(status().lastError()).isEqualTo("java.lang.StackOverflowError");
        assertThat(tracker.lastFailure()).isInstanceOf(StackOverflowError.class);
    }

    @Test
    void stoppedIsFinal() {
        caughtUp();
        time.pass(Duration.ofSeconds(1));
        tracker.stopped();
        WatchStatus stopped = status();

        tracker.attempting();
        tracker.failed(AWAY);
        tracker.starting();
        assertThat(caughtUp()).as("nobody is told that it is live").isFalse();
        tracker.stopped();

        assertThat(status()).isEqualTo(stopped);
        assertThat(stopped.state()).isEqualTo(WatchState.STOPPED);
        assertThat(stopped.connected()).isFalse();
        assertThat(stopped.since()).isEqualTo(FakeTime.START.plusSeconds(1));
    }

    @Test
    void awaitLiveReturnsAtOnceWhenItIs() throws InterruptedException {
        caughtUp();

        assertThat(tracker.awaitLive(Duration.ZERO, true)).isTrue();
    }

    @Test
    void awaitLiveTimesOut() throws InterruptedException {
        assertThat(tracker.awaitLive(Duration.ofMillis(1), true)).isFalse();
    }

    @Test
    void aPermanentFailureEndsAwaitLiveOnlyIfAskedFor() throws Exception {
        tracker.failed(AWAY);
        CompletableFuture<Boolean> impatient = awaiting(true);
        CompletableFuture<Boolean> patient = awaiting(false);

        tracker.failed(NO_TABLE);

        assertThat(impatient.get(10, TimeUnit.SECONDS)).isFalse();
        assertThat(patient).isNotDone();
        caughtUp();
        assertThat(patient.get(10, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void stoppingEndsAwaitLive() throws Exception {
        CompletableFuture<Boolean> waiting = awaiting(false);

        tracker.stopped();

        assertThat(waiting.get(10, TimeUnit.SECONDS)).isFalse();
    }

    @Test
    void aPermanentFailureOfAnEarlierWatchDoesNotEndTheNextWait() throws Exception {
        tracker.failed(NO_TABLE);
        assertThat(tracker.awaitLive(Duration.ofDays(1), true)).isFalse();

        tracker.starting();

        assertThat(tracker.lastFailure()).isNull();
        CompletableFuture<Boolean> waiting = awaiting(true);
        caughtUp();
        assertThat(waiting.get(10, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void anEarlierWatchThatWasLiveDoesNotMakeTheNextOneLive() {
        caughtUp();
        tracker.starting();

        assertThat(status().state()).isEqualTo(WatchState.STARTING);
        assertThat(status().connected()).isFalse();
    }

    private CompletableFuture<Boolean> awaiting(boolean untilPermanentFailure) {
        CompletableFuture<Boolean> result = new CompletableFuture<>();
        Thread waiter = new Thread(() -> {
            try {
                result.complete(tracker.awaitLive(Duration.ofDays(1), untilPermanentFailure));
            } catch (InterruptedException e) {
                result.completeExceptionally(e);
            }
        });
        waiter.setDaemon(true);
        waiter.start();
        return result;
    }

    private boolean caughtUp() {
        return tracker.caughtUp(batch(Duration.ZERO, true), time.nanoTime());
    }

    private static Feed.Batch batch(Duration provedAgo, boolean pushAvailable) {
        return new Feed.Batch(List.of(), Rows.position(5), provedAgo, FakeTime.START, pushAvailable, 0);
    }

    private WatchStatus status() {
        return tracker.status(7);
    }
}
