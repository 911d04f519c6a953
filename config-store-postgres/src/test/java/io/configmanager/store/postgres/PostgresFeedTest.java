// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import static io.configmanager.store.postgres.PostgresWritesTest.commitOf;
import static io.configmanager.store.postgres.PostgresWritesTest.put;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.Condition;
import io.configmanager.LogEntry;
import io.configmanager.StoreException;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.Commit;
import io.configmanager.store.Feed;
import io.configmanager.store.Operation;
import io.configmanager.store.Position;
import io.configmanager.store.PositionLostException;
import io.configmanager.store.PositionLostException.Reason;
import io.configmanager.store.TcpProxy;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.postgresql.jdbc.PgConnection;
import org.springframework.jdbc.datasource.DelegatingDataSource;

/** Feeds whose connection, server, history or log breaks. Numbers such as p3 name fault scenarios. */
class PostgresFeedTest {

    private static final Duration TICK = Duration.ofMillis(50);
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final TestDatabase database = new TestDatabase(PostgresFeedTest.class);
    private final PostgresConfigStore store = database.store();

    @AfterEach
    void close() {
        database.close();
    }

    private Position head() {
        return store.snapshot(Set.of(""), 1000).position();
    }

    private long write(String key, int value) {
        return store.commit(commitOf(put(key, Integer.toString(value)))).revision();
    }

    private Follower follower(PostgresConfigStore.Builder builder) {
        Follower follower = database.closeLater(new Follower(database.closeLater(builder.build()), ""));
        await().atMost(PATIENCE).until(follower::connected);
        return follower;
    }

    @Test
    void theDriversStreamIsFound() throws Exception {
        try (Connection connection = database.direct.getConnection()) {
            assertThat(new Arrival(connection.unwrap(PgConnection.class)).immediate())
                    .as("this driver lets the feed wait for the first byte")
                    .isTrue();
        }
    }

    @Test
    void p3TerminatedConnectionsLoseNothing() throws Exception {
        Follower follower = follower(database.builder());
        CompletableFuture<Long> writer = CompletableFuture.supplyAsync(() -> {
            long last = 0;
            for (int i = 0; i < 500; i++) {
                last = write("k" + i % 7, i);
                if (i % 50 == 49) {
                    database.terminateFeeds();
                }
            }
            return last;
        });

        follower.awaitRevision(writer.get(60, TimeUnit.SECONDS));

        assertThat(follower.revisions()).hasSize(500).isSorted().doesNotHaveDuplicates();
        assertThat(follower.failures).isNotEmpty().allMatch(StoreException::isTransient);
        assertThat(follower.losses).isEmpty();
    }

    @Test
    void p4WritesDuringAnAbsenceAreCaughtUpByTheFirstPoll() {
        Position position = head();
        for (int i = 0; i < 5; i++) {
            write("k" + i, i);
        }

        try (Feed feed = store.openFeed(position)) {
            Feed.Batch batch = feed.poll(TICK);

            assertThat(batch.changeSets()).extracting(ChangeSet::revision).containsExactly(1L, 2L, 3L, 4L, 5L);
            assertThat(batch.position().revision()).isEqualTo(5);
        }
    }

    @Test
    void p5AFrozenServerFailsTheFeedWithinItsDeadlines() throws Exception {
        try (TcpProxy proxy = new TcpProxy("127.0.0.1", TestDatabase.port())) {
            Follower follower = follower(database.builder()
                    .listenConnections(TestDatabase.connections(proxy.port()))
                    .callTimeout(Duration.ofSeconds(1)));
            proxy.freeze(true);
            write("k", 1);

            await().atMost(Duration.ofSeconds(5)).until(() -> !follower.failures.isEmpty());
            assertThat(follower.failures.get(0).isTransient()).isTrue();

            proxy.freeze(false);
            follower.awaitRevision(1);
            assertThat(follower.revisions()).containsExactly(1L);
        }
    }

