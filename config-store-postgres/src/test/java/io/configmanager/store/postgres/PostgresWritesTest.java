// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.InvalidConfigException;
import io.configmanager.LogEntry;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.VersionConflictException;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.Operation;
import io.configmanager.store.TcpProxy;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.assertj.core.util.Throwables;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.jdbc.datasource.DataSourceUtils;
import org.springframework.jdbc.datasource.TransactionAwareDataSourceProxy;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.transaction.support.TransactionTemplate;

/** Writers that race, break and retry (p1, p2, p9 to p13, p20), and joining a transaction. */
class PostgresWritesTest {

    private final TestDatabase database = new TestDatabase(PostgresWritesTest.class);
    private final PostgresConfigStore store = database.store();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @BeforeEach
    void countFromZero() {
        assertThat(database.number("SELECT rev FROM public.config_head")).isZero();
    }

    @AfterEach
    void close() throws Exception {
        threads.shutdownNow();
        assertThat(threads.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
        database.close();
    }

    static Operation put(String key, String value) {
        return new Operation.Put("", key, value, "json", ValueType.INTEGER, null, Condition.ALWAYS);
    }

    static Commit commitOf(Operation... operations) {
        return Commit.of(List.of(operations), "test", null);
    }

    private String value(String key) {
        return Objects.requireNonNull(entry(key)).value();
    }

    private ConfigEntry entry(String key) {
        return Objects.requireNonNull(store.get("", key).entry());
    }

    @Test
    void p1RevisionsFollowCommitOrder() throws SQLException {
        try (Follower follower = new Follower(store, "");
                Connection first = database.direct.getConnection()) {
            first.setAutoCommit(false);
            update(first, "INSERT INTO public.config_entry (key, value) VALUES ('first', '1')");

            long second = store.commit(commitOf(put("second", "2"))).revision();
            follower.awaitRevision(second);
            first.commit();
            follower.awaitRevision(second + 1);

            assertThat(follower.changeSets.stream()
                            .map(changeSet -> changeSet.changes().get(0).key()))
                    .containsExactly("second", "first");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void p2ManyWritersLeaveNoGapAndNoDifference(boolean push) throws Exception {
        PostgresConfigStore other =
                database.closeLater(database.builder().push(push).build());
        try (Follower follower = new Follower(other, "")) {
            List<Future<Integer>> writers = new ArrayList<>();
            for (int w = 0; w < 12; w++) {
                Random random = new Random(w);
                writers.add(threads.submit(() -> write(random, 60)));
            }
            int committed = 0;
            for (Future<Integer> writer : writers) {
                committed += writer.get(60, TimeUnit.SECONDS);
            }

            long head = database.number("SELECT rev FROM public.config_head");
            follower.awaitRevision(head);

            assertThat(head).isEqualTo(committed);
            assertThat(database.number("SELECT count(DISTINCT rev) FROM public.config_log"))
                    .isEqualTo(head);
            assertThat(follower.revisions()).hasSize(committed).isSorted().doesNotHaveDuplicates();
            assertThat(follower.values()).isEqualTo(stored());
            assertThat(follower.pushAvailable()).isEqualTo(push);
            assertThat(follower.losses).isEmpty();
        }
    }

    /** Transactions of 1 to 3 rows, a tenth of them rolled back; returns how many were committed. */
    private int write(Random random, int transactions) throws SQLException {
        int committed = 0;
        try (Connection connection = database.direct.getConnection()) {
            connection.setAutoCommit(false);
            for (int i = 0; i < transactions; i++) {
                int first = random.nextInt(10);
                for (int key = first; key <= first + random.nextInt(3); key++) {
                    update(
                            connection,
                            random.nextInt(5) == 0
                                    ? "INSERT INTO public.config_entry (key, value) VALUES ('x"
                                            + random.nextLong(1L << 60) + "', '0')"
                                    : "INSERT INTO public.config_entry (key, value) VALUES ('k" + key + "', '" + i
                                            + "') ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value");
                }
                if (random.nextInt(10) == 0) {
                    connection.rollback();
                } else {
                    connection.commit();
                    committed++;
                }
            }
        }
        return committed;
    }

    @Test
    void p9EditsByHandAreChangesLikeAnyOther() throws Exception {
        store.commit(commitOf(put("a", "1"), put("b", "1"), put("c", "1")));
        try (Follower follower = new Follower(store, "")) {
            database.execute(
                    "SET config.author = 'bob'; UPDATE public.config_entry SET value = '\"two\"' WHERE key = 'a'");
            database.execute("DELETE FROM public.config_entry WHERE key = 'b'");
            database.execute("UPDATE public.config_entry SET key = 'd' WHERE key = 'c'");
            database.execute("UPDATE public.config_entry SET value = '7'");
            try (Connection connection = database.direct.getConnection()) {
                connection
                        .unwrap(PGConnection.class)
                        .getCopyAPI()
                        .copyIn(
                                database.names.apply("COPY public.config_entry (key, value) FROM STDIN"),
                                new StringReader("e\t[1]\nf\ttrue\n"));
            }
            follower.awaitRevision(6);

            assertThat(follower.values()).isEqualTo(stored()).containsOnlyKeys("a", "d", "e", "f");
            assertThat(follower.changeSets)
                    .extracting(set -> set.changes().size())
                    .containsExactly(1, 1, 2, 2, 2);
            LogEntry byHand = follower.changeSets.get(0).changes().get(0);
            assertThat(byHand.author()).isEqualTo("bob");
            assertThat(byHand.version()).isEqualTo(2);
            assertThat(Objects.requireNonNull(byHand.entry()).type()).isEqualTo(ValueType.STRING);
            assertThat(follower.changeSets.get(2).changes())
                    .extracting(change -> change.kind() + " " + change.key())
                    .containsExactly("DELETE c", "PUT d");
            assertThat(follower.changeSets.get(1).changes().get(0).author()).isEqualTo("postgres");
            assertThat(entry("e").type()).isEqualTo(ValueType.LIST);
            assertThat(entry("f").type()).isEqualTo(ValueType.BOOLEAN);
            assertThat(entry("a").revision()).isEqualTo(5);
        }
    }

    @Test
    void p9DeleteAndInsertInOneTransactionKeepVersionsDense() {
        store.commit(commitOf(put("k", "1")));
        database.execute("BEGIN; DELETE FROM public.config_entry WHERE key = 'k';"
                + " INSERT INTO public.config_entry (key, value) VALUES ('k', '2');"
                + " DELETE FROM public.config_entry WHERE key = 'k';"
                + " INSERT INTO public.config_entry (key, value) VALUES ('k', '3'); COMMIT");

        assertThat(store.history("", "k", 10, null).items())
                .extracting(line -> line.version() + " " + line.kind())
                .containsExactly("5 PUT", "4 DELETE", "3 PUT", "2 DELETE", "1 PUT");
        assertThat(entry("k").version()).isEqualTo(5);
    }

    @Test
    void p9NamesTypedByHandAreChecked() {
        for (String key : List.of("", "/a", "a/", "a//b", "a..b", "a b", "ä", "k".repeat(513))) {
            assertThatThrownBy(() -> database.execute(
                            "INSERT INTO public.config_entry (key, value) VALUES ('" + key + "', '1')"))
                    .hasMessageContaining("Invalid key");
        }
        for (String namespace : List.of(".a", "a/b", "internal:x", "n".repeat(256))) {
            assertThatThrownBy(
                            () -> database.execute("INSERT INTO public.config_entry (namespace, key, value) VALUES ('"
                                    + namespace + "', 'k', '1')"))
                    .hasMessageContaining("Invalid namespace");
        }
    }

    @Test
    void p10AnIdleTransactionBlocksOnlyItsOwnRow() throws SQLException {
        store.commit(commitOf(put("held", "1")));
        try (Connection idle = database.direct.getConnection()) {
            idle.setAutoCommit(false);
            update(idle, "UPDATE public.config_entry SET value = '2' WHERE key = 'held'");

            long start = System.nanoTime();
            store.commit(commitOf(put("free", "1")));

            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(1));
            PostgresConfigStore hasty = database.closeLater(
                    database.builder().callTimeout(Duration.ofSeconds(1)).build());
            assertThatThrownBy(() -> hasty.commit(commitOf(put("held", "3"))))
                    .isInstanceOfSatisfying(
                            StoreException.class,
                            e -> assertThat(e.isTransient()).isTrue());
        }
    }

    @Test
    void p11TruncateIsRefusedAndReplicaRoleIsSeen() {
        store.commit(commitOf(put("a", "1")));
        assertThatThrownBy(() -> database.execute("TRUNCATE public.config_entry"))
                .hasMessageContaining("TRUNCATE of configuration is refused");

        try (Follower follower = new Follower(store, "")) {
            database.execute("SET session_replication_role = replica; UPDATE public.config_entry SET value = '2'");

            follower.awaitRevision(2);
            assertThat(follower.values()).containsEntry("a", "2");
        }
    }

    @Test
    void p12SerializationFailuresAreRetriedAndHaveOneEffect() throws Exception {
        HikariDataSource strict = database.closeLater(TestDatabase.pool(
                database.direct, 4, config -> config.setTransactionIsolation("TRANSACTION_REPEATABLE_READ")));
        PostgresConfigStore strictStore = database.closeLater(
                PostgresConfigStore.builder(strict).names(database.names).build());
        List<Future<?>> writers = new ArrayList<>();
        for (int w = 0; w < 4; w++) {
            String key = "k" + w;
            writers.add(threads.submit(() -> {
                for (int i = 0; i < 50; i++) {
                    strictStore.commit(commitOf(put(key, Integer.toString(i)), put("all", Integer.toString(i))));
                }
            }));
        }
        for (Future<?> writer : writers) {
            writer.get(60, TimeUnit.SECONDS);
        }

        assertThat(database.number("SELECT rev FROM public.config_head")).isEqualTo(200);
        assertThat(entry("all").version()).isEqualTo(200);
        assertThat(entry("k0").version()).isEqualTo(50);
    }

    @Test
    void p12OppositeOrdersDoNotDeadlock() throws Exception {
        List<Future<?>> writers = new ArrayList<>();
        for (int w = 0; w < 4; w++) {
            boolean forwards = w % 2 == 0;
            writers.add(threads.submit(() -> {
                for (int i = 0; i < 50; i++) {
                    String value = Integer.toString(i);
                    store.commit(
                            forwards
                                    ? commitOf(put("a", value), put("b", value))
                                    : commitOf(put("b", value), put("a", value)));
                }
            }));
        }
        for (Future<?> writer : writers) {
            writer.get(60, TimeUnit.SECONDS);
        }
        assertThat(entry("a").version()).isEqualTo(200);
        assertThat(database.number("SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'"))
                .isZero();
    }

    @Test
    void p13AnAnswerThatIsLostHasOneEffect() throws Exception {
        try (TcpProxy proxy = new TcpProxy("127.0.0.1", TestDatabase.port())) {
            HikariDataSource pool = database.closeLater(TestDatabase.pool(TestDatabase.connections(proxy.port()), 2));
            PostgresConfigStore cut = database.closeLater(
                    PostgresConfigStore.builder(pool).names(database.names).build());
            cut.commit(commitOf(put("k", "0")));
            for (int i = 1; i <= 10; i++) {
                long before = database.number("SELECT rev FROM public.config_head");
                Future<Void> cutDone = proxy.cutAfterClientBytesMatching("marker-" + i);

                CommitResult result = cut.commit(Commit.of(
                        List.of(new Operation.Put(
                                "", "k", "\"" + i + "\"", "json", ValueType.STRING, null, Condition.version(i))),
                        "marker-" + i,
                        null));

                assertThat(cutDone).isDone();
                assertThat(result.revision()).isEqualTo(before + 1);
                assertThat(result.changes()).hasSize(1);
                assertThat(result.changes().get(0).entry()).isEqualTo(entry("k"));
                assertThat(entry("k").version()).isEqualTo(i + 1L);
            }
        }
    }

    @Test
    void p13ARepeatedCommitAnswersAsTheFirst() {
        store.commit(commitOf(put("b", "1")));
        Commit commit = Commit.of(
                List.of(
                        put("a", "1"),
                        new Operation.Delete("", "b", Condition.PRESENT),
                        new Operation.Delete("", "c", Condition.ALWAYS)),
                null,
                "why");
        CommitResult first = store.commit(commit);
        store.commit(commitOf(put("a", "2")));

        CommitResult second = store.commit(commit);

        assertThat(second.revision()).isEqualTo(first.revision());
        assertThat(second.changes()).hasSize(2);
        assertThat(second.changes().get(0)).isEqualTo(first.changes().get(0));
        assertThat(value("a")).isEqualTo("2");
    }

    @Test
    void aFrozenServerCannotHoldACaller() throws Exception {
        try (TcpProxy proxy = new TcpProxy("127.0.0.1", TestDatabase.port())) {
            HikariDataSource pool = database.closeLater(TestDatabase.pool(TestDatabase.connections(proxy.port()), 1));
            PostgresConfigStore frozen = database.closeLater(PostgresConfigStore.builder(pool)
                    .names(database.names)
                    .callTimeout(Duration.ofMillis(500))
                    .build());
            frozen.commit(commitOf(put("k", "1")));

            proxy.freeze(true);
            long start = System.nanoTime();
            assertThatThrownBy(() -> frozen.get("", "k"))
                    .isInstanceOfSatisfying(
                            StoreException.class,
                            e -> assertThat(e.isTransient()).isTrue());
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));

            proxy.freeze(false);
            await().atMost(Duration.ofSeconds(20))
                    .ignoreExceptions()
                    .until(() -> frozen.get("", "k").entry() != null);
        }
    }

