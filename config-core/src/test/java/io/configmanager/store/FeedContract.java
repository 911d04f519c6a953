// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import io.configmanager.ConfigEntry;
import io.configmanager.InvalidConfigException;
import io.configmanager.LogEntry;
import io.configmanager.LogEntry.Kind;
import io.configmanager.StoreException;
import io.configmanager.store.PositionLostException.Reason;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The part of {@link ConfigStoreContract} about the feed. */
abstract class FeedContract extends ListContract {

    private static final Duration TICK = Duration.ofMillis(100);

    @Nested
    class FeedOrder {

        @Test
        void theFirstPollDoesNotWait() {
            FeedReader reader = reader();
            long start = System.nanoTime();

            Feed.Batch batch = reader.poll(PATIENCE);

            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(PATIENCE.dividedBy(2));
            assertThat(batch.changeSets()).isEmpty();
        }

        @Test
        void theFirstPollReadsWhatHappenedBefore() {
            Position start = head();
            CommitResult first = commit(put("a", "1"));
            CommitResult second = commit(put("a", "2"), put("b", "2"));

            FeedReader reader = reader(start);
            Feed.Batch batch = reader.poll(PATIENCE);

            assertThat(batch.changeSets()).isNotEmpty();
            assertThat(reader.readTo(second.revision()).revisions())
                    .containsExactly(first.revision(), second.revision());
        }

        @Test
        void changesComeInOrderFromEveryHandle() {
            ConfigStore other = handle();
            FeedReader reader = reader();
            List<Long> expected = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                expected.add(commit(put("k" + i % 3, Integer.toString(i))).revision());
                expected.add(other.commit(commitOf(put(ns2, "k", Integer.toString(i))))
                        .revision());
            }

            reader.readTo(expected.get(19));

            assertThat(reader.revisions()).isEqualTo(expected);
        }

        @Test
        void changesComeOneByOne() {
            ConfigStore other = handle();
            FeedReader reader = reader();
            List<Long> expected = new ArrayList<>();
            for (int i = 0; i < 30; i++) {
                ConfigStore writer = i % 2 == 0 ? store : other;
                expected.add(
                        writer.commit(commitOf(put("k", Integer.toString(i)))).revision());
                assertThat(reader.readTo(expected.get(i)).revisions()).isEqualTo(expected);
            }
        }

        @Test
        void changesAreWhatTheCommitAnswered() {
            FeedReader reader = reader();
            List<CommitResult> results =
                    List.of(commit(put("k", "1")), commit(put("k", "2", Duration.ofHours(1))), commit(delete("k")));

            reader.readTo(results.get(2).revision());

            assertThat(reader.changes(ns).stream().map(StoreContractFixture::timeless))
                    .containsExactlyElementsOf(results.stream()
                            .map(result -> timeless(result.changes().get(0)))
                            .toList());
            assertThat(reader.changeSets)
                    .allSatisfy(changeSet -> assertThat(changeSet.committedAt())
                            .isCloseTo(results.get(2).storeTime(), within(5, ChronoUnit.SECONDS)));
        }

        @Test
        void aChangeHoldsTheEntryThatReadsShow() {
            FeedReader reader = reader();
            CommitResult result = commit(put("k", "1", Duration.ofHours(1)), put(ns2, "k", "1"));

            reader.readTo(result.revision());

            assertThat(reader.changes(ns).get(0).entry()).isEqualTo(entry("k"));
        }

        @Test
        void writesBehindTheStoresBackAreDelivered() {
            commit(put("mine", "1"), put("gone", "1"));
            FeedReader reader = reader();

            putBehindItsBack(ns, "mine", "2");
            putBehindItsBack(ns, "theirs", "3");
            deleteBehindItsBack(ns, "gone");
            putBehindItsBack(ns, "last", "4");

            reader.readUntil(() ->
                    reader.changes(ns).stream().anyMatch(change -> change.key().equals("last")));
            Map<String, String> values = new TreeMap<>(Map.of(ns + " mine", "1", ns + " gone", "1"));
            reader.changes(ns).forEach(change -> fold(values, change));
            assertThat(values).isEqualTo(listed(ns));
            assertThat(reader.changes(ns).stream().filter(change -> change.key().equals("gone")))
                    .extracting(LogEntry::kind)
                    .containsExactly(Kind.DELETE);
        }

