// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.InvalidConfigException;
import io.configmanager.Outbox;
import io.configmanager.OutboxStats;
import io.configmanager.QueuedWrite;
import io.configmanager.StoreException;
import io.configmanager.VersionConflictException;
import io.configmanager.WhenAway;
import io.configmanager.WriteOptions;
import io.configmanager.WriteResult;
import io.configmanager.WriteResult.Status;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import io.configmanager.outbox.OutboxSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A manager with an outbox. */
class OutboxTest extends OnMemoryStore {

    @TempDir
    Path directory;

    @BeforeEach
    void start() {
        put("known", "1");
        connect(withOutbox());
    }

    private ConfigManagerBuilder withOutbox() {
        return builder().preload("").outbox(OutboxSettings.in(directory, "memory"));
    }

    @Test
    void aWriteIsNotTriedForLongerThanTheStoreWouldRecogniseIt() {
        OutboxSettings patient =
                new OutboxSettings(directory, "memory", true, 10, 1_000, Duration.ofDays(8), SOON, SOON, SOON);
        assertThatThrownBy(() -> builder().outbox(patient).build())
                .isInstanceOf(InvalidConfigException.class)
                .hasMessageContaining("PT192H")
                .hasMessageContaining("PT168H");
    }

    @Test
    void aWriteThatReachesTheStoreIsNotQueued() {
        WriteResult result = config.set("a", 1);
        assertThat(result.status()).isEqualTo(Status.APPLIED);
        assertThat(result.revision()).isPositive();
        assertThat(result.entry().pending()).isFalse();
        assertThat(stats().pending()).isZero();
    }

    @Test
    void aWriteDoesNotWaitForAStoreThatTheWatchCannotReach() throws Exception {
        outage();
        store.hanging = true;

        WriteResult result =
                CompletableFuture.supplyAsync(() -> config.set("a", 1)).get(SOON.toSeconds(), TimeUnit.SECONDS);

        assertThat(result.status()).isEqualTo(Status.QUEUED);
    }

    @Test
    void aWriteWhileTheStoreIsAwayIsReadAtOnceAndAppliedWhenItIsBack() {
        List<Long> told = new CopyOnWriteArrayList<>();
        config.listen(ConfigFilter.keys("a"), changes -> told.add(changes.revision()));
        outage();
        WriteResult result = config.set("a", 5, WriteOptions.DEFAULT.withAuthor("alice"));
        assertThat(result.status()).isEqualTo(Status.QUEUED);
        assertThat(result.revision()).isZero();
        assertThat(result.entry().pending()).isTrue();
        assertThat(config.get("a", Integer.class)).isEqualTo(5);
        assertThat(config.entry("a")).get().extracting(ConfigEntry::pending).isEqualTo(true);
        assertThat(config.find(ConfigFilter.prefix(""), 10, null).items())
                .extracting(ConfigEntry::key)
                .containsExactly("a", "known");
        assertThat(config.view().entry("a")).isEmpty();
        assertThat(config.stored("a")).isEmpty();
        assertThat(config.stored("known")).isPresent();
        assertThat(told).isEmpty();
        QueuedWrite queued = outbox().writes().get(0);
        assertThat(queued.id()).isEqualTo(result.operationId());
        assertThat(queued.author()).isEqualTo("alice");
        recover();
        await().atMost(SOON).untilAsserted(() -> assertThat(stats().pending()).isZero());
        ConfigEntry stored = others.get("", "a").entry();
        assertThat(stored.value()).isEqualTo("5");
        assertThat(stored.author()).isEqualTo("alice");
        assertThat(config.entry("a")).get().extracting(ConfigEntry::pending).isEqualTo(false);
        await().atMost(SOON).until(() -> told.size() == 1);
    }

    @Test
    void aDeleteIsQueuedToo() {
        outage();
        WriteResult result = config.delete("known");
        assertThat(result.status()).isEqualTo(Status.QUEUED);
        assertThat(config.entry("known")).isEmpty();
        recover();
        await().atMost(SOON).until(() -> others.get("", "known").entry() == null);
    }

    @Test
    void aCommitIsQueuedAsOne() {
        outage();
        WriteResult result =
                config.commit(batch -> batch.set("a", 1).set("b", 2).delete("known"));
        assertThat(result.queued()).isTrue();
        assertThat(result.entries()).extracting(ConfigEntry::key).containsExactly("a", "b");
        assertThat(stats().pending()).isEqualTo(1);
        recover();
        await().atMost(SOON).until(() -> others.get("", "b").entry() != null);
        assertThat(others.get("", "a").entry().revision())
                .isEqualTo(others.get("", "b").entry().revision());
    }

    @Test
    void noWriteTriesAStoreThatIsAway() {
        outage();
        int tried = store.commits.get();
        for (int i = 0; i < 10; i++) {
            config.set("k" + i, i);
        }
        assertThat(store.commits).hasValue(tried);
    }