    @Test
    void p20AThousandKeysAndALargeValueAreOneRevision() throws SQLException {
        try (Follower follower = new Follower(store, "");
                Connection listener = database.direct.getConnection()) {
            update(listener, "LISTEN " + database.names.channel());
            List<Operation> operations = new ArrayList<>();
            for (int i = 0; i < 999; i++) {
                operations.add(put("k" + i, Integer.toString(i)));
            }
            operations.add(put("large", "\"" + "x".repeat(100_000) + "\""));

            CommitResult result = store.commit(Commit.of(operations, null, null));

            follower.awaitRevision(result.revision());
            assertThat(result.revision()).isEqualTo(1);
            assertThat(result.changes()).hasSize(1000);
            assertThat(result.changes().get(999).key()).isEqualTo("large");
            assertThat(follower.changeSets).extracting(ChangeSet::revision).containsExactly(1L);
            assertThat(follower.values()).isEqualTo(stored());
            assertThat(announced(listener)).containsExactly("1");
        }
    }

    /** The payloads that the listener gets before one that is sent now: notifications arrive in the order of commits. */
    private List<String> announced(Connection listener) throws SQLException {
        database.execute("NOTIFY " + database.names.channel() + ", 'end'");
        List<String> payloads = new ArrayList<>();
        await().atMost(Duration.ofSeconds(20)).until(() -> {
            for (PGNotification notification :
                    listener.unwrap(PGConnection.class).getNotifications(1_000)) {
                payloads.add(notification.getParameter());
            }
            return payloads.remove("end");
        });
        return payloads;
    }

