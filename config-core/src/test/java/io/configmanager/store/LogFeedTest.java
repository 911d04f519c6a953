// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.StoreException;
import io.configmanager.store.LogFeed.Page;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What all feeds on a log do alike. */
class LogFeedTest {

    private static final Instant STORE_TIME = Instant.parse("2026-01-01T00:00:00Z");
    private static final Duration LONG = Duration.ofDays(1);

    private final Script log = new Script();
    private final Set<LogFeed> open = new HashSet<>();

    private LogFeed feed(Duration pollInterval) {
        return new LogFeed(log, new Settings().pollIntervals(pollInterval, LONG).settings(), open);
    }

    private static final class Settings extends StoreSettings.Builder<Settings> {
        @Override
        protected Settings self() {
            return this;
        }
    }

    /** A log whose answers are planned; what it was asked is in {@link #calls}. */
    private static class Script implements LogFeed.Log {
        final List<String> calls = new ArrayList<>();
        final Deque<Boolean> news = new ArrayDeque<>();
        final Deque<Page> pages = new ArrayDeque<>();
        long longestWait;
        long revision;

        @Override
        public Position position() {
            return new Position(revision, "");
        }

        @Override
        public boolean pushAvailable() {
            return true;
        }

        @Override
        public boolean await(long nanos) throws Exception {
            calls.add("await");
            longestWait = Math.max(longestWait, nanos);
            return news.remove();
        }

        @Override
        public Page read(boolean told) throws Exception {
            calls.add(told ? "read" : "look");
            Page page = pages.remove();
            revision += page.changeSets().size();
            return page;
        }

        @Override
        public RuntimeException translate(Exception failure) {
            return new StoreException("translated", true, failure);
        }

        @Override
        public void interrupt() {
            calls.add("interrupt");
        }

        @Override
        public void release() {
            calls.add("release");
        }
    }

    private static Page page(int changeSets, boolean more) {
        List<ChangeSet> sets = new ArrayList<>();
        for (int i = 1; i <= changeSets; i++) {
            sets.add(new ChangeSet(i, STORE_TIME, List.of()));
        }
        return new Page(sets, System.nanoTime(), more, STORE_TIME, 0);
    }

    @Test
    void theFirstPollReadsAndLaterOnesWaitForNews() {
        LogFeed feed = feed(LONG);
        log.pages.addAll(List.of(page(0, false), page(2, false)));
        log.news.addAll(List.of(false, true));

        assertThat(feed.poll(LONG).changeSets()).isEmpty();
        assertThat(log.calls).containsExactly("read");
        Feed.Batch batch = feed.poll(LONG);

        assertThat(batch.changeSets()).hasSize(2);
        assertThat(batch.position().revision()).isEqualTo(2);
        assertThat(batch.storeTime()).isEqualTo(STORE_TIME);
        assertThat(log.calls).containsExactly("read", "await", "await", "read");
        assertThat(log.longestWait).isBetween(1L, LONG.toNanos());
    }

    @Test
    void aLogThatGoesOnIsReadWithoutWaiting() {
        LogFeed feed = feed(LONG);
        log.pages.addAll(List.of(page(1, true), page(0, true), page(1, false)));

        assertThat(feed.poll(LONG).changeSets()).hasSize(1);
        assertThat(feed.poll(LONG).changeSets()).isEmpty();
        assertThat(feed.poll(LONG).changeSets()).hasSize(1);
        assertThat(log.calls).containsExactly("read", "read", "read");
    }

    @Test
    void aPageWithoutAWholeRevisionIsFollowedByTheNextAtOnce() {
        LogFeed feed = feed(LONG);
        log.pages.addAll(List.of(page(0, false), page(0, true), page(1, false)));
        log.news.add(true);
        feed.poll(LONG);

        assertThat(feed.poll(LONG).changeSets()).isEmpty();
        assertThat(feed.poll(LONG).changeSets()).hasSize(1);
        assertThat(log.calls).containsExactly("read", "await", "read", "read");
    }

    @Test
    void withoutNewsItLooksWhenItIsTime() {
        LogFeed feed = feed(Duration.ofNanos(1));
        log.pages.addAll(List.of(page(0, false), page(1, false)));
        log.news.add(false);
        feed.poll(LONG);

        assertThat(feed.poll(LONG).changeSets()).hasSize(1);
        assertThat(log.calls).containsExactly("read", "await", "look");
    }

    @Test
    void anIdleWaitProvesNothing() {
        LogFeed feed = feed(LONG);
        long read = System.nanoTime();
        log.pages.add(new Page(List.of(), read - TimeUnit.HOURS.toNanos(1), false, STORE_TIME, 0));
        log.news.add(false);
        feed.poll(LONG);

        assertThat(feed.poll(Duration.ZERO).provedAgo()).isGreaterThanOrEqualTo(Duration.ofHours(1));
    }

