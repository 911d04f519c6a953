// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.LogEntry;
import io.configmanager.Outbox;
import io.configmanager.QueuedWrite;
import io.configmanager.QueuedWrite.State;
import io.configmanager.StoreException;
import io.configmanager.WatchState;
import io.configmanager.WriteOptions;
import io.configmanager.WriteResult;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import io.configmanager.outbox.OutboxSettings;
import io.configmanager.store.TcpProxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** Rows O4 to O9 of the faults: what is queued while a real server is away, and what becomes of it. */
class OutboxOnPostgresTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    @TempDir
    Path directory;

    private final TestDatabase database = new TestDatabase(OutboxOnPostgresTest.class);
    private final TcpProxy proxy = new TcpProxy("127.0.0.1", TestDatabase.port());
    private final HikariDataSource proxied = TestDatabase.pool(
            TestDatabase.connections(proxy.port()), 4, settings -> settings.setConnectionTimeout(500));
    private ConfigManager manager;
    private Config config;

    @BeforeEach
    void start() {
        database.execute("INSERT INTO public.config_entry (key, value) VALUES ('app/limit', '1')");
        connect(StartupPolicy.FAIL);
    }

    @AfterEach
    void stop() {
        manager.close();
        proxied.close();
        proxy.close();
        database.close();
    }

    /** O6: one key is created, changed, deleted and created again while the server is away. */
    @Test
    void o6WhatIsQueuedIsAppliedInOrderWhenTheServerIsBack() {
        away();
        config.set("app/new", 1, WriteOptions.DEFAULT.withAuthor("alice").withComment("while away"));
        config.set("app/new", 2);
        config.delete("app/new");
        WriteResult last = config.set("app/new", 3);
        assertThat(last.queued()).isTrue();
        assertThat(config.get("app/new", Integer.class)).isEqualTo(3);
        back();
        await().atMost(SOON).until(() -> outbox().stats().pending() == 0);
        List<LogEntry> history = config.history("app/new", 10, null).items();
        assertThat(history).extracting(OutboxOnPostgresTest::value).containsExactly("3", "deleted", "2", "1");
        assertThat(history.get(3).author()).isEqualTo("alice");
        assertThat(history.get(3).comment()).isEqualTo("while away");
        assertThat(outbox().writes()).isEmpty();
        assertThat(config.get("app/new", Integer.class)).isEqualTo(3);
    }

    /** O4: the server commits, and the connection is cut before it can say so. */
    @Test
    void o4ACommitWhoseAnswerIsLostIsNotAppliedTwice() {
        CompletableFuture<Void> cut = proxy.cutAfterClientBytesMatching("\"lost answer\"");
        CompletableFuture<Void> refused = cut.thenRun(() -> proxy.refuse(true));
        WriteResult result = config.set("app/limit", "lost answer");
        proxy.refuse(true);
        proxy.cut();
        config.set("app/limit", "after it");
        back();
        await().atMost(SOON).until(() -> outbox().stats().pending() == 0);
        assertThat(refused).isDone();
        assertThat(outbox().writes()).isEmpty();
        assertThat(config.history("app/limit", 10, null).items())
                .as(result.status().name())
                .extracting(OutboxOnPostgresTest::value)
                .containsExactly("\"after it\"", "\"lost answer\"", "1");
    }

    /** O5: somebody else changes the key with plain SQL meanwhile. */
    @Test
    void o5WhatChangedMeanwhileIsNotOverwritten() {
        away();
        WriteResult mine = config.set("app/limit", 2);
        config.set("app/other", 2);
        database.execute("UPDATE public.config_entry SET value = '3', author = 'psql' WHERE key = 'app/limit'");
        back();
        await().atMost(SOON).until(() -> outbox().stats().conflicts() == 1);
        await().atMost(SOON).until(() -> config.get("app/other", Integer.class, 0) == 2);
        await().atMost(SOON).until(() -> config.get("app/limit", Integer.class) == 3);
        assertThat(outbox().writes().get(0).reason()).contains("version 1").contains("version 2");
        assertThat(outbox().force(mine.operationId())).isTrue();
        await().atMost(SOON).until(() -> outbox().writes().isEmpty());
        assertThat(config.get("app/limit", Integer.class)).isEqualTo(2);
    }

    /** O7: the table does not take one of the rows. */
    @Test
    void o7WhatTheDatabaseRefusesForeverIsSetAsideAndTheRestGoesOn() {
        database.execute("ALTER TABLE public.config_entry ADD CONSTRAINT no_evil CHECK (value <> '\"evil\"')");
        away();
        config.set("app/limit", "evil");
        config.set("app/other", 2);
        back();
        await().atMost(SOON)
                .until(() -> config.get("app/other", Integer.class, 0) == 2
                        && outbox().stats().pending() == 0);
        assertThat(outbox().writes()).extracting(QueuedWrite::state).containsExactly(State.DEAD);
        assertThat(outbox().writes().get(0).reason()).contains("23514").doesNotContain("evil");
        assertThat(config.get("app/limit", Integer.class)).isEqualTo(1);
    }

    /** O9: the database is another one now, although the key has the same version. */
    @Test
    void o9AChangedLineageMakesAConflict() {
        away();
        config.set("app/limit", 2);
        database.execute("UPDATE public.config_head SET lineage = gen_random_uuid()");
        back();
        await().atMost(SOON).until(() -> outbox().stats().conflicts() == 1);
        assertThat(outbox().writes().get(0).reason()).contains("history");
        await().atMost(SOON).until(() -> config.get("app/limit", Integer.class) == 1);
    }

    /** What is queued outlives the process; the next one reads it before the server is back. */
    @Test
    void aRestartWhileTheServerIsAwayLosesNothing() {
        away();
        config.set("app/limit", 2);
        manager.close();
        connect(StartupPolicy.SNAPSHOT);
        assertThat(config.get("app/limit", Integer.class)).isEqualTo(2);
        assertThat(config.set("app/limit", 3).queued()).isTrue();
        back();
        await().atMost(SOON).until(() -> outbox().stats().pending() == 0);
        assertThat(config.history("app/limit", 10, null).items())
                .extracting(OutboxOnPostgresTest::value)
                .containsExactly("3", "2", "1");
    }

    /** Business rows and configuration vanish together, so nothing of it may come later. */
    @Test
    void aWriteWithinATransactionIsNeverQueued() {
        TransactionTemplate transaction = new TransactionTemplate(new JdbcTransactionManager(proxied));
        assertThatThrownBy(() -> transaction.executeWithoutResult(status -> {
                    config.set("app/other", 1);
                    proxy.refuse(true);
                    proxy.cut();
                    config.set("app/limit", 2);
                }))
                .isInstanceOf(RuntimeException.class);
        assertThat(outbox().writes()).isEmpty();
        config.set("app/limit", 5);
        assertThat(outbox().stats().pending()).isEqualTo(1);
        proxy.refuse(false);
        await().atMost(SOON).until(() -> outbox().stats().pending() == 0);
        assertThat(config.latest("app/other")).isEqualTo(Optional.empty());
    }

    /** The write that finds out costs one attempt; closing while the network is frozen does not wait. */
    @Test
    void aFrozenNetworkQueuesAfterTheCallTimeoutAndDoesNotHoldUpClosing() {
        proxy.freeze(true);
        assertThat(config.set("app/limit", 2).queued()).isTrue();
        await().atMost(SOON)
                .until(() -> outbox().writes().get(0).attempts() > 0
                        || manager.watchStatus().state() != WatchState.LIVE);
        long start = System.nanoTime();
        manager.close();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(4));
        proxy.freeze(false);
        connect(StartupPolicy.FAIL);
        await().atMost(SOON).until(() -> outbox().stats().pending() == 0);
        assertThat(config.history("app/limit", 10, null).items())
                .extracting(OutboxOnPostgresTest::value)
                .containsExactly("2", "1");
    }

    private void connect(StartupPolicy policy) {
        PostgresConfigStore store = PostgresConfigStore.builder(proxied)
                .listenConnections(TestDatabase.connections(proxy.port()))
                .names(database.names)
                .pollIntervals(Duration.ofSeconds(1), Duration.ofMillis(200))
                .callTimeout(Duration.ofSeconds(1))
                .build();
        manager = ConfigManagerBuilder.forStore(store)
                .preload("")
                .bootSnapshot(directory.resolve("snapshot"), "test", null)
                .startup(policy, policy == StartupPolicy.FAIL ? SOON : Duration.ofMillis(500))
                .outbox(OutboxSettings.in(directory.resolve("outbox"), "test"))
                .build();
        manager.connect();
        config = manager.namespace("");
    }

    private void away() {
        proxy.refuse(true);
        proxy.cut();
        await().atMost(SOON).until(() -> manager.watchStatus().state() != WatchState.LIVE);
    }

    private void back() {
        proxy.refuse(false);
        await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.LIVE);
    }

    private Outbox outbox() {
        return manager.outbox().orElseThrow();
    }

    private static String value(LogEntry line) {
        return line.entry() == null ? "deleted" : line.entry().value();
    }

    /** A password that was changed, or a right that was taken, is somebody's mistake: nothing is lost by it. */
    @Test
    void aStoreThatRefusesTheUserHoldsTheQueue() {
        away();
        config.set("app/limit", 2);
        database.execute("ALTER FUNCTION public.config_commit RENAME TO config_commit_away");
        back();
        await().atMost(SOON).until(() -> outbox().writes().get(0).attempts() > 0);
        assertThat(outbox().writes()).extracting(QueuedWrite::state).containsExactly(State.PENDING);
        assertThat(outbox().writes().get(0).reason()).contains("schema is missing or incomplete");
        assertThatThrownBy(() -> config.set("app/third", 2)).isInstanceOf(StoreException.class);
        database.execute("ALTER FUNCTION public.config_commit_away RENAME TO config_commit");
        await().atMost(SOON).until(() -> outbox().writes().isEmpty());
    }
}