    @Test
    void textThatPostgresCannotStoreIsTheCallersMistake() {
        assertThatThrownBy(() -> store.commit(commitOf(put("k", "\"a\u0000b\""))))
                .isInstanceOf(InvalidConfigException.class);
    }

    @Test
    void joinsTheTransactionOfTheCaller() {
        TransactionTemplate transaction = new TransactionTemplate(new DataSourceTransactionManager(database.pool));
        database.execute("CREATE TABLE public.config_business (id int)");
        try (Follower follower = new Follower(store, "")) {
            transaction.executeWithoutResult(status -> {
                database.execute("SELECT 1");
                CommitResult result = store.commit(commitOf(put("rolled/back", "1")));
                assertThat(result.revision()).isZero();
                assertThat(result.changes()).hasSize(1);
                status.setRollbackOnly();
            });
            transaction.executeWithoutResult(status -> {
                CommitResult result = store.commit(commitOf(put("a", "1"), put("b", "1")));
                assertThat(result.revision()).isZero();
                assertThat(Objects.requireNonNull(result.changes().get(0).entry())
                                .version())
                        .isEqualTo(1);
                store.commit(Commit.of(List.of(new Operation.Delete("", "b", Condition.ALWAYS)), "test", "why"));
                assertThat(store.get("", "a").entry()).as("reads do not join").isNull();
                assertThatThrownBy(() -> store.commit(Commit.of(
                                List.of(new Operation.Put(
                                        "", "a", "2", "json", ValueType.INTEGER, null, Condition.ABSENT)),
                                null,
                                null)))
                        .isInstanceOf(VersionConflictException.class);
                store.commit(commitOf(put("after/conflict", "1")));
            });

            follower.awaitRevision(1);
            assertThat(follower.revisions()).containsExactly(1L);
            assertThat(follower.values()).isEqualTo(stored()).containsOnlyKeys("a", "after/conflict");
            assertThat(follower.changeSets.get(0).changes())
                    .extracting(change -> change.kind() + " " + change.key() + " " + change.author())
                    .containsExactly("PUT a test", "PUT b test", "DELETE b test", "PUT after/conflict test");
        }
    }

