// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.tuple;
import static org.awaitility.Awaitility.await;

import com.mongodb.MongoNamespace;
import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoClients;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Updates;
import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.LogEntry;
import io.configmanager.LogEntry.Kind;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.VersionConflictException;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.Feed;
import io.configmanager.store.Lookup;
import io.configmanager.store.Operation;
import io.configmanager.store.Position;
import io.configmanager.store.PositionLostException;
import io.configmanager.store.PositionLostException.Reason;
import io.configmanager.store.Snapshot;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.stream.LongStream;
import org.awaitility.core.ConditionTimeoutException;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What goes wrong with MongoDB, by the numbers of the engineering guide, with a server that misbehaves as it is told. */
class MongoFaultsTest {

    private static final Duration TICK = Duration.ofMillis(50);
    private static final String RESUMABLE = Errors.RESUMABLE;

    private ReplicaSetServer server = ReplicaSetServer.start();
    private TestMongo mongo = new TestMongo(MongoFaultsTest.class, server.uri());
    private MongoConfigStore store = mongo.store();
    private final List<ChangeSet> seen = new ArrayList<>();
    private Position position;
    private Feed feed;

    @AfterEach
    void close() {
        server.noMoreFaults();
        mongo.close();
        server.close();
    }

    private void useStandaloneServer() {
        mongo.close();
        server.close();
        server = ReplicaSetServer.startStandalone();
        mongo = new TestMongo(MongoFaultsTest.class, server.uri());
        store = mongo.store();
    }

    private CommitResult put(String key, String value) {
        return put(key, value, null);
    }

    private CommitResult put(String key, String value, Duration ttl) {
        return store.commit(Commit.of(List.of(operation(key, value, ttl)), "test", null));
    }

    private static Operation operation(String key, String value, Duration ttl) {
        return new Operation.Put("app", key, value, "json", ValueType.INTEGER, ttl, Condition.ALWAYS);
    }

    private void follow() {
        position = store.snapshot(Set.of("app"), 10).position();
        open();
    }

    private void open() {
        if (feed != null) {
            feed.close();
        }
        feed = mongo.closeLater(store.openFeed(position));
    }

    private Feed.Batch poll() {
        Feed.Batch batch = feed.poll(TICK);
        position = batch.position();
        seen.addAll(batch.changeSets());
        return batch;
    }

