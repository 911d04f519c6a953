// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static io.configmanager.store.postgres.PostgresWritesTest.commitOf;
import static io.configmanager.store.postgres.PostgresWritesTest.put;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Condition;
import io.configmanager.LogEntry;
import io.configmanager.ValueType;
import io.configmanager.store.Commit;
import io.configmanager.store.Operation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Expiry with several reapers (p22), retention, and the audit of what bypassed the triggers (p11). */
class PostgresMaintenanceTest {

    private final TestDatabase database = new TestDatabase(PostgresMaintenanceTest.class);
    private final PostgresConfigStore store = database.store();

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void p22ThreeReapersRemoveEachExpiredEntryOnce() throws Exception {
        List<Operation> operations = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            operations.add(new Operation.Put(
                    "", "k" + i, "1", "json", ValueType.INTEGER, Duration.ofMillis(50), Condition.ALWAYS));
        }
        operations.add(put("stays", "1"));
        store.commit(Commit.of(operations, null, null));
        await().atMost(Duration.ofSeconds(10)).until(() -> store.get("", "k0").entry() == null);

        try (Follower follower = new Follower(store, "")) {
            List<CompletableFuture<Void>> reapers = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                PostgresConfigStore reaper = database.store();
                reapers.add(CompletableFuture.runAsync(reaper::maintain));
            }
            for (CompletableFuture<Void> reaper : reapers) {
                reaper.get(30, TimeUnit.SECONDS);
            }
            follower.awaitRevision(2);

            List<LogEntry> changes = follower.changeSets.stream()
                    .flatMap(changeSet -> changeSet.changes().stream())
                    .toList();
            assertThat(changes).hasSize(500).extracting(LogEntry::kind).containsOnly(LogEntry.Kind.EXPIRE);
            assertThat(changes).extracting(LogEntry::key).doesNotHaveDuplicates();
            assertThat(changes).extracting(LogEntry::author).containsOnlyNulls();
            assertThat(follower.values()).containsOnlyKeys("stays");
        }
    }

    @Test
    void p11TheAuditFindsWhatBypassedTheTriggers() {
        PostgresConfigStore auditor = database.closeLater(
                database.builder().auditInterval(Duration.ofNanos(1000)).build());
        store.commit(commitOf(put("edited", "1"), put("deleted", "1"), put("untouched", "1"), put("recreated", "1")));
        store.commit(commitOf(new Operation.Delete("", "recreated", Condition.ALWAYS)));
        try (Follower follower = new Follower(store, "")) {
            database.execute("ALTER TABLE public.config_entry DISABLE TRIGGER ALL;"
                    + " UPDATE public.config_entry SET value = '2' WHERE key = 'edited';"
                    + " DELETE FROM public.config_entry WHERE key = 'deleted';"
                    + " INSERT INTO public.config_entry (key, value, type, version, created_at, updated_at) VALUES"
                    + " ('added', '1', 'integer', 1, now(), now()), ('recreated', '3', 'integer', 1, now(), now());"
                    + " ALTER TABLE public.config_entry ENABLE ALWAYS TRIGGER config_entry_before;"
                    + " ALTER TABLE public.config_entry ENABLE ALWAYS TRIGGER config_entry_logged;"
                    + " ALTER TABLE public.config_entry ENABLE ALWAYS TRIGGER config_entry_no_truncate");

            auditor.maintain();
            follower.awaitRevision(3);

            assertThat(follower.values())
                    .isEqualTo(Map.of("edited", "2", "added", "1", "recreated", "3", "untouched", "1"));
            assertThat(Objects.requireNonNull(store.get("", "recreated").entry())
                            .version())
                    .isEqualTo(3);
            assertThat(follower.changeSets.get(0).changes())
                    .extracting(change -> change.kind() + " " + change.key())
                    .containsExactlyInAnyOrder("PUT edited", "PUT added", "PUT recreated", "DELETE deleted");
            assertThat(follower.changeSets.get(0).changes()).allSatisfy(change -> {
                assertThat(change.author()).isNull();
                assertThat(change.comment()).contains("found by the audit");
            });

            auditor.maintain();
            assertThat(database.number("SELECT rev FROM public.config_head")).isEqualTo(3);
        }
    }

    @Test
    void historyIsForgottenInStepsButNeverAVersionNumber() {
        PostgresConfigStore keeper = database.closeLater(
                database.builder().retention(Duration.ZERO, 5, 3).build());
        for (int i = 1; i <= 20; i++) {
            store.commit(commitOf(put("k", Integer.toString(i))));
        }
        keeper.maintain();
        assertThat(database.number("SELECT compact_rev FROM public.config_head"))
                .isEqualTo(15);
        assertThat(database.number("SELECT count(*) FROM public.config_log")).isEqualTo(20);

        keeper.maintain();
        assertThat(database.number("SELECT min(rev) FROM public.config_log")).isEqualTo(13);
        for (int i = 0; i < 10; i++) {
            keeper.maintain();
        }
        assertThat(store.history("", "k", 100, null).items())
                .extracting(LogEntry::version)
                .startsWith(20L, 19L, 18L)
                .hasSize(8);
    }

    @Test
    void rememberedCommitsAreForgottenAfterTheirTime() {
        PostgresConfigStore keeper = database.closeLater(database.builder()
                .auditInterval(Duration.ofNanos(1000))
                .operationRetention(Duration.ofHours(1))
                .build());
        store.commit(commitOf(put("k", "1")));
        store.commit(commitOf(put("k", "2")));
        database.execute("UPDATE public.config_operation SET at = now() - interval '2 hours' WHERE ctid = '(0,1)'");

        keeper.maintain();

        assertThat(database.number("SELECT count(*) FROM public.config_operation"))
                .isEqualTo(1);
    }
}