        @Test
        void largeValuesAreDelivered() {
            FeedReader reader = reader();
            String large = "\"" + "x".repeat(200_000) + "\"";

            reader.readTo(commit(put("k", large)).revision());

            ConfigEntry entry = reader.changes(ns).get(0).entry();
            assertThat(entry).isNotNull();
            assertThat(entry.value()).isEqualTo(large);
        }

        @Test
        void aWaitingPollIsWokenByACommit() throws Exception {
            FeedReader reader = reader();
            reader.poll(PATIENCE);
            Future<FeedReader> waiting =
                    inBackground(() -> reader.readUntil(() -> !reader.changeSets.isEmpty(), PATIENCE));
            assertWaiting(waiting);

            CommitResult result = handle().commit(commitOf(put("k", "1")));

            assertThat(waiting.get(PATIENCE.toSeconds() / 2, SECONDS).revisions())
                    .containsExactly(result.revision());
        }

        @Test
        void anEmptyPollTakesItsTimeAndKeepsThePosition() {
            FeedReader reader = reader();
            Position before = reader.position();
            reader.poll(TICK);
            long start = System.nanoTime();
            for (int i = 0; i < 5; i++) {
                assertThat(reader.poll(TICK).changeSets()).isEmpty();
            }
            Duration took = Duration.ofNanos(System.nanoTime() - start);

            assertThat(took).as("five polls without news").isBetween(TICK.multipliedBy(2), TICK.multipliedBy(100));
            assertThat(reader.position().revision()).isGreaterThanOrEqualTo(before.revision());
            CommitResult next = commit(put("k", "1"));
            assertThat(reader(reader.position()).readTo(next.revision()).revisions())
                    .containsExactly(next.revision());
        }