    @Test
    void p5AHalfOpenConnectionIsNoticedWithin15SecondsByDefault() throws Exception {
        try (TcpProxy proxy = new TcpProxy("127.0.0.1", TestDatabase.port())) {
            Follower follower = follower(PostgresConfigStore.builder(database.direct)
                    .names(database.names)
                    .listenConnections(TestDatabase.connections(proxy.port())));
            await().atMost(PATIENCE).until(follower::pushAvailable);
            proxy.freeze(true);

            await().atMost(Duration.ofSeconds(15)).until(() -> !follower.failures.isEmpty());
        }
    }

    @Test
    void p5CloseDoesNotWaitForAFrozenServer() throws Exception {
        try (TcpProxy proxy = new TcpProxy("127.0.0.1", TestDatabase.port())) {
            Follower follower = follower(database.builder().listenConnections(TestDatabase.connections(proxy.port())));
            proxy.freeze(true);

            long start = System.nanoTime();
            follower.close();

            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
        }
    }

    @Test
    void p6WithoutNotificationsPollingConverges() {
        Follower follower = follower(database.builder());
        await().atMost(PATIENCE).until(follower::pushAvailable);
        database.execute("UPDATE public.config_head SET channel = NULL");
        await().atMost(PATIENCE).until(() -> follower.connected() && !follower.pushAvailable());

        follower.awaitRevision(write("k", 1));
        assertThat(follower.hintsMissed()).isZero();

        database.execute("UPDATE public.config_head SET channel = 'elsewhere'");
        await().atMost(PATIENCE).until(() -> follower.connected() && follower.pushAvailable());
        follower.awaitRevision(write("k", 2));
    }

    /** A pooler in transaction mode takes LISTEN and delivers nothing. */
    @Test
    void p7WhereNotificationsDoNotArriveTheFeedPolls() {
        Follower follower = follower(database.builder()
                .listenConnections(deaf(database.direct))
                .pollIntervals(Duration.ofSeconds(30), Duration.ofMillis(100)));

        await().atMost(PATIENCE).until(() -> !follower.pushAvailable());
        follower.awaitRevision(write("k", 1));

        assertThat(follower.failures).isEmpty();
        assertThat(follower.hintsMissed()).isZero();
    }

    @Test
    void p8ALostRegistrationFailsTheFeed() throws Exception {
        List<Connection> connections = new ArrayList<>();
        DataSource recording = new DelegatingDataSource(database.direct) {
            @Override
            public Connection getConnection() throws SQLException {
                Connection connection = super.getConnection();
                connections.add(connection);
                return connection;
            }
        };
        PostgresConfigStore recorded = database.closeLater(
                database.builder().listenConnections(recording).build());
        try (Feed feed = recorded.openFeed(head())) {
            feed.poll(TICK);
            long revision = write("k", 1);
            await().atMost(PATIENCE).until(() -> feed.poll(TICK).position().revision() == revision);
            try (Statement statement = connections.get(0).createStatement()) {
                statement.execute("UNLISTEN *");
            }

            assertThatThrownBy(() -> feed.poll(PATIENCE))
                    .isInstanceOfSatisfying(
                            StoreException.class,
                            e -> assertThat(e.isTransient()).isTrue())
                    .hasMessageContaining("listens");
        }
    }

    /** It comes with the answer of a read that was too early to see its change. */
    @Test
    void aHintThatArrivesDuringAReadIsNotLost() {
        Follower follower = follower(database.builder().pollIntervals(Duration.ofMinutes(10), Duration.ofMinutes(10)));
        await().atMost(PATIENCE).until(follower::pushAvailable);

        for (int i = 0; i < 500; i++) {
            write("k", i);
            write("k", i);
            follower.awaitRevision(write("k", i));
        }
    }