    /** As a listener with {@code @TransactionalEventListener} writes. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aWriteAfterTheTransactionIsACommitOfItsOwn(boolean rolledBack) {
        HikariDataSource manual =
                database.closeLater(TestDatabase.pool(database.direct, 2, config -> config.setAutoCommit(false)));
        PostgresConfigStore manualStore = database.closeLater(
                PostgresConfigStore.builder(manual).names(database.names).build());
        List<CommitResult> late = new ArrayList<>();
        new TransactionTemplate(new DataSourceTransactionManager(manual)).executeWithoutResult(status -> {
            manualStore.commit(commitOf(put("within", "1")));
            TransactionSynchronizationManager.registerSynchronization(new TransactionSynchronization() {
                @Override
                public void afterCompletion(int completion) {
                    late.add(manualStore.commit(commitOf(put("after", "1"))));
                }
            });
            if (rolledBack) {
                status.setRollbackOnly();
            }
        });
        assertThat(late).singleElement().extracting(CommitResult::revision).isEqualTo(rolledBack ? 1L : 2L);
        assertThat(stored().keySet()).isEqualTo(rolledBack ? Set.of("after") : Set.of("after", "within"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aWriteInAfterCommitIsWarnedOf(boolean afterCommit) {
        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            new TransactionTemplate(new DataSourceTransactionManager(database.pool)).executeWithoutResult(status -> {
                if (!afterCommit) {
                    store.commit(commitOf(put("k", "1")));
                }
                TransactionSynchronizationManager.registerSynchronization(new TransactionSynchronization() {
                    @Override
                    public void beforeCommit(boolean readOnly) {
                        if (!afterCommit) {
                            store.commit(commitOf(put("before", "1")));
                        }
                    }

                    @Override
                    public void afterCommit() {
                        if (afterCommit) {
                            store.commit(commitOf(put("k", "1")));
                        }
                    }
                });
            });
        } finally {
            System.setOut(before);
        }
        assertThat(printed.toString(StandardCharsets.UTF_8).contains("REQUIRES_NEW"))
                .isEqualTo(afterCommit);
    }

    @Test
    void aReadOnlyTransactionSaysThatItIs() {
        TransactionTemplate transaction = new TransactionTemplate(new DataSourceTransactionManager(database.pool));
        transaction.setReadOnly(true);
        assertThatThrownBy(() -> transaction.executeWithoutResult(status -> store.commit(commitOf(put("k", "1")))))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("readOnly = true")
                .matches(failure -> !((StoreException) failure).isTransient());
    }

    @Test
    void connectionsGoBackAsTheyCame() throws SQLException {
        HikariDataSource manual =
                database.closeLater(TestDatabase.pool(database.direct, 1, config -> config.setAutoCommit(false)));
        PostgresConfigStore manualStore = database.closeLater(
                PostgresConfigStore.builder(manual).names(database.names).build());
        manualStore.commit(commitOf(put("k", "1")));
        assertThat(manualStore.get("", "k").entry()).isNotNull();
        try (Connection connection = manual.getConnection()) {
            assertThat(connection.getAutoCommit()).isFalse();
            assertThat(connection.getNetworkTimeout()).isZero();
        }
    }

    /** A conflict is no failure of the connection, which the caller goes on using. */
    @Test
    void aJoinedConflictLeavesTheConnectionAsItWas() {
        store.commit(commitOf(put("k", "1")));
        Commit conflicting = Commit.of(
                List.of(new Operation.Put("", "k", "2", "json", ValueType.INTEGER, null, Condition.ABSENT)),
                null,
                null);
        DataSourceTransactionManager transactions = new DataSourceTransactionManager(database.pool);
        new TransactionTemplate(transactions).executeWithoutResult(status -> {
            assertThatThrownBy(() -> store.commit(conflicting)).isInstanceOf(VersionConflictException.class);
            Connection connection = DataSourceUtils.getConnection(database.pool);
            try {
                assertThat(connection.getNetworkTimeout()).isZero();
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            } finally {
                DataSourceUtils.releaseConnection(connection, database.pool);
            }
        });
    }