    /** As of a standby whose lag has grown: what was proved before is not taken back. */
    @Test
    void aReadThatSawLessDoesNotTakeBackWhatWasProved() {
        LogFeed feed = feed(LONG);
        long read = System.nanoTime();
        log.pages.add(new Page(List.of(), read - TimeUnit.HOURS.toNanos(1), false, STORE_TIME, 0));
        log.pages.add(new Page(List.of(), read - TimeUnit.HOURS.toNanos(3), false, STORE_TIME, 0));
        feed.poll(LONG);
        log.news.add(true);
        log.news.add(false);

        assertThat(feed.poll(Duration.ZERO).provedAgo()).isBetween(Duration.ofHours(1), Duration.ofHours(2));
        assertThat(log.pages).isEmpty();
    }

    @Test
    void behindByMoreThanAPageAnAnswerIsAsOldAsItsLastChange() {
        LogFeed feed = feed(LONG);
        List<ChangeSet> last = List.of(new ChangeSet(1, STORE_TIME, List.of()));
        log.pages.addAll(List.of(
                new Page(List.of(), 0, true, STORE_TIME, 0),
                new Page(last, 0, true, STORE_TIME.plusSeconds(3), 0),
                new Page(last, 0, true, STORE_TIME.minusSeconds(3), 0)));

        assertThat(feed.poll(LONG).provedAgo()).isZero();
        assertThat(feed.poll(LONG).provedAgo()).isEqualTo(Duration.ofSeconds(3));
        assertThat(feed.poll(LONG).provedAgo()).isZero();
    }

    @Test
    void missedHintsAreTold() {
        LogFeed feed = feed(Duration.ofNanos(1));
        log.pages.addAll(List.of(page(0, false), new Page(List.of(), System.nanoTime(), false, STORE_TIME, 3)));
        log.news.add(false);
        feed.poll(LONG);

        assertThat(feed.poll(LONG).hintsMissed()).isEqualTo(3);
    }

    @Test
    void aFailureEndsTheFeed() {
        LogFeed feed = new LogFeed(
                new Script() {
                    @Override
                    public Page read(boolean told) throws Exception {
                        throw new IOException("planned");
                    }
                },
                new Settings().settings(),
                open);
        assertThat(open).hasSize(1);

        assertThatThrownBy(() -> feed.poll(LONG)).hasMessage("translated").hasRootCauseMessage("planned");

        assertThat(open).isEmpty();
        assertThatThrownBy(() -> feed.poll(LONG)).hasMessage("The feed is closed");
    }

    @Test
    void whatIsClosedWhileIdleIsReleasedOnce() {
        LogFeed feed = feed(LONG);

        feed.close();
        feed.close();

        assertThat(open).isEmpty();
        assertThat(log.calls).containsOnlyOnce("release").first().isEqualTo("interrupt");
        assertThatThrownBy(() -> feed.poll(LONG)).hasMessage("The feed is closed");
        assertThat(log.calls).doesNotContain("read");
    }

    @Test
    void whatIsClosedWhileItWaitsIsNotReadAnyMore() {
        AtomicReference<LogFeed> feed = new AtomicReference<>();
        Script waiting = new Script() {
            @Override
            public boolean await(long nanos) {
                feed.get().close();
                return true;
            }
        };
        feed.set(new LogFeed(waiting, new Settings().settings(), open));
        waiting.pages.addAll(List.of(page(0, false), page(1, false)));
        feed.get().poll(LONG);

        assertThatThrownBy(() -> feed.get().poll(LONG)).hasMessage("The feed is closed");
        assertThat(waiting.calls).containsOnlyOnce("read").endsWith("release");
    }

    @Test
    void nothingIsReleasedUnderARunningPoll() throws Exception {
        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch closed = new CountDownLatch(1);
        Script slow = new Script() {
            @Override
            public Page read(boolean told) throws Exception {
                reading.countDown();
                assertThat(closed.await(20, TimeUnit.SECONDS)).isTrue();
                calls.add("read ended");
                return page(0, false);
            }
        };
        LogFeed feed = new LogFeed(slow, new Settings().settings(), open);
        ExecutorService thread = Executors.newSingleThreadExecutor();
        try {
            Future<?> poll = thread.submit(() -> feed.poll(LONG));
            assertThat(reading.await(20, TimeUnit.SECONDS)).isTrue();
            feed.close();
            closed.countDown();
            poll.get(20, TimeUnit.SECONDS);
        } finally {
            thread.shutdown();
        }

        assertThat(slow.calls).containsExactly("interrupt", "read ended", "release");
    }
}
