// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigEvent;
import io.configmanager.ConfigFilter;
import io.configmanager.InvalidConfigException;
import io.configmanager.KeyState;
import io.configmanager.ManagerStateException;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.WatchState;
import io.configmanager.Watcher;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.crypto.SecretKey;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What callers, stores, listeners and files do that is seldom or should not be. */
class EdgesTest {

    private static final Duration EVER = Duration.ofSeconds(Long.MAX_VALUE);
    private static final Duration LONG_AGO = Duration.ofSeconds(Long.MIN_VALUE);

    @Nested
    class Times extends OnMemoryStore {

        @Test
        void aStartThatIsInterruptedIsNoStartWithoutTheStore() {
            manager = builder()
                    .startup(StartupPolicy.DEFAULTS, Duration.ofMinutes(1))
                    .build();
            memory.setAvailable(false);

            Thread.currentThread().interrupt();
            assertThatThrownBy(manager::connect)
                    .isInstanceOf(ManagerStateException.class)
                    .hasMessageContaining("interrupted");
            assertThat(Thread.interrupted()).isTrue();

            memory.setAvailable(true);
            manager.connect();
            assertThat(manager.watchStatus().state()).isEqualTo(WatchState.LIVE);
        }

        @Test
        void whoeverWaitsForEverWaitsUntilItComes() {
            connect(builder().preload("").fleet("x", Duration.ofSeconds(1), Duration.ofSeconds(10)));
            CompletableFuture<Boolean> waits = CompletableFuture.supplyAsync(() -> manager.awaitRevision(1, EVER));
            long revision = put("a", "1");

            assertThat(waits).succeedsWithin(SOON).isEqualTo(true);
            assertThat(manager.sync(EVER)).isTrue();
            assertThat(manager.fleet().awaitApplied(revision, 1, EVER)).isTrue();
        }

        @Test
        void aTimeoutThatWasOverLongAgoIsOver() {
            connect(builder().preload("").fleet("x", Duration.ofSeconds(1), Duration.ofSeconds(10)));
            Watcher<KeyState<Integer>> watcher = config.watch("a", Integer.class);
            watcher.poll();

            assertThat(CompletableFuture.supplyAsync(() -> {
                        try {
                            return watcher.get(LONG_AGO).isPresent();
                        } catch (InterruptedException e) {
                            return true;
                        }
                    }))
                    .succeedsWithin(SOON)
                    .isEqualTo(false);
            assertThat(manager.awaitRevision(100, LONG_AGO)).isFalse();
            assertThat(CompletableFuture.supplyAsync(() -> manager.fleet().awaitApplied(100, 1, LONG_AGO)))
                    .succeedsWithin(SOON)
                    .isEqualTo(false);
        }
    }

    @Nested
    class Failures extends OnMemoryStore {

        @TempDir
        Path directory;

        @Test
        void whatAStoreThrowsUndeclaredDoesNotEndTheWatch() {
            connect();
            AtomicBoolean thrown = new AtomicBoolean();
            store.beforeAnswer = call -> {
                if (call.equals("openFeed") && !thrown.getAndSet(true)) {
                    throwUndeclared(new IOException("expected"));
                }
            };
            memory.cutFeeds();

            applied(put("a", "2"));
            assertThat(thrown).isTrue();
        }

        @Test
        void anErrorWhileTheBootSnapshotIsWrittenDoesNotEndMaintenance() {
            AtomicInteger asked = new AtomicInteger();
            connect(builder()
                    .preload("")
                    .bootSnapshot(directory, "here", key(() -> {
                        if (asked.incrementAndGet() == 1) {
                            throw new InternalError("expected");
                        }
                    }))
                    .maintenanceInterval(Duration.ofMillis(20)));

            await().atMost(SOON).until(() -> Files.exists(directory.resolve("config.snapshot")));
            assertThat(asked.get()).isGreaterThan(1);
        }