    /** It hands out the connection of the transaction, which nothing but the transaction may end. */
    @Test
    void aDataSourceThatKnowsOfTransactionsItselfDoesNotEndThem() {
        PostgresConfigStore aware =
                database.closeLater(PostgresConfigStore.builder(new TransactionAwareDataSourceProxy(database.pool))
                        .names(database.names)
                        .build());
        new TransactionTemplate(new DataSourceTransactionManager(database.pool)).executeWithoutResult(status -> {
            assertThat(aware.commit(commitOf(put("a", "1"))).revision()).isZero();
            assertThat(aware.get("", "a").entry()).as("reads do not join").isNull();
            status.setRollbackOnly();
        });

        assertThat(stored()).isEmpty();
    }

    @Test
    void typesFollowFromTheValueWhateverBackslashesMeanInTheSession() {
        database.execute("SET standard_conforming_strings = off; INSERT INTO public.config_entry (key, value) VALUES"
                + " ('a', ' \"x\"'), ('b', ' [1]'), ('c', ' true '), ('d', ' -12 '), ('e', '1.5e3'), ('f', '{}')");

        assertThat(database.query("SELECT string_agg(type, ' ' ORDER BY key) FROM public.config_entry"))
                .isEqualTo("string list boolean integer decimal object");
    }

    private Map<String, String> stored() {
        Map<String, String> values = new TreeMap<>();
        store.snapshot(Set.of(""), 1_000_000).entries().forEach(entry -> values.put(entry.key(), entry.value()));
        return values;
    }

    private void update(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(database.names.apply(sql));
        }
    }

    @Test
    void aRefusedValueIsInNoStackTrace() {
        database.execute("ALTER TABLE public.config_entry ADD CHECK (value <> '\"planted\"')");

        assertThatThrownBy(() -> store.commit(commitOf(put("app/x", "\"planted\""))))
                .isInstanceOf(InvalidConfigException.class)
                .satisfies(failure -> assertThat(Throwables.getStackTrace(failure))
                        .contains("23514")
                        .doesNotContain("planted"));
    }
}