    @Test
    void missedHintsAreCounted() {
        Follower follower = follower(database.builder().pollIntervals(Duration.ofMillis(100), Duration.ofSeconds(30)));
        follower.awaitRevision(write("k", 1));
        assertThat(follower.hintsMissed()).isZero();

        database.execute(database.query("SELECT replace(pg_get_functiondef('public.config_revision'::regproc),"
                + " 'PERFORM pg_notify', 'PERFORM concat')"));
        database.execute("UPDATE public.config_entry SET value = '2'");
        database.execute("UPDATE public.config_entry SET value = '3'");

        await().atMost(PATIENCE).until(() -> follower.hintsMissed() == 2);
        assertThat(follower.values()).containsEntry("k", "3");
        assertThat(follower.pushAvailable()).isTrue();
    }

    @Test
    void p16AChangedLineageLosesThePositionOnce() {
        write("k", 1);
        Follower follower = follower(database.builder());
        database.execute("UPDATE public.config_head SET lineage = gen_random_uuid()");

        follower.awaitRevision(write("k", 2));
        await().atMost(PATIENCE).until(() -> follower.losses.size() == 1 && follower.connected());

        follower.awaitRevision(write("k", 3));
        assertThat(follower.losses).extracting(PositionLostException::reason).containsExactly(Reason.HISTORY_REPLACED);
        assertThat(follower.values()).containsEntry("k", "3");
    }

    /** P15: a failed-over server is at the same number with another history. */
    @Test
    void p15AnotherRevisionOfTheSameNumberIsNoticed() {
        write("k", 1);
        write("k", 2);
        Position position = head();
        database.execute("UPDATE public.config_log SET rev_id = gen_random_uuid() WHERE rev = 2;"
                + " UPDATE public.config_head SET rev_id = (SELECT rev_id FROM public.config_log WHERE rev = 2)");

        assertLost(position, Reason.HISTORY_REPLACED);
        write("k", 3);
        assertLost(position, Reason.HISTORY_REPLACED);
        database.execute("UPDATE public.config_head SET rev = 1");
        assertLost(position, Reason.HISTORY_REPLACED);
    }

    /** P14: a backup is restored, and new writes bring it to the number that was lost. */
    @Test
    void p14ARestoredBackupThatCaughtUpIsNoticed() {
        write("k", 1);
        database.execute("CREATE TABLE public.config_saved_head AS TABLE public.config_head;"
                + " CREATE TABLE public.config_saved_entry AS TABLE public.config_entry;"
                + " CREATE TABLE public.config_saved_log AS TABLE public.config_log");
        write("k", 2);
        write("lost", 1);
        Follower follower = follower(database.builder());
        assertThat(follower.values()).containsEntry("k", "2").containsKey("lost");
        Position position = head();

        database.execute("BEGIN; ALTER TABLE public.config_entry DISABLE TRIGGER ALL;"
                + " DELETE FROM public.config_entry; DELETE FROM public.config_log; DELETE FROM public.config_head;"
                + " INSERT INTO public.config_head TABLE public.config_saved_head;"
                + " INSERT INTO public.config_entry TABLE public.config_saved_entry;"
                + " INSERT INTO public.config_log TABLE public.config_saved_log;"
                + " ALTER TABLE public.config_entry ENABLE ALWAYS TRIGGER config_entry_before;"
                + " ALTER TABLE public.config_entry ENABLE ALWAYS TRIGGER config_entry_logged;"
                + " ALTER TABLE public.config_entry ENABLE ALWAYS TRIGGER config_entry_no_truncate;"
                + " UPDATE public.config_entry SET value = '10'; COMMIT");
        write("k", 11);

        assertThat(head().revision()).isEqualTo(position.revision());
        assertLost(position, Reason.HISTORY_REPLACED);
        await().atMost(PATIENCE)
                .untilAsserted(() -> assertThat(follower.values()).isEqualTo(Map.of("k", "11")));
        assertThat(follower.losses).extracting(PositionLostException::reason).containsOnly(Reason.HISTORY_REPLACED);
        assertThat(follower.losses).isNotEmpty();
    }

    @Test
    void aHoleInTheLogIsNoticed() {
        Position position = head();
        write("k", 1);
        write("k", 2);
        write("k", 3);
        database.execute("DELETE FROM public.config_log WHERE rev = 2");

        assertLost(position, Reason.HISTORY_REPLACED);
    }