        @Test
        void aStartThatFailsUnexpectedlyLeavesNoThread() throws Exception {
            byte[] body = "{\"origin\":null,\"namespaces\":[]}".getBytes(StandardCharsets.UTF_8);
            MessageDigest sum = MessageDigest.getInstance("SHA-256");
            sum.update("plain".getBytes(StandardCharsets.UTF_8));
            Files.writeString(
                    directory.resolve("config.snapshot"),
                    "config-snapshot 1 plain " + HexFormat.of().formatHex(sum.digest(body)) + "\n"
                            + new String(body, StandardCharsets.UTF_8));
            memory.setAvailable(false);
            manager = builder()
                    .startup(StartupPolicy.SNAPSHOT, Duration.ofMillis(50))
                    .bootSnapshot(directory, "here", null)
                    .build();

            assertThatThrownBy(manager::connect).isInstanceOf(NullPointerException.class);

            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet())
                            .extracting(Thread::getName)
                            .doesNotContain("config-watch", "config-maintenance"));
        }

        @Test
        void anExecutorWithoutRoomIsAskedAgain() throws Exception {
            ThreadPoolExecutor small = new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new SynchronousQueue<>());
            try {
                connect(builder().preload("").listenerExecutor(small));
                BlockingQueue<Long> told = new LinkedBlockingQueue<>();
                BlockingQueue<ConfigEvent<Integer>> events = new LinkedBlockingQueue<>();
                CountDownLatch free = new CountDownLatch(1);
                small.execute(() -> uninterrupted(free));
                config.listen(ConfigFilter.ALL, changes -> told.add(changes.revision()));
                config.notify(ConfigFilter.keys("a"), Integer.class, "a", events);
                long revision = put("a", "1");
                applied(revision);
                free.countDown();

                assertThat(told.poll(20, TimeUnit.SECONDS)).isEqualTo(revision);
                await().atMost(SOON)
                        .until(() -> events.stream()
                                .anyMatch(event ->
                                        event.result() != null && event.result().isPresent()));
            } finally {
                manager.close();
                small.shutdownNow();
            }
        }

        @Test
        void anErrorOfAValuesClassIsAValueThatCannotBeRead() throws Exception {
            connect();
            applied(put("a", "{\"n\":1}"));
            BlockingQueue<ConfigEvent<Picky>> events = new LinkedBlockingQueue<>();
            config.notify(ConfigFilter.keys("a"), Picky.class, "a", events);
            assertThat(events.poll(20, TimeUnit.SECONDS)).isNotNull();

            put("a", "{\"n\":2}");
            assertThat(events.poll(20, TimeUnit.SECONDS).error()).hasMessageContaining("AssertionError");
            assertThat(events).isEmpty();

            put("a", "{\"n\":3}");
            assertThat(events.poll(20, TimeUnit.SECONDS).result().value()).isEqualTo(new Picky(3));
        }
    }

    record Picky(int n) {
        Picky {
            if (n == 2) {
                throw new AssertionError("expected");
            }
        }
    }

    @Nested
    class Close extends OnMemoryStore {

        @TempDir
        Path directory;

        private final CountDownLatch inside = new CountDownLatch(1);
        private final CountDownLatch interrupted = new CountDownLatch(1);

        /** Connected, with a listener that hangs. */
        private void hang(ConfigManagerBuilder builder) throws InterruptedException {
            connect(builder.preload(""));
            config.listen(ConfigFilter.ALL, changes -> {
                inside.countDown();
                try {
                    new CountDownLatch(1).await();
                } catch (InterruptedException e) {
                    interrupted.countDown();
                }
            });
            put("a", "1");
            inside.await();
        }

        @Test
        void byAnInterruptedThreadLeavesNothingAndWritesTheBootSnapshot() throws Exception {
            hang(builder().bootSnapshot(directory, "here", null).maintenanceInterval(Duration.ofHours(1)));

            Thread.currentThread().interrupt();
            manager.close();

            assertThat(Thread.interrupted()).isTrue();
            assertThat(interrupted.await(20, TimeUnit.SECONDS)).isTrue();
            assertThat(directory.resolve("config.snapshot")).exists();
        }

        @Test
        void insideOfAListenerEndsTheOthersToo() throws Exception {
            hang(builder());
            config.listen(ConfigFilter.ALL, changes -> manager.close());
            put("a", "2");

            assertThat(interrupted.await(20, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Nested
    class Values extends OnMemoryStore {

        @Test
        void halfOfASurrogatePairIsRefused() {
            connect();

            assertThatThrownBy(() -> config.set("a", "x\uD83D"))
                    .isInstanceOf(InvalidConfigException.class)
                    .hasMessageContaining("surrogate");
            assertThatCode(() -> config.set("a", "x\uD83D\uDE00\u0000")).doesNotThrowAnyException();
            assertThat(config.get("a", String.class)).isEqualTo("x\uD83D\uDE00\u0000");
        }

        @Test
        void manyWildcardsAndAnUnluckyKeyTakeNoTime() {
            ConfigFilter filter = ConfigFilter.glob("**a".repeat(20) + "**b");

            assertThat(CompletableFuture.supplyAsync(() -> filter.matches("a".repeat(500))))
                    .succeedsWithin(SOON)
                    .isEqualTo(false);
            assertThat(filter.matches("a".repeat(500) + "b")).isTrue();
        }

        @Test
        void aPatternMeansWhatItsRegularExpressionMeans() {
            Random random = new Random(1);
            for (int i = 0; i < 20_000; i++) {
                ConfigFilter.Glob glob = new ConfigFilter.Glob(text(random, "ab/.*?*"));
                String key = text(random, "ab/.");
                assertThat(glob.matches(key))
                        .as("%s for '%s'", glob, key)
                        .isEqualTo(Pattern.matches(glob.regex(), key));
            }
        }

        private String text(Random random, String characters) {
            return random.ints(1 + random.nextInt(8), 0, characters.length())
                    .mapToObj(i -> characters.substring(i, i + 1))
                    .collect(Collectors.joining());
        }

        @Test
        void aKeyMayBeNamedTwice() {
            connect();
            applied(put("a", "1"));

            assertThat(config.find(ConfigFilter.keys("a", "a"), 10, null).items())
                    .hasSize(1);
        }

        @Test
        void anEntryAsAValueIsNotLargerThanTheLimit() {
            connect(builder().preload("").maximumValueBytes(10));
            Instant now = Instant.EPOCH;
            ConfigEntry large = new ConfigEntry(
                    "", "a", "\"" + "x".repeat(10) + "\"", "json", ValueType.STRING, 1, 1, now, now, null, null);

            assertThatThrownBy(() -> config.set("a", large))
                    .isInstanceOf(InvalidConfigException.class)
                    .hasMessageContaining("larger than the limit");
        }
    }

    @Nested
    class OnDemand extends OnMemoryStore {

        private void fill() {
            for (int i = 0; i < 20; i++) {
                put("k" + i, "1");
            }
        }

        private ConfigManagerBuilder small() {
            return builder().preload("").maximumEntries(10);
        }

        @Test
        void whileTheFeedIsAwayReadsDoNotFillTheMemory() {
            fill();
            connect(small());
            store.beforeAnswer = call -> {
                if (call.equals("openFeed")) {
                    throw new StoreException("expected", true, null);
                }
            };
            memory.cutFeeds();
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.STALE);
            put("k19", "2");
            for (int i = 0; i < 100; i++) {
                config.get("absent" + i, Integer.class, 0);
            }

            assertThat(((DefaultConfig) config).cache().state().own()).hasSizeLessThanOrEqualTo(10);
            assertThat(config.get("k19", Integer.class)).isEqualTo(2);
        }

        /** What is not in memory is told as an insert, so that an insert and a delete are not always nothing. */
        @Test
        void aSlowListenerIsToldOfTheDeletionOfWhatItKnewBefore() {
            fill();
            connect(small());
            CountDownLatch blocked = new CountDownLatch(1);
            Set<String> told = ConcurrentHashMap.newKeySet();
            config.listen(ConfigFilter.ALL, changes -> {
                changes.changes().forEach(change -> told.add(change.kind() + " " + change.key()));
                uninterrupted(blocked);
            });
            put("k18", "2");
            await().atMost(SOON).until(() -> told.contains("INSERT k18"));
            applied(put("k19", "2"));
            assertThat(config.get("k19", Integer.class)).isEqualTo(2);
            delete("k19");
            for (int i = 0; i < 2 * Lane.LONGEST_QUEUE; i++) {
                put("k" + i % 10, String.valueOf(i));
            }
            await().atMost(SOON).until(() -> manager.subscriptionStats().coalesced() > 0);
            blocked.countDown();

            await().atMost(SOON).untilAsserted(() -> assertThat(told).contains("DELETE k19"));
        }

        @Test
        void aReloadThatFailsIsToldLater() {
            fill();
            connect(builder()
                    .preload("other")
                    .startup(StartupPolicy.DEFAULTS, SOON)
                    .maximumEntries(10));
            outage();
            Set<String> told = ConcurrentHashMap.newKeySet();
            config.listen(ConfigFilter.ALL, changes -> changes.changes().forEach(change -> told.add(change.key())));
            AtomicInteger lists = new AtomicInteger();
            store.beforeAnswer = call -> {
                if (call.equals("list") && lists.incrementAndGet() == 1) {
                    throw new StoreException("expected", true, null);
                }
            };
            memory.setAvailable(true);

            await().atMost(SOON).untilAsserted(() -> assertThat(told).hasSize(20));
        }

        @Test
        void whatFollowsOneKeyIsToldThatAnyMayHaveChanged() {
            fill();
            BlockingQueue<String> reloaded = new LinkedBlockingQueue<>();
            AtomicInteger calls = new AtomicInteger();
            connect(small().onApplied(reloaded(namespace -> {
                        throw new IllegalStateException("expected");
                    }))
                    .onApplied(reloaded(namespace -> {
                        if (calls.incrementAndGet() == 1) {
                            throw new StoreException("expected", true, null);
                        }
                        reloaded.add(namespace);
                    })));
            reloaded.clear();
            duringAGap(() -> put("k3", "2"));

            assertThat(reloaded).contains("");
        }

        private static ConfigManagerBuilder.Applier reloaded(Consumer<String> reloader) {
            return new ConfigManagerBuilder.Applier() {
                @Override
                public void accept(ConfigChangeSet changes) {}

                @Override
                public void reloaded(String namespace) {
                    reloader.accept(namespace);
                }
            };
        }
    }

    private static SecretKey key(Runnable asked) {
        return new SecretKey() {
            private static final long serialVersionUID = 1;

            @Override
            public String getAlgorithm() {
                return "AES";
            }

            @Override
            public String getFormat() {
                return "RAW";
            }

            @Override
            public byte[] getEncoded() {
                asked.run();
                return new byte[16];
            }
        };
    }

    private static void uninterrupted(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void throwUndeclared(Throwable failure) throws E {
        throw (E) failure;
    }
}