    @Test
    void aWriteDoesNotOvertakeWhatIsQueued() {
        outage();
        config.set("a", 1);
        store.beforeAnswer = call -> {
            if (call.equals("commit") && Thread.currentThread().getName().equals("config-replay")) {
                throw new StoreException("refused for now", false, null);
            }
        };
        recover();
        await().atMost(SOON).until(() -> !config.set("b", 1).queued());

        assertThat(config.set("a", 2).queued()).isTrue();

        store.beforeAnswer = call -> {};
        outbox().retry(outbox().writes().get(0).id());
        await().atMost(SOON).until(() -> stats().pending() == 0);
        assertThat(memory.get("", "a").entry().value()).isEqualTo("2");
    }

    @Test
    void aWriteMayAskToFail() {
        outage();
        assertThatThrownBy(() -> config.set("a", 1, WriteOptions.DEFAULT.whenAway(WhenAway.FAIL)))
                .isInstanceOf(StoreException.class);
        assertThatThrownBy(() -> config.commit(batch -> batch.set("a", 1, WriteOptions.DEFAULT.whenAway(WhenAway.FAIL))
                        .set("c", 1)))
                .isInstanceOf(StoreException.class);
        config.set("b", 1);
        assertThatThrownBy(() -> config.set("b", 2, WriteOptions.DEFAULT.whenAway(WhenAway.FAIL)))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("'b'")
                .hasMessageContaining("outbox");
        assertThat(config.get("b", Integer.class)).isEqualTo(1);
    }

    @Test
    void whatTheStoreRefusesIsNotQueued() {
        store.beforeAnswer = call -> {
            if (call.equals("commit")) {
                throw new StoreException("no privilege", false, null);
            }
        };
        assertThatThrownBy(() -> config.set("a", 1)).hasMessage("no privilege");
        assertThat(outbox().writes()).isEmpty();
    }

    @Test
    void aConditionThatDoesNotHoldFailsAtOnceAndIsNotQueued() {
        assertThatThrownBy(() -> config.set("known", 2, WriteOptions.createOnly()))
                .isInstanceOf(VersionConflictException.class);
        assertThat(outbox().writes()).isEmpty();
    }

    /** What somebody else wrote meanwhile stays, and both sides are kept for a decision. */
    @Test
    void whatAnotherInstanceChangedMeanwhileIsAConflict() {
        outage();
        WriteResult mine = config.set("known", 7);
        memory.setAvailable(true);
        put("known", "8");
        awaitLive();
        await().atMost(SOON).until(() -> stats().conflicts() == 1);
        await().atMost(SOON).until(() -> config.get("known", Integer.class) == 8);
        QueuedWrite conflict = outbox().writes().get(0);
        assertThat(conflict.changes().get(0).entry().value()).isEqualTo("7");
        assertThat(conflict.changes().get(0).expectedVersion()).isEqualTo(1);
        assertThat(outbox().force(mine.operationId())).isTrue();
        await().atMost(SOON)
                .until(() -> "7".equals(others.get("", "known").entry().value()));
    }

    @Test
    void whatIsQueuedSurvivesARestartWithTheStoreStillAway() {
        outage();
        config.set("a", 5);
        closeForRestart();
        memory.setAvailable(false);
        connect(withOutbox().startup(StartupPolicy.DEFAULTS, Duration.ofMillis(10)));
        assertThat(config.get("a", Integer.class)).isEqualTo(5);
        assertThat(config.set("a", 6).queued()).isTrue();
        recover();
        await().atMost(SOON).until(() -> stats().pending() == 0);
        assertThat(others.history("", "a", 10, null).items())
                .extracting(line -> line.entry().value())
                .containsExactly("6", "5");
        assertThat(config.get("a", Integer.class)).isEqualTo(6);
    }

    @Test
    void aNamespaceThatIsNotInMemoryCanBeWritten() {
        outage();
        manager.namespace("other").set("a", 1);
        recover();
        await().atMost(SOON).until(() -> others.get("other", "a").entry() != null);
    }

    @Test
    void readsMayLeaveOutWhatIsPending() {
        closeForRestart();
        OutboxSettings in = OutboxSettings.in(directory, "memory");
        connect(builder()
                .preload("")
                .outbox(new OutboxSettings(
                        directory,
                        "memory",
                        false,
                        in.maximumOperations(),
                        in.maximumBytes(),
                        in.deadline(),
                        in.pendingInterval(),
                        in.idleInterval(),
                        in.passTimeout())));
        outage();
        config.set("known", 2);
        assertThat(config.get("known", Integer.class)).isEqualTo(1);
    }

    @Test
    void aManagerWithoutOutboxFailsAsBefore() {
        closeForRestart();
        connect();
        assertThat(manager.outbox()).isEmpty();
        outage();
        assertThatThrownBy(() -> config.set("a", 1)).isInstanceOf(StoreException.class);
    }

    private void closeForRestart() {
        manager.close();
        memory = others.another();
    }

    private Outbox outbox() {
        return manager.outbox().orElseThrow();
    }

    private OutboxStats stats() {
        return outbox().stats();
    }
}
