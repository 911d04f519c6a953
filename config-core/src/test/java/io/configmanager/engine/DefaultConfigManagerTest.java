// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.configmanager.CacheStats;
import io.configmanager.Condition;
import io.configmanager.Config;
import io.configmanager.ConfigChange;
import io.configmanager.ConfigChange.Kind;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigHealth;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigObserver;
import io.configmanager.ConfigValueException;
import io.configmanager.InvalidConfigException;
import io.configmanager.KeyNotFoundException;
import io.configmanager.ManagerStateException;
import io.configmanager.NamespaceStatus;
import io.configmanager.NamespaceStatus.Loading;
import io.configmanager.Page;
import io.configmanager.StoreException;
import io.configmanager.Subscription;
import io.configmanager.TypeRef;
import io.configmanager.ValueType;
import io.configmanager.VersionConflictException;
import io.configmanager.WatchState;
import io.configmanager.WriteOptions;
import io.configmanager.WriteResult;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import io.configmanager.store.Commit;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.Operation;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** The whole manager on the memory store, as an application sees it. */
class DefaultConfigManagerTest {

    private static final Duration SOON = Duration.ofSeconds(5);
    private static final Duration STOP = Duration.ofSeconds(2);

    private final Logger engineLog = (Logger) LoggerFactory.getLogger("io.configmanager.engine");
    private final AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));
    private final MemoryConfigStore memory = new MemoryConfigStore(now::get);
    private final MemoryConfigStore others = memory.another();
    private final FaultyStore store = new FaultyStore(memory);
    private final List<ConfigManager> managers = new ArrayList<>();

    @BeforeEach
    void quiet() {
        engineLog.setLevel(Level.OFF);
    }

    @AfterEach
    void closeManagers() {
        managers.forEach(ConfigManager::close);
        engineLog.setLevel(null);
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet())
                        .extracting(Thread::getName)
                        .noneMatch(name -> name.startsWith("config-")));
    }

    private ConfigManagerBuilder builder() {
        return ConfigManagerBuilder.forStore(store)
                .startup(StartupPolicy.FAIL, SOON)
                .retry(Duration.ofMillis(5), Duration.ofMillis(20), Duration.ofMillis(50));
    }

    private ConfigManager manager(ConfigManagerBuilder builder) {
        ConfigManager manager = builder.build();
        managers.add(manager);
        return manager;
    }

    private ConfigManager connected() {
        return connected(builder());
    }

    private ConfigManager connected(ConfigManagerBuilder builder) {
        ConfigManager manager = manager(builder);
        manager.connect();
        return manager;
    }

    private long put(String namespace, String key, String json) {
        return others.commit(Commit.of(
                        List.of(new Operation.Put(
                                namespace, key, json, "json", ValueType.OBJECT, null, Condition.ALWAYS)),
                        "other",
                        null))
                .revision();
    }

    private long remove(String namespace, String key) {
        return others.commit(Commit.of(List.of(new Operation.Delete(namespace, key, Condition.ALWAYS)), "other", null))
                .revision();
    }

    private static void sees(ConfigManager manager, long revision) {
        assertThat(manager.awaitRevision(revision, SOON)).isTrue();
    }

    private static Duration timeOf(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return Duration.ofNanos(System.nanoTime() - start);
    }

    @Nested
    class Lifecycle {

        @Test
        void connectIsIdempotentAndCloseIsFinal() {
            ConfigManager manager = connected();
            manager.connect();
            assertThat(manager.watchStatus().state()).isEqualTo(WatchState.LIVE);
            assertThat(manager.health().status()).isEqualTo(ConfigHealth.Status.UP);

            manager.close();
            manager.close();
            assertThat(manager.watchStatus().state()).isEqualTo(WatchState.STOPPED);
            assertThat(manager.health().status()).isEqualTo(ConfigHealth.Status.CLOSED);
            assertThatThrownBy(manager::connect)
                    .isInstanceOf(ManagerStateException.class)
                    .hasMessageContaining("closed");
        }

        @Test
        void everyCallSaysThatTheManagerIsNotConnected() {
            ConfigManager manager = manager(builder());
            assertRefused(manager, "not connected");
            manager.connect();
            manager.close();
            assertRefused(manager, "closed");
        }

        private void assertRefused(ConfigManager manager, String why) {
            Config config = manager.namespace("app");
            List<Runnable> calls = List.of(
                    () -> config.get("k", String.class),
                    () -> config.get("k", String.class, "x"),
                    () -> config.entry("k"),
                    () -> config.latest("k"),
                    () -> config.find(ConfigFilter.ALL, 1, null),
                    () -> config.history("k", 1, null),
                    () -> config.set("k", 1),
                    () -> config.delete("k"),
                    () -> config.commit(batch -> batch.set("k", 1)),
                    config::view,
                    () -> config.listen(ConfigFilter.ALL, changes -> {}),
                    () -> manager.refresh("app", "k"),
                    () -> manager.awaitRevision(1, SOON),
                    () -> manager.sync(SOON),
                    () -> manager.storedNamespaces(1, null));
            for (Runnable call : calls) {
                assertThatThrownBy(call::run)
                        .isInstanceOf(ManagerStateException.class)
                        .hasMessageContaining(why);
            }
        }

        @Test
        void failedConnectCanBeRetried() {
            memory.setAvailable(false);
            ConfigManager manager = manager(builder().startup(StartupPolicy.FAIL, Duration.ofMillis(100)));
            assertThatThrownBy(manager::connect)
                    .isInstanceOf(ManagerStateException.class)
                    .hasMessageContaining("not available")
                    .hasCauseInstanceOf(StoreException.class);

            memory.setAvailable(true);
            manager.connect();
            assertThat(manager.watchStatus().state()).isEqualTo(WatchState.LIVE);
        }

        @Test
        void permanentFailureFailsAtOnceAndCanBeRetriedToo() {
            store.broken = true;
            ConfigManager manager = manager(builder().startup(StartupPolicy.FAIL, Duration.ofSeconds(30)));
            assertThat(timeOf(() -> assertThatThrownBy(manager::connect)
                            .isInstanceOf(ManagerStateException.class)
                            .hasMessageContaining("table does not exist")))
                    .isLessThan(SOON);

            store.broken = false;
            manager.connect();
            assertThat(manager.watchStatus().state()).isEqualTo(WatchState.LIVE);
        }

        @Test
        void namespaceIsMemoizedAndChecked() {
            ConfigManager manager = manager(builder());
            assertThat(manager.namespace("app")).isSameAs(manager.namespace("app"));
            assertThat(manager.namespace("")).isNotSameAs(manager.namespace("app"));
            assertThatThrownBy(() -> manager.namespace("no/slash")).isInstanceOf(InvalidConfigException.class);
            assertThatThrownBy(() -> manager.namespace("internal:x")).isInstanceOf(InvalidConfigException.class);
        }

        @Test
        void closeBeforeConnect() {
            ConfigManager manager = manager(builder());
            assertThat(timeOf(manager::close)).isLessThan(STOP);
            assertThatThrownBy(manager::connect).isInstanceOf(ManagerStateException.class);
        }

        @Test
        void closeWhileConnectingToADeadStore() throws Exception {
            store.hanging = true;
            ConfigManager manager = manager(builder().startup(StartupPolicy.FAIL, Duration.ofSeconds(60)));
            CompletableFuture<Void> connecting = CompletableFuture.runAsync(manager::connect);
            await().atMost(SOON).until(() -> store.snapshots.get() > 0);
            assertThat(timeOf(manager::close)).isLessThan(STOP);
            assertThatThrownBy(() -> connecting.get(5, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(ManagerStateException.class)
                    .hasMessageContaining("closed while it was connecting");
        }

        @Test
        void closeDuringABlockedPoll() {
            ConfigManager manager = connected(builder().pollTimeout(Duration.ofMinutes(5)));
            assertThat(timeOf(manager::close)).isLessThan(Duration.ofSeconds(1));
        }

        @Test
        void closeWhileTheStoreHangs() {
            ConfigManager manager = connected();
            store.hanging = true;
            memory.cutFeeds();
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.STALE);
            assertThat(timeOf(manager::close)).isLessThan(STOP);
        }

        @Test
        void closeWhileRetrying() {
            ConfigManager manager =
                    connected(builder().retry(Duration.ofMinutes(1), Duration.ofMinutes(1), Duration.ofMillis(50)));
            memory.setAvailable(false);
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.STALE);
            assertThat(timeOf(manager::close)).isLessThan(Duration.ofSeconds(1));
        }

        @Test
        void closeFromAListener() throws Exception {
            ConfigManager manager = connected();
            CompletableFuture<Duration> took = new CompletableFuture<>();
            manager.namespace("app").listen(ConfigFilter.ALL, changes -> took.complete(timeOf(manager::close)));
            manager.namespace("app").set("k", 1);
            assertThat(took.get(5, TimeUnit.SECONDS)).isLessThan(STOP);
            assertThat(manager.watchStatus().state()).isEqualTo(WatchState.STOPPED);
        }

        @Test
        void closeFromAnApplier() throws Exception {
            AtomicReference<ConfigManager> self = new AtomicReference<>();
            CompletableFuture<Duration> took = new CompletableFuture<>();
            ConfigManager manager =
                    connected(builder().preload("app").onApplied(changes -> took.complete(timeOf(self.get()::close))));
            self.set(manager);
            manager.namespace("app").set("k", 1);
            assertThat(took.get(5, TimeUnit.SECONDS)).isLessThan(STOP);
        }

        @Test
        void closeWhileAListenerBlocksAndWhileOthersWait() throws Exception {
            ConfigManager manager = connected();
            CountDownLatch entered = new CountDownLatch(1);
            AtomicReference<Throwable> ended = new AtomicReference<>();
            manager.namespace("app").listen(ConfigFilter.ALL, changes -> {
                entered.countDown();
                try {
                    new CountDownLatch(1).await();
                } catch (InterruptedException e) {
                    ended.set(e);
                }
            });
            manager.namespace("app").set("k", 1);
            entered.await();
            CompletableFuture<Boolean> waiting = new CompletableFuture<>();
            Thread waiter = new Thread(() -> waiting.complete(manager.awaitRevision(1_000, Duration.ofMinutes(5))));
            waiter.start();
            await().atMost(SOON).until(() -> waiter.getState() == Thread.State.TIMED_WAITING);
            assertThat(timeOf(manager::close)).isLessThan(STOP);
            assertThat(waiting).succeedsWithin(SOON).isEqualTo(false);
            await().atMost(SOON).untilAsserted(() -> assertThat(ended).doesNotHaveValue(null));
        }

        @Test
        void interruptAndErrorDoNotEndTheWatch() {
            AtomicInteger calls = new AtomicInteger();
            ConfigManager manager = connected(builder().preload("app").onApplied(changes -> {
                if (calls.incrementAndGet() == 1) {
                    Thread.currentThread().interrupt();
                    throw new AssertionError("an applier's error");
                }
            }));
            manager.namespace("app").set("k", 1);
            long last = manager.namespace("app").set("k", 2).revision();
            sees(manager, last);
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.LIVE);
            sees(manager, put("app", "k", "3"));
            assertThat(manager.namespace("app").get("k", Integer.class)).isEqualTo(3);
        }
    }

    @Nested
    class Startup {

        @Test
        void defaultsServesNothingThenBecomesLiveAndTellsTheInserts() {
            put("app", "k", "1");
            memory.setAvailable(false);
            ConfigManager manager = connected(builder().startup(StartupPolicy.DEFAULTS, Duration.ofMillis(50)));
            Config config = manager.namespace("app");
            assertThat(manager.watchStatus().state()).isEqualTo(WatchState.STARTING);
            assertThat(config.get("k", Integer.class, 42)).isEqualTo(42);
            assertThat(config.view().entries()).isEmpty();
            BlockingQueue<ConfigChangeSet> told = new LinkedBlockingQueue<>();
            config.listen(ConfigFilter.ALL, told::add);

            memory.setAvailable(true);
            await().atMost(SOON).until(() -> config.get("k", Integer.class, 42) == 1);
            await().atMost(SOON).until(() -> !told.isEmpty());
            assertThat(told.remove().changes())
                    .extracting(ConfigChange::kind, ConfigChange::key)
                    .containsExactly(org.assertj.core.groups.Tuple.tuple(Kind.INSERT, "k"));
            assertThat(manager.watchStatus().state()).isEqualTo(WatchState.LIVE);
        }

        @Test
        void firstUseDuringAnOutageFailsClearlyAndWorksAfterwards() {
            put("app", "k", "1");
            ConfigManager manager = connected();
            memory.setAvailable(false);
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.STALE);
            assertThatThrownBy(() -> manager.namespace("app").get("k", Integer.class))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("not in memory yet");
            assertThatThrownBy(() -> manager.namespace("app").watch("k", Integer.class))
                    .isInstanceOf(StoreException.class);
            assertThat(manager.subscriptionStats().open())
                    .as("nobody could close it")
                    .isZero();
            memory.setAvailable(true);
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.LIVE);
            assertThat(manager.namespace("app").get("k", Integer.class)).isEqualTo(1);
        }

        @Test
        void firstUseWhileOnlyTheFeedIsCutReadsTheStore() {
            put("app", "k", "1");
            ConfigManager manager =
                    connected(builder().retry(Duration.ofMinutes(1), Duration.ofMinutes(1), Duration.ofMillis(50)));
            memory.cutFeeds();
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.STALE);
            assertThat(manager.namespace("app").get("k", Integer.class)).isEqualTo(1);
        }

        @Test
        void firstLoadIsNoChange() {
            put("app", "k", "1");
            BlockingQueue<ConfigChangeSet> applied = new LinkedBlockingQueue<>();
            ConfigManager manager = connected(builder().preload("app").onApplied(applied::add));
            assertThat(manager.namespace("app").get("k", Integer.class)).isEqualTo(1);
            sees(manager, put("app", "k", "2"));
            await().atMost(SOON).until(() -> !applied.isEmpty());
            assertThat(applied.remove().changes().get(0).kind()).isEqualTo(Kind.UPDATE);
        }

        /** An own write between the snapshot of a first use and the moment at which it is taken. */
        @Test
        void ownWriteDuringTheFirstLoadIsReadable() {
            put("app", "k", "1");
            ConfigManager manager = connected(builder().pollTimeout(Duration.ofMinutes(5)));
            memory.cutFeeds();
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.LIVE);
            AtomicInteger once = new AtomicInteger();
            store.beforeAnswer = call -> {
                if (call.equals("snapshot") && once.getAndIncrement() == 0) {
                    manager.namespace("app").set("k", 2);
                }
            };
            assertThat(manager.namespace("app").get("k", Integer.class)).isEqualTo(2);
        }
    }

    @Nested
    class Reads {

        @Test
        void typedReads() {
            put("app", "n", "5");
            put("app", "list", "[\"1s\",\"2s\"]");
            Config config = connected().namespace("app");
            assertThat(config.get("n", Integer.class)).isEqualTo(5);
            assertThat(config.get("n", int.class)).isEqualTo(5);
            assertThat(config.get("n", String.class)).isEqualTo("5");
            assertThat(config.get("none", Integer.class, 7)).isEqualTo(7);
            assertThat(config.get("list", new TypeRef<List<String>>() {})).contains(List.of("1s", "2s"));
            assertThat(config.get("none", new TypeRef<List<String>>() {})).isEmpty();
            assertThat(config.entry("n")).map(ConfigEntry::version).contains(1L);
            assertThat(config.entry("none")).isEmpty();
            assertThatThrownBy(() -> config.get("none", String.class)).isInstanceOf(KeyNotFoundException.class);
            assertThatThrownBy(() -> config.get("list", Integer.class))
                    .isInstanceOf(ConfigValueException.class)
                    .hasMessageNotContaining("1s");
            assertThatThrownBy(() -> config.get("../up", String.class)).isInstanceOf(InvalidConfigException.class);
            assertThatThrownBy(() -> config.get("", String.class, "")).isInstanceOf(InvalidConfigException.class);
        }

        @Test
        void decodedValueIsRemembered() {
            put("app", "m", "{\"a\":1}");
            Config config = connected().namespace("app");
            TypeRef<Map<String, Integer>> type = new TypeRef<>() {};
            assertThat(config.get("m", type).orElseThrow())
                    .isSameAs(config.get("m", type).orElseThrow());
        }

        @Test
        void hitsDoNoStoreCallAndAbsenceIsAHitToo() {
            put("app", "k", "1");
            ConfigManager manager = connected();
            Config config = manager.namespace("app");
            config.get("k", Integer.class);
            int snapshots = store.snapshots.get();
            for (int i = 0; i < 10; i++) {
                config.get("k", Integer.class);
                config.get("none", Integer.class, 1);
            }
            CacheStats stats = manager.cacheStats();
            assertThat(stats.size()).isEqualTo(1);
            assertThat(stats.hits()).isEqualTo(21);
            assertThat(stats.misses()).isZero();
            assertThat(stats.evictions()).isZero();
            assertThat(store.gets).hasValue(0);
            assertThat(store.snapshots).hasValue(snapshots);
        }

        @Test
        void readsGoOnDuringAnOutage() {
            put("app", "k", "1");
            ConfigManager manager = connected();
            Config config = manager.namespace("app");
            config.get("k", Integer.class);
            memory.setAvailable(false);
            await().atMost(SOON).until(() -> manager.watchStatus().consecutiveFailures() >= 3);
            assertThat(config.get("k", Integer.class)).isEqualTo(1);
            assertThatThrownBy(() -> config.latest("k")).isInstanceOf(StoreException.class);
            assertThatThrownBy(() -> config.set("k", 2)).isInstanceOf(StoreException.class);
            put("app", "k", "3");
            remove("app", "gone");
            memory.setAvailable(true);
            await().atMost(SOON).until(() -> config.get("k", Integer.class) == 3);
        }

        @Test
        void findPagesOverTheCacheInKeyOrder() {
            for (int i = 0; i < 25; i++) {
                put("app", "a/" + (char) ('a' + i), "1");
            }
            put("app", "a", "1");
            put("app", "ab", "1");
            put("app", "b/x", "1");
            ConfigManager manager = connected(builder().pollTimeout(Duration.ofMinutes(5)));
            Config config = manager.namespace("app");
            config.entry("a");
            sees(manager, remove("app", "a/c"));
            config.set("a/zz", 1);
            config.delete("a/d");

            List<String> found = new ArrayList<>();
            String cursor = null;
            do {
                Page<ConfigEntry> page = config.find(ConfigFilter.prefix("a"), 7, cursor);
                page.items().forEach(entry -> found.add(entry.key()));
                cursor = page.cursor();
                assertThat(page.items().size())
                        .isEqualTo(page.hasNext() ? 7 : page.items().size());
            } while (!cursor.isEmpty());
            assertThat(found)
                    .hasSize(24)
                    .isSorted()
                    .doesNotHaveDuplicates()
                    .contains("a/zz")
                    .doesNotContain("a", "ab", "a/c", "a/d");
            assertThat(config.find(ConfigFilter.keys("b/x", "none", "a"), 10, null)
                            .items())
                    .extracting(ConfigEntry::key)
                    .containsExactly("a", "b/x");
            assertThat(config.find(ConfigFilter.keys("b/x", "none", "a"), 1, null)
                            .hasNext())
                    .isTrue();
            assertThatThrownBy(() -> config.find(ConfigFilter.ALL, 0, null)).isInstanceOf(InvalidConfigException.class);
            assertThatThrownBy(() -> config.find(ConfigFilter.ALL, 1, "nonsense"))
                    .isInstanceOf(InvalidConfigException.class);
        }

        @Test
        void entriesExpireByTheStoresClock() {
            ConfigManager manager = connected(builder().maintenanceInterval(Duration.ofHours(1)));
            Config config = manager.namespace("app");
            config.set("k", 1, WriteOptions.DEFAULT.withTtl(Duration.ofMinutes(1)));
            assertThat(config.get("k", Integer.class, 0)).isEqualTo(1);
            now.updateAndGet(time -> time.plusSeconds(60));
            assertThat(manager.sync(SOON)).isTrue();
            put("other", "tick", "1");
            await().atMost(SOON).until(() -> config.get("k", Integer.class, 0) == 0);
            assertThat(config.entry("k")).isEmpty();
            assertThat(config.view().entries()).isEmpty();
            assertThat(config.find(ConfigFilter.ALL, 10, null).items()).isEmpty();
            assertThat(config.set("k", 2, WriteOptions.createOnly()).entry().version())
                    .isEqualTo(2);
            assertThat(config.get("k", Integer.class)).isEqualTo(2);
        }

        @Test
        void rejectedValueKeepsTheLastGoodOneAndIsReported() {
            List<String> rejected = new CopyOnWriteArrayList<>();
            put("app", "k", "1");
            put("app", "new", "{bad");
            ConfigManager manager = connected(builder().preload("app").observer(new ConfigObserver() {
                @Override
                public void rejected(String namespace, String key) {
                    rejected.add(namespace + ":" + key);
                }
            }));
            sees(manager, put("app", "k", "{bad"));
            Config config = manager.namespace("app");
            assertThat(config.get("k", Integer.class)).isEqualTo(1);
            assertThat(config.get("new", Integer.class, 0)).isZero();
            NamespaceStatus status = manager.activeNamespaces().get(0);
            assertThat(status.name()).isEqualTo("app");
            assertThat(status.loading()).isEqualTo(Loading.PRELOADED);
            assertThat(status.rejected()).containsOnlyKeys("k", "new");
            assertThat(rejected).containsExactlyInAnyOrder("app:new", "app:k");
            sees(manager, put("app", "k", "2"));
            assertThat(config.get("k", Integer.class)).isEqualTo(2);
            assertThat(manager.activeNamespaces().get(0).rejected()).containsOnlyKeys("new");
        }
    }

    @Nested
    class Writes {

        @Test
        void conditions() {
            Config config = connected().namespace("app");
            assertThatThrownBy(() -> config.set("k", 1, WriteOptions.updateOnly()))
                    .isInstanceOf(VersionConflictException.class);
            assertThat(config.set("k", 1, WriteOptions.createOnly()).entry().version())
                    .isEqualTo(1);
            assertThatThrownBy(() -> config.set("k", 2, WriteOptions.createOnly()))
                    .isInstanceOf(VersionConflictException.class);
            assertThat(config.set("k", 2, WriteOptions.expectVersion(1)).entry().version())
                    .isEqualTo(2);
            assertThatThrownBy(() -> config.delete("k", WriteOptions.expectVersion(1)))
                    .isInstanceOf(VersionConflictException.class);
            assertThat(config.get("k", Integer.class)).isEqualTo(2);
            assertThat(config.delete("k", WriteOptions.expectVersion(2)).changed())
                    .isTrue();
            assertThat(config.delete("k").changed()).isFalse();
            assertThat(config.history("k", 10, null).items()).hasSize(3);
        }

        @Test
        void onlyWhatIsToBeSecretIs() {
            ConfigManager manager = connected();
            Config config = manager.namespace("app");
            assertThat(config.namespace()).isEqualTo("app");
            WriteOptions secret = WriteOptions.DEFAULT.asSecret();
            ConfigEntry plain = config.set("plain", 1).entry();
            assertThat(plain.type()).isEqualTo(ValueType.INTEGER);
            assertThat(config.set("copy", plain).entry().type()).isEqualTo(ValueType.INTEGER);
            assertThat(config.set("copy", plain, secret).entry().secret()).isTrue();
            WriteResult last = config.set("secret", 1, secret);
            assertThat(last.entry().secret()).isTrue();

            assertThat(manager.awaitRevision(last.revision(), SOON)).isTrue();
            assertThat(config.view().entry("secret")).contains(last.entry());
            assertThat(config.view().entry("other")).isEmpty();
        }

        @Test
        void anEntryOfTheHistoryIsStoredAsItWas() {
            ConfigManager manager = connected();
            Config config = manager.namespace("app");
            others.commit(Commit.of(
                    List.of(new Operation.Put(
                            "app", "k", "{\"a\":  1}", "json", ValueType.SECRET, null, Condition.ALWAYS)),
                    null,
                    null));
            config.delete("k");
            ConfigEntry old = Objects.requireNonNull(
                    config.history("k", 10, null).items().get(1).entry());

            ConfigEntry draft = config.draft("k", old, WriteOptions.createOnly());
            assertThat(config.latest("k")).isEmpty();
            assertThat(draft.version()).isEqualTo(3);
            ConfigEntry stored = config.set("k", old, WriteOptions.createOnly()).entry();

            for (ConfigEntry entry : List.of(draft, stored)) {
                assertThat(entry.value()).isEqualTo("{\"a\":  1}");
                assertThat(entry.type()).isEqualTo(ValueType.SECRET);
            }
            assertThat(stored.version()).isEqualTo(3);
        }

        @Test
        void aDraftIsWhatAWriteWouldStore() {
            ConfigManager manager = connected();
            Config config = manager.namespace("app");
            config.set("k", "a", WriteOptions.DEFAULT.asSecret());

            ConfigEntry draft = config.draft("k", "b", WriteOptions.expectVersion(1));

            assertThat(draft.value()).isEqualTo("\"b\"");
            assertThat(draft.secret()).isTrue();
            assertThat(draft.version()).isEqualTo(2);
            assertThat(draft.pending()).isTrue();
            assertThat(config.latest("k"))
                    .get()
                    .extracting(ConfigEntry::version)
                    .isEqualTo(1L);
            assertThatThrownBy(() -> config.draft("k", "b", WriteOptions.expectVersion(2)))
                    .isInstanceOf(VersionConflictException.class);
            assertThatThrownBy(() -> config.draft("k", "b".repeat(2_000_000), WriteOptions.DEFAULT))
                    .isInstanceOf(InvalidConfigException.class);
        }

        @Test
        void batchIsAllOrNothing() {
            ConfigManager manager = connected();
            Config config = manager.namespace("app");
            config.set("old", 1);
            List<ConfigEntry> set = config.commit(
                            batch -> batch.set("a", 1).set("b", 2).delete("old").set("a", 3), "me", "why")
                    .entries();
            assertThat(set).extracting(ConfigEntry::key).containsExactly("a", "b");
            assertThat(set)
                    .extracting(ConfigEntry::revision)
                    .containsOnly(set.get(0).revision());
            assertThat(config.get("a", Integer.class)).isEqualTo(3);
            assertThat(config.get("old", Integer.class, 0)).isZero();
            assertThatThrownBy(() -> config.commit(batch -> batch.set("a", 9).delete("none", Condition.PRESENT)))
                    .isInstanceOf(VersionConflictException.class);
            assertThat(config.get("a", Integer.class)).isEqualTo(3);
            assertThatThrownBy(() -> config.commit(batch -> {})).isInstanceOf(InvalidConfigException.class);
        }

        @Test
        void valuesThatCannotBeStored() {
            Config config =
                    connected(builder().maximumValueBytes(10 * 1024 * 1024)).namespace("app");
            String longest = "x".repeat(10 * 1024 * 1024 - 2);
            config.set("k", longest);
            assertThat(config.get("k", String.class)).isEqualTo(longest);
            assertThatThrownBy(() -> config.set("k", longest + "x"))
                    .isInstanceOf(InvalidConfigException.class)
                    .hasMessageContaining("10485760");
            assertThatThrownBy(() -> config.set("k", "ä".repeat(5 * 1024 * 1024)))
                    .isInstanceOf(InvalidConfigException.class);
            assertThatThrownBy(() -> config.set("k", null)).isInstanceOf(InvalidConfigException.class);
            assertThatThrownBy(() -> config.set("a//b", 1)).isInstanceOf(InvalidConfigException.class);
        }

        @Test
        void ownWritesAreReadableAtOnceWhileTheFeedIsCut() {
            ConfigManager manager =
                    connected(builder().retry(Duration.ofMinutes(1), Duration.ofMinutes(1), Duration.ofMillis(50)));
            Config config = manager.namespace("app");
            config.set("deleted", 1);
            assertThat(config.get("deleted", Integer.class)).isEqualTo(1);
            memory.cutFeeds();
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.STALE);
            for (int i = 0; i < 100; i++) {
                config.set("k", i);
                assertThat(config.get("k", Integer.class)).isEqualTo(i);
            }
            put("app", "unseen", "1");
            config.delete("unseen");
            config.delete("deleted");
            assertThat(config.get("deleted", Integer.class, 0)).isZero();
            assertThat(config.get("unseen", Integer.class, 0)).isZero();
            assertThat(config.find(ConfigFilter.ALL, 10, null).items())
                    .extracting(ConfigEntry::key)
                    .containsExactly("k");
            assertThat(manager.awaitRevision(config.entry("k").orElseThrow().revision(), Duration.ofMillis(10)))
                    .isFalse();
        }

        @Test
        void latestBringsNewsToTheCache() {
            ConfigManager manager =
                    connected(builder().retry(Duration.ofMinutes(1), Duration.ofMinutes(1), Duration.ofMillis(50)));
            Config config = manager.namespace("app");
            config.set("k", 1);
            assertThat(config.get("k", Integer.class)).isEqualTo(1);
            memory.cutFeeds();
            await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.STALE);
            put("app", "k", "2");
            assertThat(config.get("k", Integer.class)).isEqualTo(1);
            assertThat(config.latest("k")).map(ConfigEntry::value).contains("2");
            assertThat(config.get("k", Integer.class)).isEqualTo(2);
            remove("app", "k");
            assertThat(manager.refresh("app", "k")).isEmpty();
            assertThat(config.get("k", Integer.class, 0)).isZero();
        }

        @Test
        void syncSeesWhatOthersWrote() {
            ConfigManager manager = connected();
            Config config = manager.namespace("app");
            config.entry("k");
            for (int i = 0; i < 50; i++) {
                put("app", "k", String.valueOf(i));
                assertThat(manager.sync(SOON)).isTrue();
                assertThat(config.get("k", Integer.class)).isEqualTo(i);
                assertThat(config.view().get("k", Integer.class)).contains(i);
            }
            assertThat(manager.storedNamespaces(10, null).items()).containsExactly("app");
        }
    }

    @Nested
    class Health {

        @Test
        void threeFailuresInARowAreDownAndAStablePeriodIsUp() {
            ConfigManager manager = connected();
            memory.setAvailable(false);
            await().atMost(SOON).until(() -> manager.watchStatus().consecutiveFailures() >= 3);
            assertThat(manager.health().status()).isEqualTo(ConfigHealth.Status.DOWN);
            assertThat(manager.health().problem()).contains("not available");
            memory.setAvailable(true);
            await().atMost(SOON).until(() -> {
                put("app", "tick", "1");
                return manager.health().status() == ConfigHealth.Status.UP;
            });
            assertThat(manager.watchStatus().lastError()).contains("not available");
        }

        @Test
        void gracePeriodKeepsItUp() {
            ConfigManager manager = connected(builder().health(3, Duration.ofMinutes(10)));
            memory.setAvailable(false);
            await().atMost(SOON).until(() -> manager.watchStatus().consecutiveFailures() >= 5);
            assertThat(manager.health().status()).isEqualTo(ConfigHealth.Status.UP);
            assertThat(manager.watchStatus().staleness()).isPositive();
        }
    }

    @Nested
    class Listeners {

        @Test
        void badListenersDisturbNobody() throws Exception {
            AtomicInteger failures = new AtomicInteger();
            ConfigManager manager = connected(builder().observer(new ConfigObserver() {
                @Override
                public void listenerFailed() {
                    failures.incrementAndGet();
                }
            }));
            Config config = manager.namespace("app");
            CountDownLatch release = new CountDownLatch(1);
            CountDownLatch blocked = new CountDownLatch(12);
            for (int i = 0; i < 12; i++) {
                config.listen(ConfigFilter.ALL, changes -> {
                    blocked.countDown();
                    try {
                        release.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                });
            }
            config.listen(ConfigFilter.ALL, changes -> {
                throw new IllegalStateException("a listener's fault");
            });
            config.listen(ConfigFilter.keys("k"), changes -> {
                config.set("echo", config.get("k", Integer.class));
                config.delete("none");
            });
            BlockingQueue<Integer> seen = new LinkedBlockingQueue<>();
            Subscription good =
                    config.listen(ConfigFilter.keys("k"), changes -> seen.add(config.get("k", Integer.class)));
            try {
                config.set("k", 1);
                assertThat(seen.poll(5, TimeUnit.SECONDS)).isEqualTo(1);
                assertThat(blocked.await(5, TimeUnit.SECONDS)).isTrue();
                config.set("k", 2);
                assertThat(seen.poll(5, TimeUnit.SECONDS)).isEqualTo(2);
                await().atMost(SOON).until(() -> config.get("echo", Integer.class, 0) == 2);
                await().atMost(SOON).until(() -> failures.get() >= 2);
                good.close();
                good.close();
                sees(manager, config.set("k", 3).revision());
                await().atMost(SOON).until(() -> config.get("echo", Integer.class, 0) == 3);
                assertThat(seen).isEmpty();
            } finally {
                release.countDown();
            }
        }

        @Test
        void resyncTellsExactlyTheDifference() {
            ConfigManager manager = connected();
            Config config = manager.namespace("app");
            config.commit(batch -> batch.set("same", 1).set("changed", 1).set("deleted", 1));
            assertThat(manager.sync(SOON)).isTrue();
            BlockingQueue<ConfigChangeSet> told = new LinkedBlockingQueue<>();
            config.listen(ConfigFilter.ALL, told::add);
            memory.setAvailable(false);
            put("app", "changed", "2");
            put("app", "new", "1");
            remove("app", "deleted");
            others.compact();
            memory.setAvailable(true);
            await().atMost(SOON).until(() -> !told.isEmpty());
            ConfigChangeSet difference = told.remove();
            assertThat(difference.resync()).isTrue();
            assertThat(difference.changes())
                    .extracting(change -> change.kind() + " " + change.key())
                    .containsExactly("UPDATE changed", "DELETE deleted", "INSERT new");
            assertThat(told).isEmpty();
        }
    }

    @Nested
    class OnDemand {

        private ConfigManager small(int entries) {
            return connected(builder().maximumEntries(entries));
        }

        @Test
        void namespaceThatIsTooLargeIsReadKeyByKey() {
            for (int i = 0; i < 20; i++) {
                put("app", "k" + i, String.valueOf(i));
            }
            ConfigManager manager = small(10);
            Config config = manager.namespace("app");
            for (int i = 0; i < 20; i++) {
                assertThat(config.get("k" + i, Integer.class)).isEqualTo(i);
            }
            assertThat(manager.activeNamespaces().get(0).loading()).isEqualTo(Loading.ON_DEMAND);
            assertThat(manager.cacheStats().size()).isLessThanOrEqualTo(10);
            assertThat(manager.cacheStats().misses()).isGreaterThanOrEqualTo(20);
            assertThat(manager.cacheStats().evictions()).isGreaterThanOrEqualTo(10);
            assertThatThrownBy(config::view)
                    .isInstanceOf(ManagerStateException.class)
                    .hasMessageContaining("on demand");
            assertThat(config.find(ConfigFilter.ALL, 100, null).items()).hasSize(20);
            config.set("k5", 55);
            assertThat(config.get("k5", Integer.class)).isEqualTo(55);
        }

        @Test
        void absenceIsRememberedUntilTheKeyAppears() {
            for (int i = 0; i < 5; i++) {
                put("app", "k" + i, "1");
            }
            ConfigManager manager = small(4);
            Config config = manager.namespace("app");
            assertThat(config.get("none", Integer.class, 0)).isZero();
            int gets = store.gets.get();
            assertThat(config.get("none", Integer.class, 0)).isZero();
            assertThat(store.gets).hasValue(gets);
            sees(manager, put("app", "none", "7"));
            assertThat(config.get("none", Integer.class, 0)).isEqualTo(7);
        }

        @Test
        void growingOverTheBoundChangesToOnDemand() {
            ConfigManager manager = small(3);
            Config config = manager.namespace("app");
            for (int i = 0; i < 3; i++) {
                config.set("k" + i, i);
            }
            assertThat(manager.sync(SOON)).isTrue();
            assertThat(config.view().entries()).hasSize(3);
            sees(manager, config.set("k3", 3).revision());
            assertThat(manager.activeNamespaces().get(0).loading()).isEqualTo(Loading.ON_DEMAND);
            for (int i = 0; i < 4; i++) {
                assertThat(config.get("k" + i, Integer.class)).isEqualTo(i);
            }
        }

        @Test
        void listenersHearOfOwnWritesAndOfOthers() throws Exception {
            for (int i = 0; i < 5; i++) {
                put("app", "k" + i, "1");
            }
            ConfigManager manager = small(3);
            Config config = manager.namespace("app");
            BlockingQueue<String> told = new LinkedBlockingQueue<>();
            config.listen(
                    ConfigFilter.ALL,
                    changes -> changes.changes()
                            .forEach(change ->
                                    told.add(change.key() + " " + (change.after() == null ? "gone" : "set"))));
            config.set("k1", 5);
            assertThat(told.poll(5, TimeUnit.SECONDS)).isEqualTo("k1 set");
            put("app", "k2", "5");
            assertThat(told.poll(5, TimeUnit.SECONDS)).isEqualTo("k2 set");
            config.delete("k3");
            assertThat(told.poll(5, TimeUnit.SECONDS)).isEqualTo("k3 gone");
        }

        @Test
        void resyncReadsWhatIsInMemoryAgainAndDoesNothingByHalves() {
            for (int i = 0; i < 5; i++) {
                put("app", "k" + i, "1");
            }
            ConfigManager manager = small(4);
            Config config = manager.namespace("app");
            assertThat(config.get("k0", Integer.class)).isEqualTo(1);
            AtomicInteger lists = new AtomicInteger();
            store.beforeAnswer = call -> {
                if (call.equals("list") && lists.getAndIncrement() == 0) {
                    throw new StoreException("lost half way", true, null);
                }
            };
            memory.setAvailable(false);
            long changed = put("app", "k0", "2");
            others.compact();
            memory.setAvailable(true);
            sees(manager, changed);
            assertThat(config.get("k0", Integer.class)).isEqualTo(2);
            assertThat(lists.get()).isGreaterThan(1);
            for (int i = 1; i < 5; i++) {
                assertThat(config.get("k" + i, Integer.class)).isEqualTo(1);
            }
        }
    }

    @Test
    void replacedHistoryIsNoticed() {
        List<String> reasons = new CopyOnWriteArrayList<>();
        ConfigManager manager = connected(builder().observer(new ConfigObserver() {
            @Override
            public void resynced(String reason) {
                reasons.add(reason);
            }
        }));
        Config config = manager.namespace("app");
        config.set("k", 1);
        others.replaceHistory();
        await().atMost(SOON).until(() -> reasons.contains("history_replaced"));
        config.set("k", 2);
        assertThat(config.get("k", Integer.class)).isEqualTo(2);
        sees(manager, put("app", "k", "3"));
        assertThat(config.get("k", Integer.class)).isEqualTo(3);
    }
}
