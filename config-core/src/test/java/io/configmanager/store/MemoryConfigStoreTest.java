// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.configmanager.Condition;
import io.configmanager.ConfigFilter;
import io.configmanager.InvalidConfigException;
import io.configmanager.LogEntry;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.store.PositionLostException.Reason;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What only the memory store does: the clock it is given, its retention, and its faults. */
class MemoryConfigStoreTest {

    private static final Duration TICK = Duration.ofMillis(50);
    private static final Duration LONG = Duration.ofMinutes(5);

    private Instant now = Instant.parse("2026-01-01T00:00:00Z");
    private final MemoryConfigStore store = new MemoryConfigStore(() -> now, 3);

    @Test
    void entriesExpireByTheGivenClock() {
        CommitResult result = store.commit(Commit.of(List.of(put("k", Duration.ofSeconds(10))), null, null));
        assertThat(result.storeTime()).isEqualTo(now);

        now = now.plusSeconds(10).minusNanos(1);
        assertThat(store.get("", "k").entry()).isNotNull();
        now = now.plusNanos(1);
        assertThat(store.get("", "k").entry()).isNull();
        assertThat(store.list("", ConfigFilter.ALL, 1, null).items()).isEmpty();
    }

    @Test
    void maintenanceRemovesAtMostFiveHundredExpiredEntriesInOneRevision() {
        List<Operation> puts = new ArrayList<>();
        for (int i = 0; i < 501; i++) {
            puts.add(put("k" + i, Duration.ofSeconds(1)));
        }
        store.commit(Commit.of(puts, null, null));
        now = now.plusSeconds(1);

        try (Feed feed = store.openFeed(head())) {
            store.maintain();
            store.maintain();
            store.maintain();
            assertThat(feed.poll(TICK).changeSets())
                    .extracting(changeSet -> changeSet.changes().size())
                    .containsExactly(500, 1);
        }
    }

    @Test
    void maintenanceKeepsTheNewestRevisions() {
        List<Position> positions = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            put("k");
            positions.add(head());
        }

        store.maintain();

        assertThat(lost(positions.get(1))).isEqualTo(Reason.COMPACTED);
        try (Feed feed = store.openFeed(positions.get(2))) {
            assertThat(feed.poll(TICK).changeSets())
                    .extracting(ChangeSet::revision)
                    .containsExactly(4L, 5L);
        }
        assertThat(store.history("", "k", 10, null).items())
                .extracting(LogEntry::version)
                .containsExactly(5L, 4L, 3L);
    }

    @Test
    void theNewestLogEntryOfAKeyStays() {
        put("old");
        put("other");
        store.compact();

        assertThat(store.history("", "old", 10, null).items()).hasSize(1);
    }

    @Test
    void anotherHandleSharesDataButNotTheEnd() {
        MemoryConfigStore other = store.another();
        put("k");
        store.close();

        assertThat(other.get("", "k").entry()).isNotNull();
        assertThat(store.another().get("", "k").entry()).isNotNull();
        assertThat(new MemoryConfigStore().get("", "k").entry()).isNull();
    }

    @Test
    void aCutFailsTheNextPollAsTransient() {
        Feed feed = store.another().openFeed(head());
        feed.poll(TICK);

        store.cutFeeds();

        assertFails(true, () -> feed.poll(LONG));
        assertFails(true, () -> feed.poll(LONG));
        store.openFeed(head()).poll(TICK);
    }

    @Test
    void aCutFailsAWaitingPoll() throws Exception {
        Feed feed = store.openFeed(head());
        feed.poll(TICK);
        CompletableFuture<Feed.Batch> waiting = CompletableFuture.supplyAsync(() -> feed.poll(LONG));

        store.cutFeeds();

        assertThat(waiting)
                .failsWithin(10, TimeUnit.SECONDS)
                .withThrowableThat()
                .havingRootCause()
                .isInstanceOf(StoreException.class);
    }

    @Test
    void anUnavailableHandleFailsAsTransientAndOthersGoOn() {
        MemoryConfigStore other = store.another();
        Feed mine = store.openFeed(head());
        Feed theirs = other.openFeed(head());

        store.setAvailable(false);

        assertFails(true, () -> store.get("", "k"));
        assertFails(true, () -> put("k"));
        assertFails(true, () -> mine.poll(LONG));
        other.commit(Commit.of(List.of(put("k", null)), null, null));
        assertThat(theirs.poll(TICK).changeSets()).hasSize(1);

        store.setAvailable(true);
        assertThat(store.get("", "k").entry()).isNotNull();
        assertFails(true, () -> mine.poll(LONG));
    }

    @Test
    void aClosedStoreFailsForGood() {
        Feed feed = store.openFeed(head());

        store.close();

        assertFails(false, () -> store.get("", "k"));
        assertFails(false, () -> feed.poll(LONG));
    }

    @Test
    void positionsOfOtherHistoriesAreLost() {
        put("k");
        Position mine = head();
        MemoryConfigStore stranger = new MemoryConfigStore();
        stranger.commit(Commit.of(List.of(put("k", null)), null, null));

        assertThat(lost(stranger.snapshot(Set.of(), 1).position())).isEqualTo(Reason.HISTORY_REPLACED);
        assertThat(lost(new Position(mine.revision() + 1, mine.token()))).isEqualTo(Reason.HISTORY_REPLACED);
        assertThat(lost(new Position(mine.revision(), "garbage"))).isEqualTo(Reason.HISTORY_REPLACED);
    }

    @Test
    void aReplacedHistoryWakesAWaitingPoll() {
        Feed feed = store.openFeed(head());
        feed.poll(TICK);
        CompletableFuture<Feed.Batch> waiting = CompletableFuture.supplyAsync(() -> feed.poll(LONG));

        store.replaceHistory();

        assertThat(waiting)
                .failsWithin(10, TimeUnit.SECONDS)
                .withThrowableThat()
                .havingRootCause()
                .isInstanceOf(PositionLostException.class);
    }

    @Test
    void anInterruptEndsAWaitingPoll() {
        Feed feed = store.openFeed(head());
        feed.poll(TICK);
        Thread.currentThread().interrupt();

        assertFails(true, () -> feed.poll(LONG));
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void commitsAreRememberedAcrossCompaction() {
        Commit commit = Commit.of(List.of(put("k", null)), null, null);
        CommitResult first = store.commit(commit);
        put("k");

        store.compact();

        assertThat(store.commit(commit)).isEqualTo(first);
        assertThat(head().revision()).isEqualTo(2);
    }

    @Test
    void theRetentionIsPositive() {
        assertThatThrownBy(() -> new MemoryConfigStore(() -> now, 0)).isInstanceOf(InvalidConfigException.class);
    }

    private Position head() {
        return store.snapshot(Set.of(), 1).position();
    }

    private void put(String key) {
        store.commit(Commit.of(List.of(put(key, null)), null, null));
    }

    private static Operation put(String key, Duration ttl) {
        return new Operation.Put("", key, "1", "json", ValueType.INTEGER, ttl, Condition.ALWAYS);
    }

    private Reason lost(Position position) {
        return catchThrowableOfType(PositionLostException.class, () -> store.openFeed(position))
                .reason();
    }

    private static void assertFails(boolean isTransient, Runnable call) {
        StoreException failure = catchThrowableOfType(StoreException.class, call::run);
        assertThat(failure).isNotNull();
        assertThat(failure.isTransient()).isEqualTo(isTransient);
    }
}