        @Test
        void theProofIsNeverYoungerThanItClaims() {
            ConfigStore other = handle();
            FeedReader reader = reader();
            reader.poll(TICK);
            for (int i = 0; i < 10; i++) {
                CommitResult result = other.commit(commitOf(put("k", Integer.toString(i))));
                long committed = System.nanoTime();
                long proved;
                do {
                    long asked = System.nanoTime();
                    Feed.Batch batch = reader.poll(TICK);
                    proved = asked - batch.provedAgo().toNanos();
                    if (proved - committed > 0) {
                        assertThat(batch.position().revision())
                                .as("an answer that claims to be newer than a commit contains it")
                                .isGreaterThanOrEqualTo(result.revision());
                    }
                    assertThat(batch.storeTime()).isCloseTo(result.storeTime(), within(5, ChronoUnit.SECONDS));
                    assertThat(batch.hintsMissed()).isNotNegative();
                } while (reader.position().revision() < result.revision());
            }
        }
    }

    @Nested
    class Positions {

        @Test
        void anOldOneIsContinued() {
            List<Position> positions = new ArrayList<>();
            List<Long> revisions = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                positions.add(head());
                revisions.add(commit(put("k", Integer.toString(i))).revision());
            }
            for (int i = 0; i < 5; i++) {
                assertThat(reader(positions.get(i)).readTo(revisions.get(4)).revisions())
                        .isEqualTo(revisions.subList(i, 5));
            }
        }

        @Test
        void oneOfAFeedIsContinuedByAnotherHandle() {
            FeedReader reader = reader().readTo(commit(put("k", "1")).revision());
            CommitResult next = commit(put("k", "2"));
            reader.close();

            FeedReader other = closeLater(new FeedReader(handle(), reader.position()));

            assertThat(other.readTo(next.revision()).revisions()).containsExactly(next.revision());
        }

        @Test
        void theNewestSurvivesCompaction() {
            commit(put("a", "1"));
            commit(put("b", "1"));
            FeedReader open = reader();
            open.poll(TICK);
            Position newest = head();

            compact();

            CommitResult next = commit(put("c", "1"));
            assertThat(reader(newest).readTo(next.revision()).revisions()).containsExactly(next.revision());
            assertThat(open.readTo(next.revision()).revisions()).containsExactly(next.revision());
            assertThat(listed(ns).values()).containsExactly("1", "1", "1");
        }

        @Test
        void oneBeforeTheCompactionIsLost() {
            Position old = head();
            commit(put("a", "1"));
            commit(put("b", "1"));

            compact();

            assertLost(old, Reason.COMPACTED);
            commit(put("c", "1"));
            assertLost(old, Reason.COMPACTED);
        }

        @Test
        void oneOfAReplacedHistoryIsLost() {
            commit(put("a", "1"));
            Position old = head();
            Map<String, String> before = listed(ns);

            replaceHistory();

            assertThat(listed(ns)).isEqualTo(before);
            assertLost(old, Reason.HISTORY_REPLACED);
            CommitResult next = commit(put("b", "1"));
            assertLost(old, Reason.HISTORY_REPLACED);
            Position fresh = head();
            CommitResult last = commit(put("c", "1"));
            assertThat(last.revision()).isGreaterThan(next.revision());
            assertThat(reader(fresh).readTo(last.revision()).revisions()).containsExactly(last.revision());
        }

        @Test
        void anOpenFeedNoticesAReplacedHistory() {
            commit(put("a", "1"));
            FeedReader reader = reader();
            reader.poll(TICK);

            replaceHistory();

            PositionLostException lost =
                    catchThrowableOfType(PositionLostException.class, () -> reader.readUntil(() -> false));
            assertThat(lost.reason()).isEqualTo(Reason.HISTORY_REPLACED);
            assertLost(reader.position(), Reason.HISTORY_REPLACED);
        }

        @Test
        void oneAheadOfTheStoreIsRefused() {
            commit(put("a", "1"));
            Position head = head();

            assertRefused(new Position(head.revision() + 1_000_000, head.token()));
        }

        @Test
        void garbageIsRefused() {
            commit(put("a", "1"));
            long revision = head().revision();

            for (String token :
                    List.of("", "garbage", "a:b", "0", "{}", "/w==", "00000000-0000-0000-0000-000000000000")) {
                assertRefused(new Position(revision, token));
            }
        }

        private void assertLost(Position position, Reason reason) {
            Throwable thrown = openAndPoll(position);
            assertThat(thrown).isInstanceOf(PositionLostException.class);
            assertThat(((PositionLostException) thrown).reason()).isEqualTo(reason);
        }

        /** A store that can tell garbage from a lost position may say so; continuing is the only mistake. */
        private void assertRefused(Position position) {
            assertThat(openAndPoll(position))
                    .as("%s", position)
                    .isInstanceOfAny(PositionLostException.class, InvalidConfigException.class);
        }

        /** What a reader gets that starts there; a transport that breaks on the way is opened again. */
        private @Nullable Throwable openAndPoll(Position position) {
            for (int attempt = 0; attempt < 5; attempt++) {
                try (Feed feed = store.openFeed(position)) {
                    feed.poll(TICK);
                    feed.poll(TICK);
                    return null;
                } catch (PositionLostException | InvalidConfigException e) {
                    return e;
                } catch (StoreException e) {
                    assertThat(e.isTransient()).isTrue();
                }
            }
            return null;
        }
    }

    @Nested
    class FeedFaults {

        @Test
        void aCutLosesNothing() {
            FeedReader reader = reader();
            reader.poll(TICK);

            cutFeeds();
            CommitResult result = commit(put("k", "1"));

            reader.readTo(result.revision());
            assertThat(reader.revisions()).containsExactly(result.revision());
        }

        @Test
        void aCutWhileWaitingLosesNothing() throws Exception {
            FeedReader reader = reader();
            reader.poll(TICK);
            Future<FeedReader> reading =
                    inBackground(() -> reader.readUntil(() -> reader.changeSets.size() == 2, PATIENCE));
            CommitResult first = commit(put("k", "1"));
            patiently().until(() -> reader.position().revision() >= first.revision());
            assertWaiting(reading);

            cutFeeds();
            CommitResult second = commit(put("k", "2"));

            assertThat(result(reading).revisions()).containsExactly(first.revision(), second.revision());
        }

        @Test
        void aCutConcernsFeedsOnly() {
            commit(put("k", "1"));
            reader().poll(TICK);

            cutFeeds();

            assertThat(value("k")).isEqualTo("1");
            assertThat(commit(put("k", "2")).revision()).isPositive();
            assertThat(store.snapshot(Set.of(ns), 10).entries()).hasSize(1);
        }

        @Test
        void cutsWhileWritingLoseNothingAndRepeatNothing() throws Exception {
            int writes = 200;
            Semaphore cuts = new Semaphore(0);
            ConfigStore other = handle();
            FeedReader reader = reader();
            Future<List<Long>> writer = inBackground(() -> {
                List<Long> revisions = new ArrayList<>();
                for (int i = 0; i < writes; i++) {
                    Operation second =
                            i % 7 == 6 ? delete("k" + (i + 1) % 5) : put(ns2, "k" + i % 5, Integer.toString(i));
                    revisions.add(other.commit(commitOf(put("k" + i % 5, Integer.toString(i)), second))
                            .revision());
                    if (i % 10 == 9) {
                        cuts.release();
                    }
                }
                return revisions;
            });
            Future<Integer> cutter = inBackground(() -> {
                for (int i = 0; i < writes / 10; i++) {
                    cuts.acquire();
                    cutFeeds();
                }
                return 0;
            });

            reader.readUntil(() -> writer.isDone() && cutter.isDone());
            List<Long> written = result(writer);
            result(cutter);
            reader.readTo(written.get(writes - 1));

            assertThat(reader.revisions())
                    .as("nothing lost, nothing twice, in order")
                    .isEqualTo(written);
            Map<String, String> values = new TreeMap<>();
            reader.changes(ns).forEach(change -> fold(values, change));
            reader.changes(ns2).forEach(change -> fold(values, change));
            assertThat(values).isEqualTo(listed(ns, ns2));
        }
    }

    @Nested
    class FeedClose {

        @Test
        void endsAWaitingPollAtOnce() throws Exception {
            Feed feed = closeLater(store.openFeed(head()));
            feed.poll(TICK);
            Future<Boolean> waiting = pollUntilClosed(feed);

            feed.close();

            assertThat(waiting.get(5, SECONDS)).isTrue();
            feed.close();
            assertThatThrownBy(() -> feed.poll(TICK)).isInstanceOf(StoreException.class);
        }

        @Test
        void ofTheStoreEndsItsFeeds() throws Exception {
            ConfigStore other = handle();
            Feed mine = closeLater(store.openFeed(head()));
            mine.poll(TICK);
            FeedReader theirs = closeLater(new FeedReader(other, head()));
            theirs.poll(TICK);
            Future<Boolean> waiting = pollUntilClosed(mine);

            store.close();

            assertThat(waiting.get(5, SECONDS)).isTrue();
            CommitResult result = other.commit(commitOf(put("k", "1")));
            assertThat(theirs.readTo(result.revision()).revisions()).containsExactly(result.revision());
        }

        /** Polls with a timeout that is longer than the patience of the test, until that fails. */
        private Future<Boolean> pollUntilClosed(Feed feed) {
            Future<Boolean> waiting = inBackground(() -> {
                try {
                    while (true) {
                        feed.poll(PATIENCE.multipliedBy(2));
                    }
                } catch (StoreException e) {
                    return true;
                }
            });
            assertWaiting(waiting);
            return waiting;
        }
    }
}