    /** Reads as the engine does: a feed that broke is opened again where it was. */
    private void readUntil(BooleanSupplier done) {
        await().atMost(Duration.ofSeconds(20))
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(5))
                .pollInSameThread()
                .until(() -> {
                    try {
                        poll();
                    } catch (PositionLostException e) {
                        throw e;
                    } catch (StoreException e) {
                        assertThat(e.isTransient()).isTrue();
                        open();
                    }
                    return done.getAsBoolean();
                });
    }

    private void readTo(CommitResult result) {
        readUntil(() -> position.revision() >= result.revision());
    }

    private List<LogEntry> changes(String key) {
        return seen.stream()
                .flatMap(changeSet -> changeSet.changes().stream())
                .filter(change -> change.key().equals(key))
                .toList();
    }

    private List<String> values(String key) {
        return changes(key).stream()
                .map(LogEntry::entry)
                .map(entry -> entry == null ? "-" : entry.value())
                .toList();
    }

    private List<Long> revisions() {
        return seen.stream().map(ChangeSet::revision).toList();
    }

    @Test
    void m01WritesBetweenSnapshotAndStreamAreSeen() {
        put("a", "1");
        position = store.snapshot(Set.of("app"), 10).position();
        put("a", "2");
        mongo.put("app", "b", "3");
        mongo.delete("app", "a");

        open();

        readUntil(() -> values("a").contains("-") && !values("b").isEmpty());
        assertThat(values("a")).containsExactly("2", "-");
        assertThat(values("b")).containsExactly("3");
        assertThat(revisions()).isSorted().doesNotHaveDuplicates();
    }

    /** Steps in random order, by one thread: the seed says which. */
    @Test
    void m01InAnyOrderOfWritesAndOpeningNothingIsMissed() {
        for (long seed = 0; seed < 30; seed++) {
            Random random = new Random(seed);
            Map<String, String> start = startAnew();
            for (int step = 0; step < 25; step++) {
                String key = String.valueOf((char) ('a' + random.nextInt(3)));
                switch (random.nextInt(7)) {
                    case 0, 1 -> put(key, Integer.toString(step));
                    case 2 -> mongo.put("app", key, Integer.toString(step));
                    case 3 -> mongo.delete("app", key);
                    case 4 -> start = startAnew();
                    case 5 -> open();
                    default -> {
                        if (feed != null) {
                            poll();
                        }
                    }
                }
            }
            open();
            Map<String, String> snapshot = start;
            try {
                readUntil(() -> folded(snapshot).equals(stored()));
            } catch (ConditionTimeoutException e) {
                assertThat(folded(snapshot)).as("seed %d", seed).isEqualTo(stored());
            }
            assertThat(revisions()).as("seed %d", seed).isSorted().doesNotHaveDuplicates();
        }
    }

    private Map<String, String> startAnew() {
        if (feed != null) {
            feed.close();
            feed = null;
        }
        seen.clear();
        Snapshot snapshot = store.snapshot(Set.of("app"), 10);
        position = snapshot.position();
        return valuesOf(snapshot);
    }

    private Map<String, String> stored() {
        return valuesOf(store.snapshot(Set.of("app"), 10));
    }

    private static Map<String, String> valuesOf(Snapshot snapshot) {
        Map<String, String> values = new TreeMap<>();
        snapshot.entries().forEach(entry -> values.put(entry.key(), entry.value()));
        return values;
    }

    private Map<String, String> folded(Map<String, String> start) {
        Map<String, String> values = new TreeMap<>(start);
        for (ChangeSet changeSet : seen) {
            for (LogEntry change : changeSet.changes()) {
                if (change.entry() == null) {
                    values.remove(change.key());
                } else {
                    values.put(change.key(), change.entry().value());
                }
            }
        }
        return values;
    }

    @Test
    void m02ErrorsOfTheStreamLoseAndRepeatNothing() {
        follow();
        poll();
        List<Long> expected = new ArrayList<>();
        for (int code : List.of(43, 189, 10107, 11600, 91, 13, 136, 237, 280, 286, 10334, 40573, 1)) {
            String[] labels = Set.of(189, 10107, 11600, 91).contains(code) ? new String[] {RESUMABLE} : new String[0];
            server.fail("getMore", 1, code, "planned", labels);
            expected.add(put("a", Integer.toString(code)).revision());
            if (code == 13) {
                assertThat(catchThrowableOfType(StoreException.class, () -> feedFails())
                                .isTransient())
                        .isFalse();
                open();
            }
            readUntil(() -> revisions().size() == expected.size());
        }
        for (Faults.Kind kind : List.of(Faults.Kind.CUT_BEFORE, Faults.Kind.CUT_AFTER)) {
            server.cut("getMore", 3, kind);
            expected.add(put("a", kind.name()).revision());
            readUntil(() -> revisions().size() == expected.size());
        }
        assertThat(revisions()).isEqualTo(expected);
    }

    private void feedFails() {
        for (int i = 0; i < 10; i++) {
            poll();
        }
    }

    @Test
    void m02AWriteWhoseAnswerIsLostIsStoredOnce() {
        follow();
        for (String command : List.of("findAndModify", "insert", "update", "commitTransaction")) {
            for (Faults.Kind kind : List.of(Faults.Kind.CUT_BEFORE, Faults.Kind.CUT_AFTER)) {
                server.cut(command, 1, kind);
                long before = revisionOfHead();

                assertThat(put("a", "1").revision()).isEqualTo(before + 1);

                assertThat(revisionOfHead()).isEqualTo(before + 1);
            }
        }
        readUntil(() -> position.revision() == revisionOfHead());
        assertThat(changes("a"))
                .extracting(LogEntry::version)
                .containsExactlyElementsOf(LongStream.rangeClosed(1, 8).boxed().toList());
    }

    @Test
    void aTransactionThatCouldNotBeEndedDoesNotHoldUpTheNext() {
        store = mongo.store(builder -> builder.callTimeout(Duration.ofSeconds(2)));
        long before = put("a", "1").revision();
        server.cut("commitTransaction", 1_000, Faults.Kind.CUT_BEFORE);
        server.cut("abortTransaction", 1_000, Faults.Kind.CUT_BEFORE);
        assertThatThrownBy(() -> put("a", "2")).isInstanceOf(StoreException.class);
        server.noMoreFaults();

        assertThat(put("a", "3").revision()).isEqualTo(before + 1);
    }

    private long revisionOfHead() {
        return store.snapshot(Set.of(), 1).position().revision();
    }

    /** A stream may go on at a member that is not the primary any more, while all other reads are from the new one. */
    @Test
    void m03ThePositionDoesNotPassWhatAStreamThatLagsHasNotShown() {
        put("a", "1");
        follow();
        server.lagStreams(true);
        mongo.put("app", "a", "2");
        put("b", "1");
        open();
        for (int i = 0; i < 3; i++) {
            poll();
        }
        assertThat(values("b")).containsExactly("1");
        assertThat(values("a")).isEmpty();

        server.lagStreams(false);
        open();

        readUntil(() -> values("a").equals(List.of("2")));
    }

    @Test
    void m04WhatIsRolledBackWasNeverVisible() {
        put("a", "1");
        follow();
        poll();

        server.cutOff();
        editWithoutAMajority();
        assertNothingIsSeenOfIt();
        server.rollBack();

        assertThat(values("a")).isEmpty();
        CommitResult next = put("a", "3");
        readTo(next);
        assertThat(values("a")).containsExactly("3");
        assertThat(changes("a")).extracting(LogEntry::version).containsExactly(2L);
        assertThat(changes("b")).isEmpty();
    }

    @Test
    void m04WhatAMajorityGetsLateIsVisibleThen() {
        put("a", "1");
        follow();
        poll();

        server.cutOff();
        editWithoutAMajority();
        assertNothingIsSeenOfIt();
        server.catchUp();

        readUntil(() -> !values("a").isEmpty() && !values("b").isEmpty());
        assertThat(values("a")).containsExactly("2");
        assertThat(values("b")).containsExactly("2");
    }

    private void editWithoutAMajority() {
        mongo.put("app", "a", "2");
        mongo.put("app", "b", "2");
        assertThat(mongo.entries().find().into(new ArrayList<>()))
                .as("who asks without a concern is shown it")
                .extracting(entry -> entry.getString("value"))
                .containsExactly("2", "2");
    }

    private void assertNothingIsSeenOfIt() {
        assertThat(store.get("app", "a").entry().value()).isEqualTo("1");
        assertThat(store.snapshot(Set.of("app"), 10).entries()).hasSize(1);
        assertThat(store.list("app", ConfigFilter.ALL, 10, null).items()).hasSize(1);
        store.audit(null);
        open();
        poll();
        poll();
        assertThat(seen).isEmpty();
    }

    @Test
    void m05LostHistoryOfTheServerCostsAComparisonAndNothingElse() {
        put("quiet", "1");
        follow();
        poll();
        feed.close();
        mongo.put("app", "quiet", "2");
        mongo.delete("app", "never");
        server.truncateHistory();
        mongo.put("app", "later", "3");

        open();

        readUntil(() -> !values("quiet").isEmpty() && !values("later").isEmpty());
        assertThat(values("quiet")).containsExactly("2");
        assertThat(values("later")).containsExactly("3");
        CommitResult last = put("quiet", "4");
        readTo(last);
        assertThat(values("quiet")).containsExactly("2", "4");
    }

    @Test
    void m06ADroppedCollectionIsADeletionOfAll() {
        put("a", "1");
        put("b", "1");
        follow();
        poll();

        mongo.entries().drop();
        readUntil(() -> !values("a").isEmpty() && !values("b").isEmpty());
        mongo.database.createCollection(mongo.names.entries());
        CommitResult again = put("a", "2");
        readTo(again);

        assertThat(values("a")).containsExactly("-", "2");
        assertThat(values("b")).containsExactly("-");
        assertThat(store.get("app", "a").entry().version()).isEqualTo(3);
    }

    @Test
    void m06ARenamedCollectionIsNoticedAndItsReturnToo() {
        put("a", "1");
        follow();
        poll();
        MongoNamespace away = new MongoNamespace(mongo.names.database(), "away");

        mongo.entries().renameCollection(away);
        readUntil(() -> values("a").equals(List.of("-")));
        mongo.database
                .getCollection("away")
                .renameCollection(new MongoNamespace(mongo.names.database(), mongo.names.entries()));
        readUntil(() -> values("a").size() == 2);

        assertThat(values("a")).containsExactly("-", "1");
        assertThat(store.get("app", "a").entry().version()).isEqualTo(3);
    }

    @Test
    void m06ADroppedDatabaseIsAnotherHistory() {
        put("a", "1");
        follow();
        poll();

        mongo.database.drop();
        StoreException gone = catchThrowableOfType(StoreException.class, this::feedFails);
        assertThat(gone.isTransient()).isFalse();
        assertThat(gone).hasMessageContaining("head");
        store.initialize();

        PositionLostException lost = catchThrowableOfType(PositionLostException.class, () -> {
            open();
            poll();
        });
        assertThat(lost.reason()).isEqualTo(Reason.HISTORY_REPLACED);
        follow();
        readTo(put("a", "2"));
        assertThat(values("a")).containsExactly("2");
    }

    @Test
    void m07AStandaloneServerIsPolled() {
        useStandaloneServer();
        follow();
        assertThat(poll().pushAvailable()).isFalse();

        CommitResult first = put("a", "1");
        readTo(first);
        mongo.put("app", "a", "2");
        readUntil(() -> values("a").size() == 2);
        mongo.delete("app", "a");
        readUntil(() -> values("a").size() == 3);

        assertThat(values("a")).containsExactly("1", "2", "-");
        assertThat(store.description()).contains("no replica set", "not stored all or nothing");
        assertThatThrownBy(() -> store.commit(Commit.of(
                        List.of(new Operation.Put("app", "a", "1", "json", ValueType.INTEGER, null, Condition.PRESENT)),
                        null,
                        null)))
                .isInstanceOf(VersionConflictException.class);
        assertThat(put("a", "3").changes().get(0).version()).isEqualTo(4);
    }

    @Test
    void m07AStandaloneWriterThatDiedLeavesWhatTheNextOnesRepair() {
        useStandaloneServer();
        put("a", "1");
        follow();
        poll();
        Document head = mongo.head().find(Filters.eq("_id", "head")).first();
        mongo.head().updateOne(Filters.eq("_id", "head"), Updates.set("lockedUntil", Instant.EPOCH));
        mongo.log()
                .insertOne(new Document("_id", Lines.firstLine(head.getLong("revision") + 1))
                        .append("op", "PUT")
                        .append("ns", "app")
                        .append("key", "a")
                        .append("version", 2L)
                        .append("value", "2"));
        mongo.put("app", "half", "2");

        readTo(put("b", "1"));
        readUntil(() -> !values("half").isEmpty());

        assertThat(values("a")).isEmpty();
        assertThat(values("half")).containsExactly("2");
        assertThat(store.get("app", "a").entry().value()).isEqualTo("1");
    }

    @Test
    void m07ACommitOfAStandaloneWriterThatDiedIsNotTakenForStoredWhenItIsRepeated() {
        useStandaloneServer();
        put("a", "1");
        Document head = mongo.head().find(Filters.eq("_id", "head")).first();
        Commit first = Commit.of(List.of(operation("a", "2", null)), null, null);
        Commit second = Commit.of(List.of(operation("a", "3", null)), null, null);
        store.commit(first);
        mongo.head().replaceOne(Filters.eq("_id", "head"), head);

        assertThat(store.commit(first).revision())
                .as("the same number, taken anew")
                .isEqualTo(2);
        assertThat(store.get("app", "a").entry().value()).isEqualTo("2");

        store.commit(second);
        mongo.head()
                .replaceOne(
                        Filters.eq("_id", "head"),
                        mongo.head().find(Filters.eq("_id", "head")).first().append("revision", 2L));
        put("b", "1");
        long revision = store.commit(second).revision();

        assertThat(revision)
                .as("another commit has the number of the first try")
                .isGreaterThan(3);
        assertThat(store.get("app", "a").entry().value()).isEqualTo("3");
        assertThat(store.commit(second).revision()).isEqualTo(revision);
    }

    @Test
    void m08QuickChangesNeverStepBack() {
        follow();
        poll();
        for (int i = 0; i < 10; i++) {
            mongo.put("app", "a", Integer.toString(2 * i));
            mongo.put("app", "a", Integer.toString(2 * i + 1));
            mongo.delete("app", "a");
        }
        mongo.put("app", "a", "99");

        readUntil(() -> values("a").contains("99"));

        List<Integer> put = changes("a").stream()
                .map(LogEntry::entry)
                .filter(entry -> entry != null)
                .map(ConfigEntry::value)
                .map(Integer::valueOf)
                .toList();
        assertThat(put).isSorted().doesNotHaveDuplicates();
        assertThat(changes("a")).extracting(LogEntry::version).isSorted().doesNotHaveDuplicates();
    }

    @Test
    void m09EditsThatBumpNothingAreSeen() {
        put("a", "1");
        Document old = mongo.entries().find().first();
        put("a", "2");
        follow();
        poll();

        mongo.put("app", "a", "3");
        readUntil(() -> values("a").size() == 1);
        mongo.replace("app", "a", old);
        readUntil(() -> values("a").size() == 2);
        mongo.entries().updateOne(new Document(), Updates.set("value", 5));
        readUntil(() -> values("a").size() == 3);

        assertThat(values("a")).containsExactly("3", "1", "5");
        assertThat(changes("a")).extracting(LogEntry::version).containsExactly(3L, 4L, 5L);
        assertThat(store.history("app", "a", 10, null).items())
                .extracting(LogEntry::version)
                .containsExactly(5L, 4L, 3L, 2L, 1L);
    }

    @Test
    void m09ACommitDoesNotOverwriteAnEditThatNobodyHasSeen() {
        put("a", "1");
        Document old = mongo.entries().find().first();
        put("a", "2");
        mongo.put("app", "a", "3");

        VersionConflictException conflict = catchThrowableOfType(
                VersionConflictException.class,
                () -> store.commit(Commit.of(
                        List.of(new Operation.Put(
                                "app", "a", "4", "json", ValueType.INTEGER, null, Condition.version(2))),
                        null,
                        null)));
        assertThat(conflict.actualVersion()).isEqualTo(3);

        mongo.replace("app", "a", old);
        assertThat(put("a", "5").changes().get(0).version()).isEqualTo(5);
        assertThat(store.history("app", "a", 10, null).items())
                .extracting(line -> line.entry().value())
                .containsExactly("5", "1", "3", "2", "1");
    }

    @Test
    void m09AnEditInATransactionIsSeen() {
        put("a", "1");
        follow();
        poll();
        try (ClientSession session = mongo.client.startSession()) {
            session.startTransaction();
            mongo.entries().updateMany(session, new Document(), Updates.set("value", "2"));
            session.commitTransaction();
        }
        readUntil(() -> !values("a").isEmpty());
        assertThat(values("a")).containsExactly("2");
    }

    @Test
    void m10DocumentsThatAreNoEntriesDisturbNothing() {
        put("a", "1");
        follow();
        poll();
        mongo.entries().insertOne(new Document("_id", 7).append("value", "1"));
        mongo.entries().insertOne(new Document("_id", Lines.id("app", "empty")));
        mongo.entries().insertOne(new Document("_id", new Document("key", "a").append("ns", "app")));
        mongo.entries().insertOne(new Document("_id", new Document("ns", 1).append("key", 2)).append("value", "x"));
        mongo.replace(
                "app",
                "odd",
                new Document("value", List.of(1, "x")).append("version", "no").append("at", 1));

        CommitResult last = put("a", "2");
        readUntil(() -> position.revision() >= last.revision() && !values("odd").isEmpty());

        assertThat(values("odd")).containsExactly("[1, \"x\"]");
        assertThat(values("a")).containsExactly("2");
        assertThat(put("empty", "1").changes().get(0).version()).isEqualTo(1);
        store.maintain();
        assertThat(store.snapshot(Set.of("app"), 10).entries()).hasSize(3);
    }

    @Test
    void m10AnEventThatIsTooLargeCostsAComparison() {
        follow();
        poll();
        server.fail("getMore", 3, 10334, "BSONObjectTooLarge");
        mongo.put("app", "a", "1");
        readUntil(() -> !values("a").isEmpty());
        readTo(put("b", "1"));
        assertThat(values("a")).containsExactly("1");
        assertThat(values("b")).containsExactly("1");
    }

    @Test
    void m11ATransactionIsSeenWhole() {
        follow();
        poll();
        List<Operation> operations = new ArrayList<>();
        for (int i = 0; i < 1_200; i++) {
            operations.add(new Operation.Put("app", "k" + i, "1", "json", ValueType.INTEGER, null, Condition.ALWAYS));
        }
        CommitResult result = store.commit(Commit.of(operations, null, null));

        readTo(result);

        assertThat(revisions()).containsExactly(result.revision());
        assertThat(seen.get(0).changes()).hasSize(1_200);
    }

    @Test
    void aPageIsLimitedInSizeAndEndsWithARevision() {
        follow();
        String large = '"' + "x".repeat(900_000) + '"';
        long last = 0;
        for (int i = 0; i < 12; i++) {
            last = store.commit(Commit.of(
                            List.of(
                                    new Operation.Put(
                                            "app", "a", large, "json", ValueType.STRING, null, Condition.ALWAYS),
                                    new Operation.Put(
                                            "app", "b", large, "json", ValueType.STRING, null, Condition.ALWAYS)),
                            null,
                            null))
                    .revision();
        }

        List<Integer> pages = new ArrayList<>();
        while (position.revision() < last) {
            pages.add(poll().changeSets().size());
        }

        assertThat(pages).containsExactly(5, 5, 2);
        assertThat(seen).allSatisfy(changeSet -> assertThat(changeSet.changes()).hasSize(2));
    }

    @Test
    void m12ARestoredBackupIsAnotherHistory() {
        put("a", "1");
        List<Document> head = mongo.head().find().into(new ArrayList<>());
        List<Document> lines = mongo.log().find().into(new ArrayList<>());
        List<Document> entries = mongo.entries().find().into(new ArrayList<>());
        put("a", "2");
        follow();
        poll();
        feed.close();

        for (Map.Entry<String, List<Document>> each : Map.of(
                        mongo.names.head(), head, mongo.names.log(), lines, mongo.names.entries(), entries)
                .entrySet()) {
            mongo.database.getCollection(each.getKey()).deleteMany(new Document());
            mongo.database.getCollection(each.getKey()).insertMany(each.getValue());
        }
        put("b", "1");

        PositionLostException lost = catchThrowableOfType(PositionLostException.class, () -> {
            open();
            poll();
        });
        assertThat(lost.reason()).isEqualTo(Reason.HISTORY_REPLACED);
    }

    @Test
    void m14WhatHasExpiredIsNotServedAndItsRemovalIsAnExpiry() {
        follow();
        put("kept", "1", Duration.ofDays(1));
        put("forever", "1");

        put("a", "1", Duration.ofMillis(20));
        await().pollInterval(Duration.ofMillis(5)).until(gone("a"));
        server.removeExpired();
        assertThat(mongo.entries().countDocuments()).as("removed by the server").isEqualTo(2);
        readUntil(() -> changes("a").size() == 2);

        put("b", "1", Duration.ofMillis(20));
        await().pollInterval(Duration.ofMillis(5)).until(gone("b"));
        store.maintain();
        assertThat(mongo.entries().countDocuments())
                .as("removed by housekeeping")
                .isEqualTo(2);
        readUntil(() -> changes("b").size() == 2);

        assertThat(changes("a")).extracting(LogEntry::kind).containsExactly(Kind.PUT, Kind.EXPIRE);
        assertThat(changes("b")).extracting(LogEntry::kind).containsExactly(Kind.PUT, Kind.EXPIRE);
        assertThat(put("a", "2").changes().get(0).version()).isEqualTo(3);
    }

    @Test
    void m14HowLongCommitsAreRememberedCanBeChanged() {
        put("a", "1");
        server.removeExpired();
        assertThat(mongo.operations().countDocuments()).isOne();

        mongo.store(builder -> builder.operationRetention(Duration.ofMillis(1))).initialize();

        await().until(() -> {
            server.removeExpired();
            return mongo.operations().countDocuments() == 0;
        });
        assertThat(store.get("app", "a").entry()).isNotNull();
    }

    private Callable<Boolean> gone(String key) {
        return () -> store.get("app", key).entry() == null;
    }

    @Test
    void m15TheFeedNeedsNothingOfTheApplicationsPool() {
        try (var small = MongoClients.create(server.uri() + "&maxPoolSize=1");
                MongoConfigStore poor = mongo.builder(small).build()) {
            Position start = poor.snapshot(Set.of("app"), 10).position();
            Feed own = mongo.closeLater(poor.openFeed(start));
            own.poll(TICK);
            CommitResult result = put("a", "1");
            try (ClientSession held = small.startSession()) {
                held.startTransaction();
                small.getDatabase("other").getCollection("c").insertOne(held, new Document());
                await().until(() -> own.poll(TICK).position().revision() >= result.revision());
                held.abortTransaction();
            }
        }
    }

    @Test
    void aRestartedServerIsFollowedAgain() {
        put("a", "1");
        follow();
        poll();

        server.stop();
        server.startAgain();

        CommitResult result = put("a", "2");
        readTo(result);
        assertThat(values("a")).containsExactly("2");
        assertThat(store.get("app", "a").entry().value()).isEqualTo("2");
    }

    @Test
    void aFrozenServerEndsCallsAndPollsInTime() {
        put("a", "1");
        store = mongo.store(builder -> builder.callTimeout(Duration.ofSeconds(2)));
        follow();
        poll();

        mongo.proxy.freeze(true);
        try {
            StoreException late = catchThrowableOfType(StoreException.class, () -> {
                for (int i = 0; i < 100; i++) {
                    poll();
                }
            });
            assertThat(late.isTransient()).isTrue();
        } finally {
            mongo.proxy.freeze(false);
        }
        open();
        CommitResult result = put("a", "2");
        readUntil(() -> position.revision() >= result.revision());
        assertThat(values("a")).containsExactly("2");
    }

    @Test
    void aStoreOnASilentNetworkClosesInTime() {
        store = mongo.store(builder -> builder.callTimeout(Duration.ofSeconds(2)));
        follow();
        poll();
        mongo.proxy.freeze(true);
        assertThatThrownBy(() -> {
                    while (true) {
                        poll();
                    }
                })
                .isInstanceOf(StoreException.class);

        assertThat(CompletableFuture.runAsync(store::close)).succeedsWithin(Duration.ofSeconds(10));
        mongo.proxy.freeze(false);
    }

    @Test
    void whoeverIsInTheWayOfAnEditIsNotInTheWayOfReading() {
        store = mongo.store(builder -> builder.callTimeout(Duration.ofSeconds(2)));
        CommitResult before = put("a", "1");
        follow();
        try (ClientSession session = mongo.client.startSession()) {
            session.startTransaction();
            mongo.head().updateOne(session, Filters.eq("_id", "head"), Updates.set("other", 1));
            mongo.put("app", "a", "2");
            mongo.put("app", "b", "3");

            for (int i = 0; i < 3; i++) {
                assertThat(poll().position().revision()).isEqualTo(before.revision());
            }
            open();
            assertThat(poll().position().revision()).isEqualTo(before.revision());
            session.abortTransaction();
        }

        readUntil(() -> !values("a").isEmpty() && !values("b").isEmpty());
        assertThat(values("a")).containsExactly("2");
        assertThat(values("b")).containsExactly("3");
    }

    @Test
    void whatIsReadIsWhatTheLogSays() {
        store = mongo.store(builder -> builder.callTimeout(Duration.ofSeconds(2)));
        put("edited", "1");
        CommitResult last = put("deleted", "2");
        try (ClientSession session = mongo.client.startSession()) {
            session.startTransaction();
            mongo.head().updateOne(session, Filters.eq("_id", "head"), Updates.set("other", 1));
            mongo.put("app", "edited", "5");
            mongo.put("app", "created", "6");
            mongo.delete("app", "deleted");

            Snapshot snapshot = store.snapshot(Set.of("app"), 10);

            assertThat(snapshot.position().revision()).isEqualTo(last.revision());
            assertThat(snapshot.entries())
                    .extracting(ConfigEntry::key, ConfigEntry::value)
                    .containsExactlyInAnyOrder(tuple("edited", "1"), tuple("deleted", "2"));
            assertThat(store.get("app", "edited").entry().value()).isEqualTo("1");
            assertThat(store.get("app", "deleted").entry().value()).isEqualTo("2");
            assertThat(store.get("app", "created").entry()).isNull();
            session.abortTransaction();
        }

        Snapshot snapshot = store.snapshot(Set.of("app"), 10);

        assertThat(snapshot.position().revision()).isEqualTo(last.revision() + 1);
        assertThat(snapshot.entries())
                .extracting(ConfigEntry::key, ConfigEntry::value)
                .containsExactlyInAnyOrder(tuple("edited", "5"), tuple("created", "6"));
    }

    @Test
    void whoReadsAnEditFirstGivesItsRevision() {
        long revision = put("a", "1").revision();

        mongo.put("app", "a", "2");
        Lookup edited = store.get("app", "a");
        assertThat(edited.entry().value()).isEqualTo("2");
        assertThat(edited.entry().revision()).isEqualTo(revision + 1);
        assertThat(edited.revision()).isEqualTo(revision + 1);

        mongo.delete("app", "a");
        Lookup deleted = store.get("app", "a");
        assertThat(deleted.entry()).isNull();
        assertThat(deleted.revision()).isEqualTo(revision + 2);
    }

    @Test
    void whoMayNotWriteLeavesEditsToOthers() {
        follow();
        poll();
        server.fail("findAndModify", 1, 13, "Unauthorized");
        mongo.put("app", "a", "1");
        for (int i = 0; i < 5; i++) {
            poll();
        }
        server.noMoreFaults();

        store.maintain();

        readUntil(() -> !values("a").isEmpty());
        assertThat(values("a")).containsExactly("1");
    }

    @Test
    void aRepeatedCommitIsAnsweredAfterItsLinesWereForgotten() {
        Commit commit = new Commit(
                UUID.randomUUID(),
                List.of(new Operation.Put("app", "a", "1", "json", ValueType.INTEGER, null, Condition.ABSENT)),
                null,
                null);
        long revision = store.commit(commit).revision();
        put("a", "2");
        put("a", "3");
        mongo.compact();

        assertThat(store.commit(commit).revision()).isEqualTo(revision);
        assertThat(store.get("app", "a").entry().value()).isEqualTo("3");
    }
}