    @Test
    void p17APositionBeyondRetentionIsCompacted() {
        write("gone", 1);
        Follower follower = follower(database.builder());
        Position old = head();
        follower.close();
        store.commit(commitOf(new Operation.Delete("", "gone", Condition.ALWAYS)));
        for (int i = 0; i < 20; i++) {
            write("k", i);
        }

        database.compact();

        assertLost(old, Reason.COMPACTED);
        assertThat(store.snapshot(Set.of(""), 10).entries()).hasSize(1);
    }

    @Test
    void p18CompactionAtTheCursorLosesNothing() {
        write("a", 1);
        store.commit(commitOf(new Operation.Delete("", "a", Condition.ALWAYS)));
        Position boundary = head();
        database.compact();
        assertThat(database.number("SELECT compact_rev FROM public.config_head"))
                .isEqualTo(boundary.revision());
        long next = store.commit(commitOf(put("b", "1"))).revision();
        database.query("SELECT public.config_maintain('0', 1, 1, '7 days', '1 hour')");

        try (Feed feed = store.openFeed(boundary)) {
            assertThat(feed.poll(TICK).changeSets())
                    .extracting(ChangeSet::revision)
                    .containsExactly(next);
        }
        assertThat(store.history("", "a", 10, null).items())
                .extracting(LogEntry::kind)
                .containsExactly(LogEntry.Kind.DELETE);
        write("a", 3);
        assertThat(store.history("", "a", 10, null).items().get(0).version()).isEqualTo(3);
    }

    @Test
    void aLongBacklogComesInPagesOfWholeRevisions() {
        Position position = head();
        for (int i = 0; i < 8; i++) {
            List<Operation> operations = new ArrayList<>();
            for (int k = 0; k < 700; k++) {
                operations.add(put("k" + k, Integer.toString(i)));
            }
            store.commit(Commit.of(operations, null, null));
        }

        try (Feed feed = store.openFeed(position)) {
            List<Long> revisions = new ArrayList<>();
            int batches = 0;
            while (revisions.size() < 8) {
                Feed.Batch batch = feed.poll(TICK);
                batch.changeSets().forEach(changeSet -> {
                    assertThat(changeSet.changes()).hasSize(700);
                    revisions.add(changeSet.revision());
                });
                assertThat(batch.position().revision()).isEqualTo(revisions.get(revisions.size() - 1));
                batches++;
            }
            assertThat(revisions).containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L);
            assertThat(batches).isGreaterThan(2);
        }
    }

    @Test
    void closingLeavesNoConnection() {
        Follower follower = follower(database.builder());
        follower.close();
        await().atMost(PATIENCE)
                .until(() ->
                        database.number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'config-feed'")
                                == 0);
    }

    private void assertLost(Position position, Reason reason) {
        try (Feed feed = store.openFeed(position)) {
            assertThatThrownBy(() -> feed.poll(TICK))
                    .isInstanceOfSatisfying(
                            PositionLostException.class,
                            lost -> assertThat(lost.reason()).isEqualTo(reason));
        }
    }

    /** Connections that listen to something else than they were told to, though the server says they do listen. */
    private static DataSource deaf(DataSource connections) {
        return new DelegatingDataSource(connections) {
            @Override
            public Connection getConnection() throws SQLException {
                Connection connection = super.getConnection();
                return (Connection) Proxy.newProxyInstance(
                        Connection.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, args) -> {
                            Object result = method.invoke(connection, args);
                            if (result instanceof Statement statement
                                    && method.getName().equals("createStatement")) {
                                return deafStatement(statement);
                            }
                            return result;
                        });
            }
        };
    }

    private static Statement deafStatement(Statement statement) {
        return (Statement) Proxy.newProxyInstance(
                Statement.class.getClassLoader(), new Class<?>[] {Statement.class}, (proxy, method, args) -> {
                    boolean listen = args != null
                            && args.length == 1
                            && String.valueOf(args[0]).startsWith("LISTEN");
                    return listen ? (Object) false : method.invoke(statement, args);
                });
    }
}
