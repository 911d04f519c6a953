// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import static com.mongodb.client.model.Filters.eq;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.mongodb.MongoBulkWriteException;
import com.mongodb.MongoCommandException;
import com.mongodb.MongoException;
import com.mongodb.MongoNamespace;
import com.mongodb.MongoWriteException;
import com.mongodb.client.ChangeStreamIterable;
import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoChangeStreamCursor;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Aggregates;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.FindOneAndUpdateOptions;
import com.mongodb.client.model.IndexOptions;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.ReplaceOptions;
import com.mongodb.client.model.Updates;
import com.mongodb.client.model.changestream.ChangeStreamDocument;
import com.mongodb.client.model.changestream.FullDocument;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.bson.BsonDocument;
import org.bson.BsonString;
import org.bson.BsonTimestamp;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/**
 * The in-process server compared with what real servers (4.2.8 and 4.4.0) answered to the same operations: the events,
 * field by field in their order, and the codes and labels of errors.
 */
class ReplicaSetServerTest {

    private final ReplicaSetServer server = ReplicaSetServer.start();
    private final MongoClient client = MongoClients.create(server.uri());
    private final MongoDatabase db = client.getDatabase("cfg");
    private final MongoCollection<Document> e1 = db.getCollection("e1");
    private final List<AutoCloseable> opened = new ArrayList<>();

    @BeforeEach
    void createCollection() {
        db.createCollection("e1");
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : opened) {
            each.close();
        }
        client.close();
        server.close();
    }

    private static Document key(String key) {
        return new Document("ns", "app").append("key", key);
    }

    /** The events of what is done, as documents. */
    private List<Document> events(Consumer<MongoCollection<Document>> writes) {
        try (MongoChangeStreamCursor<Document> stream = raw(e1.watch())) {
            writes.accept(e1);
            return drain(stream);
        }
    }

    private static MongoChangeStreamCursor<Document> raw(ChangeStreamIterable<Document> stream) {
        MongoChangeStreamCursor<Document> cursor =
                (MongoChangeStreamCursor<Document>) stream.maxAwaitTime(50, TimeUnit.MILLISECONDS)
                        .withDocumentClass(Document.class)
                        .cursor();
        return cursor;
    }

    private static List<Document> drain(MongoChangeStreamCursor<Document> stream) {
        List<Document> events = new ArrayList<>();
        for (Document event = stream.tryNext(); event != null; event = stream.tryNext()) {
            events.add(event);
        }
        return events;
    }

    private MongoChangeStreamCursor<ChangeStreamDocument<Document>> watch(
            UnaryOperator<ChangeStreamIterable<Document>> options) {
        MongoChangeStreamCursor<ChangeStreamDocument<Document>> cursor = options.apply(
                        e1.watch().maxAwaitTime(50, TimeUnit.MILLISECONDS))
                .cursor();
        opened.add(cursor);
        return cursor;
    }

    private BsonDocument tokenOf(Consumer<MongoCollection<Document>> write) {
        try (var stream = watch(each -> each)) {
            write.accept(e1);
            return stream.next().getResumeToken();
        }
    }

    private int codeOf(Runnable action) {
        MongoException failure = catchThrowableOfType(MongoException.class, action::run);
        assertThat(failure).isNotNull();
        return failure.getCode();
    }

    @Nested
    class EventShapes {

        @Test
        void ofAnInsert() {
            Document event = events(c -> c.insertOne(
                            new Document("_id", key("a.b")).append("value", "1").append("rev", 1)))
                    .get(0);

            assertThat(event.keySet())
                    .containsExactly("_id", "operationType", "clusterTime", "fullDocument", "ns", "documentKey");
            assertThat(event.get("ns")).isEqualTo(new Document("db", "cfg").append("coll", "e1"));
            assertThat(event.get("documentKey")).isEqualTo(new Document("_id", key("a.b")));
            assertThat(event.get("_id", Document.class).getString("_data"))
                    .matches("82[0-9A-F]{16}2B022C0100296E5A1004[0-9A-F]{32}46[0-9A-F]+0004");
        }

        @Test
        void ofAnUpdate() {
            e1.insertOne(new Document("_id", key("k"))
                    .append("value", "1")
                    .append("old", 1)
                    .append("rev", 1));

            Document event = events(c -> c.updateOne(
                            eq("_id", key("k")),
                            Updates.combine(Updates.set("value", "2"), Updates.unset("old"), Updates.inc("rev", 1))))
                    .get(0);

            assertThat(event.keySet())
                    .containsExactly("_id", "operationType", "clusterTime", "ns", "documentKey", "updateDescription");
            assertThat(event.get("updateDescription", Document.class).toJson())
                    .isEqualTo("{\"updatedFields\": {\"rev\": 2, \"value\": \"2\"}, \"removedFields\": [\"old\"]}");
        }

        @Test
        void ofAnUpdateInsideOfFieldsAndArrays() {
            e1.insertOne(new Document("_id", 1)
                    .append("a", new Document("b", 1).append("c", 1))
                    .append("arr", List.of(1, 2)));

            List<Document> events = events(c -> {
                c.updateOne(eq("_id", 1), Updates.set("a.b", 2));
                c.updateOne(eq("_id", 1), Updates.push("arr", 3));
                c.updateOne(eq("_id", 1), Updates.popLast("arr"));
                c.updateOne(eq("_id", 1), Updates.set("a.b", 2));
            });

            assertThat(events)
                    .extracting(event -> event.get("updateDescription", Document.class)
                            .get("updatedFields", Document.class)
                            .toJson())
                    .containsExactly("{\"a.b\": 2}", "{\"arr.2\": 3}", "{\"arr\": [1, 2]}");
        }

        @Test
        void ofLookups() {
            e1.insertOne(new Document("_id", 1).append("v", 1));
            try (MongoChangeStreamCursor<Document> stream = raw(e1.watch().fullDocument(FullDocument.UPDATE_LOOKUP))) {
                e1.updateOne(eq("_id", 1), Updates.set("v", 2));
                e1.deleteOne(eq("_id", 1));

                Document update = drain(stream).get(0);

                assertThat(update.keySet())
                        .containsExactly(
                                "_id",
                                "operationType",
                                "clusterTime",
                                "fullDocument",
                                "ns",
                                "documentKey",
                                "updateDescription");
                assertThat(update.get("fullDocument")).isNull();
            }
        }

        @Test
        void ofReplacementsAlsoEqualOnes() {
            e1.insertOne(new Document("_id", "n").append("v", 1));

            List<Document> events = events(c -> {
                assertThat(c.replaceOne(eq("_id", "n"), new Document("v", 2)).getModifiedCount())
                        .isEqualTo(1);
                assertThat(c.replaceOne(eq("_id", "n"), new Document("v", 2)).getModifiedCount())
                        .isEqualTo(1);
                c.findOneAndReplace(eq("_id", "n"), new Document("v", 3));
                assertThat(c.updateOne(eq("_id", "n"), Updates.set("v", 3)).getModifiedCount())
                        .isZero();
            });

            assertThat(events)
                    .extracting(event -> event.get("operationType"))
                    .containsOnly("replace")
                    .hasSize(3);
            assertThat(events.get(0).keySet())
                    .containsExactly("_id", "operationType", "clusterTime", "fullDocument", "ns", "documentKey");
            assertThat(events.get(1).get("fullDocument").toString()).isEqualTo("Document{{_id=n, v=2}}");
        }

        @Test
        void ofDeletesHoweverTheyHappen() {
            e1.insertMany(List.of(new Document("_id", 1), new Document("_id", 2), new Document("_id", 3)));
            e1.createIndex(new Document("until", 1), new IndexOptions().expireAfter(0L, TimeUnit.SECONDS));
            e1.insertOne(new Document("_id", key("ttl")).append("until", Date.from(Instant.EPOCH)));
            e1.insertOne(new Document("_id", key("text")).append("until", "1970-01-01"));
            e1.insertOne(new Document("_id", key("none")).append("until", null));

            List<Document> events = events(c -> {
                c.deleteOne(eq("_id", 1));
                c.findOneAndDelete(eq("_id", 2));
                c.deleteMany(eq("_id", 3));
                server.removeExpired();
            });

            assertThat(events).hasSize(4).allSatisfy(event -> {
                assertThat(event.get("operationType")).isEqualTo("delete");
                assertThat(event.keySet()).containsExactly("_id", "operationType", "clusterTime", "ns", "documentKey");
            });
        }

        @Test
        void ofATransaction() {
            List<Document> events = events(c -> inTransaction(session -> {
                c.insertOne(session, new Document("_id", 1));
                c.updateOne(session, eq("_id", 1), Updates.set("v", 1));
                c.replaceOne(session, eq("_id", 1), new Document("v", 2));
                c.insertOne(session, new Document("_id", 2));
            }));

            assertThat(events)
                    .extracting(event -> event.get("operationType"))
                    .containsExactly("insert", "update", "replace", "insert");
            assertThat(events)
                    .extracting(event -> event.get("clusterTime"))
                    .containsOnly(events.get(0).get("clusterTime"));
            assertThat(events.get(1).keySet()).startsWith("txnNumber", "lsid", "_id", "operationType", "clusterTime");
            assertThat(events)
                    .extracting(event -> event.get("_id", Document.class).getString("_data"))
                    .isSorted()
                    .doesNotHaveDuplicates();
        }

        @Test
        void ofDropAndRenameEndAStreamOfTheCollection() {
            e1.insertOne(new Document("_id", 1));
            try (MongoChangeStreamCursor<Document> one = raw(e1.watch());
                    MongoChangeStreamCursor<Document> all = raw(db.watch())) {
                e1.drop();
                db.createCollection("e1");
                e1.insertOne(new Document("_id", 2));
                e1.renameCollection(new MongoNamespace("cfg", "e2"));

                List<Document> ofOne = drain(one);
                assertThat(ofOne)
                        .extracting(event -> event.get("operationType"))
                        .containsExactly("drop", "invalidate");
                assertThat(ofOne.get(0).keySet()).containsExactly("_id", "operationType", "clusterTime", "ns");
                assertThat(ofOne.get(1).keySet()).containsExactly("_id", "operationType", "clusterTime");
                assertThat(one.getServerCursor()).isNull();
                List<Document> ofAll = drain(all);
                assertThat(ofAll)
                        .extracting(event -> event.get("operationType"))
                        .containsExactly("drop", "insert", "rename");
                assertThat(ofAll.get(2).keySet()).containsExactly("to", "_id", "operationType", "clusterTime", "ns");
                assertThat(all.getServerCursor()).isNotNull();
            }
        }

        @Test
        void ofADroppedDatabaseEndItsStream() {
            e1.insertOne(new Document("_id", 1));
            try (MongoChangeStreamCursor<Document> all = raw(db.watch())) {
                db.drop();

                List<Document> events = drain(all);

                assertThat(events)
                        .extracting(event -> event.get("operationType"))
                        .containsExactly("drop", "dropDatabase", "invalidate");
                assertThat(events.get(1).get("ns")).isEqualTo(new Document("db", "cfg"));
                assertThat(all.getServerCursor()).isNull();
            }
        }

        @Test
        void areFilteredAndTheEndIsThenSilent() {
            try (MongoChangeStreamCursor<Document> stream =
                    raw(e1.watch(List.of(Aggregates.match(Filters.in("operationType", "insert", "delete")))))) {
                e1.insertOne(new Document("_id", 1));
                e1.updateOne(eq("_id", 1), Updates.set("v", 1));
                assertThat(drain(stream)).hasSize(1);

                e1.drop();

                assertThat(drain(stream)).isEmpty();
                assertThat(stream.getServerCursor()).isNull();
            }
        }
    }

    @Nested
    class Positions {

        @Test
        void anEventIsExcludedATimeIncluded() {
            var stream = watch(each -> each);
            for (int i = 0; i < 3; i++) {
                e1.insertOne(new Document("_id", i));
            }
            ChangeStreamDocument<Document> first = stream.next();

            assertThat(watch(each -> each.resumeAfter(first.getResumeToken()))
                            .next()
                            .getDocumentKey())
                    .isEqualTo(BsonDocument.parse("{_id: 1}"));
            assertThat(watch(each -> each.startAfter(first.getResumeToken()))
                            .next()
                            .getDocumentKey())
                    .isEqualTo(BsonDocument.parse("{_id: 1}"));
            assertThat(watch(each -> each.startAtOperationTime(first.getClusterTime()))
                            .next()
                            .getDocumentKey())
                    .isEqualTo(BsonDocument.parse("{_id: 0}"));
        }

        @Test
        void ofIdleStreamsMoveAndAreContinued() {
            var stream = watch(each -> each);
            assertThat(stream.getResumeToken()).isNull();
            stream.tryNext();
            BsonDocument before = stream.getResumeToken();

            server.noop();
            stream.tryNext();

            BsonDocument idle = stream.getResumeToken();
            assertThat(idle.getString("_data").getValue())
                    .endsWith("2B0229296E04")
                    .isGreaterThan(before.getString("_data").getValue());
            e1.insertOne(new Document("_id", 1));
            assertThat(watch(each -> each.resumeAfter(idle))
                            .next()
                            .getOperationType()
                            .getValue())
                    .isEqualTo("insert");
        }

        @Test
        void thatAreGarbageHaveManyCodes() {
            assertThat(List.of("8263000000", "82", "zz", "", "00", "DEADBEEF", "826B0137960000000" + "3"))
                    .extracting(data -> codeOf(
                            () -> watch(each -> each.resumeAfter(new BsonDocument("_data", new BsonString(data))))))
                    .containsExactly(15, 15, 9, 40649, 50811, 50811, 260);
            assertThat(codeOf(() -> watch(each -> each.resumeAfter(BsonDocument.parse("{x: 1}")))))
                    .isEqualTo(40647);
        }

        @Test
        void ofAnInvalidateCanOnlyBeStartedAfter() {
            var stream = watch(each -> each);
            e1.drop();
            stream.next();
            BsonDocument invalidate = stream.next().getResumeToken();
            e1.insertOne(new Document("_id", 1));

            assertThat(codeOf(() -> watch(each -> each.resumeAfter(invalidate))))
                    .isEqualTo(260);
            assertThat(watch(each -> each.startAfter(invalidate))
                            .next()
                            .getOperationType()
                            .getValue())
                    .isEqualTo("insert");
        }

        @Test
        void whoseHistoryIsGone() {
            BsonDocument event = tokenOf(c -> c.insertOne(new Document("_id", 1)));
            var idleStream = watch(each -> each);
            idleStream.tryNext();
            BsonDocument idle = idleStream.getResumeToken();
            BsonTimestamp time = new BsonTimestamp(1, 1);
            idleStream.close();
            e1.insertOne(new Document("_id", 2));

            server.truncateHistory();

            MongoException lost =
                    catchThrowableOfType(MongoException.class, () -> watch(each -> each.resumeAfter(idle)));
            assertThat(lost.getCode()).isEqualTo(286);
            assertThat(lost.getErrorLabels()).containsExactly("NonResumableChangeStreamError");
            assertThat(codeOf(() -> watch(each -> each.startAtOperationTime(time))))
                    .isEqualTo(286);
            var silent = watch(each -> each.resumeAfter(event));
            assertThat(silent.tryNext()).isNull();
            e1.insertOne(new Document("_id", 3));
            assertThat(codeOf(silent::next)).isEqualTo(280);
            assertThat(codeOf(() -> watch(each -> each.startAfter(event)))).isEqualTo(280);
        }

        @Test
        void twoAtOnceAreRefusedAndAnUnfitReadConcern() {
            BsonDocument token = tokenOf(c -> c.insertOne(new Document("_id", 1)));

            assertThat(codeOf(
                            () -> watch(each -> each.resumeAfter(token).startAtOperationTime(new BsonTimestamp(1, 1)))))
                    .isEqualTo(40674);
            assertThat(codeOf(() -> e1.withReadConcern(com.mongodb.ReadConcern.LOCAL)
                            .watch()
                            .cursor()))
                    .isEqualTo(72);
        }
    }

    @Nested
    class TransactionRules {

        @Test
        void nothingIsSeenBeforeTheCommit() {
            try (ClientSession session = client.startSession();
                    MongoChangeStreamCursor<Document> stream = raw(e1.watch())) {
                session.startTransaction();
                e1.insertOne(session, new Document("_id", 1));

                assertThat(e1.countDocuments()).isZero();
                assertThat(drain(stream)).isEmpty();
                assertThat(e1.find(session).first()).isNotNull();

                session.commitTransaction();
                assertThat(e1.countDocuments()).isEqualTo(1);
                List<Document> events = drain(stream);
                assertThat(events).hasSize(1);
                assertThat(session.getOperationTime()).isEqualTo(events.get(0).get("clusterTime"));
            }
        }

        @Test
        void anAbortLeavesNothing() {
            e1.insertOne(new Document("_id", 1).append("v", 1));
            try (ClientSession session = client.startSession()) {
                session.startTransaction();
                e1.updateOne(session, eq("_id", 1), Updates.set("v", 2));
                e1.insertOne(session, new Document("_id", 2));
                session.abortTransaction();
            }
            assertThat(e1.find().into(new ArrayList<>())).containsExactly(new Document("_id", 1).append("v", 1));
        }

        @Test
        void readsAreOfTheStart() {
            e1.insertOne(new Document("_id", 1).append("v", 1));
            try (ClientSession session = client.startSession()) {
                session.startTransaction();
                assertThat(e1.find(session, eq("_id", 1)).first().get("v")).isEqualTo(1);

                e1.updateOne(eq("_id", 1), Updates.set("v", 2));
                e1.insertOne(new Document("_id", 2));

                assertThat(e1.find(session, eq("_id", 1)).first().get("v")).isEqualTo(1);
                assertThat(e1.find(session).into(new ArrayList<>())).hasSize(1);
                MongoException conflict = catchThrowableOfType(
                        MongoException.class, () -> e1.updateOne(session, eq("_id", 1), Updates.set("v", 3)));
                assertThat(conflict.getCode()).isEqualTo(112);
                assertThat(conflict.getErrorLabels()).contains("TransientTransactionError");
            }
            assertThat(e1.find(eq("_id", 1)).first().get("v")).isEqualTo(2);
        }

        @Test
        void ofTwoWritersTheSecondConflictsAtOnce() {
            e1.insertOne(new Document("_id", 1).append("v", 1));
            try (ClientSession one = client.startSession();
                    ClientSession two = client.startSession()) {
                one.startTransaction();
                two.startTransaction();
                e1.updateOne(one, eq("_id", 1), Updates.set("v", 2));

                assertThat(codeOf(() -> e1.updateOne(two, eq("_id", 1), Updates.set("v", 3))))
                        .isEqualTo(112);
                MongoException gone = catchThrowableOfType(MongoException.class, two::commitTransaction);
                assertThat(gone.getCode()).isEqualTo(251);
                assertThat(gone.getErrorLabels()).contains("TransientTransactionError");
                one.commitTransaction();
            }
            assertThat(e1.find(eq("_id", 1)).first().get("v")).isEqualTo(2);
        }

        @Test
        void aPlainWriteWaitsForTheTransaction() throws Exception {
            e1.insertOne(new Document("_id", 1).append("v", 1));
            try (ClientSession session = client.startSession()) {
                session.startTransaction();
                e1.updateOne(session, eq("_id", 1), Updates.set("v", 2));
                CompletableFuture<Void> plain =
                        CompletableFuture.runAsync(() -> e1.updateOne(eq("_id", 1), Updates.inc("v", 10)));
                assertThatThrownBy(() -> plain.get(100, TimeUnit.MILLISECONDS))
                        .isInstanceOf(java.util.concurrent.TimeoutException.class);

                session.commitTransaction();
                plain.get(5, TimeUnit.SECONDS);
            }
            assertThat(e1.find(eq("_id", 1)).first().get("v")).isEqualTo(12);
        }

        @Test
        void aDuplicateKeyEndsItWithoutALabel() {
            e1.insertOne(new Document("_id", 1));
            try (ClientSession session = client.startSession()) {
                session.startTransaction();
                e1.insertOne(session, new Document("_id", 2));
                MongoWriteException duplicate = catchThrowableOfType(
                        MongoWriteException.class, () -> e1.insertOne(session, new Document("_id", 1)));
                assertThat(duplicate.getCode()).isEqualTo(11000);
                assertThat(duplicate.getErrorLabels()).isEmpty();
                assertThat(codeOf(() -> e1.insertOne(session, new Document("_id", 3))))
                        .isEqualTo(251);
            }
        }

        @Test
        void aCommitWhoseAnswerIsLostIsRepeated() {
            server.cut("commitTransaction", 1, Faults.Kind.CUT_AFTER);

            inTransaction(session -> e1.insertOne(session, new Document("_id", 1)));

            assertThat(e1.countDocuments()).isEqualTo(1);
        }

        @Test
        void aStreamInsideIsRefused() {
            try (ClientSession session = client.startSession()) {
                session.startTransaction();
                assertThat(codeOf(() -> e1.watch(session).cursor())).isEqualTo(263);
            }
        }
    }

    @Nested
    class ErrorsAndFaults {

        @Test
        void duplicateKeysHaveThreeForms() {
            e1.insertOne(new Document("_id", 1).append("v", 1));

            assertThatThrownBy(() -> e1.insertOne(new Document("_id", 1)))
                    .isInstanceOfSatisfying(
                            MongoWriteException.class,
                            e -> assertThat(e.getCode()).isEqualTo(11000));
            assertThatThrownBy(() -> e1.insertMany(List.of(new Document("_id", 1))))
                    .isInstanceOfSatisfying(
                            MongoBulkWriteException.class,
                            e -> assertThat(e.getWriteErrors().get(0).getCode()).isEqualTo(11000));
            assertThatThrownBy(() -> e1.findOneAndUpdate(
                            Filters.and(eq("_id", 1), eq("v", 2)),
                            Updates.set("v", 3),
                            new FindOneAndUpdateOptions().upsert(true)))
                    .isInstanceOfSatisfying(
                            MongoCommandException.class,
                            e -> assertThat(e.getCode()).isEqualTo(11000));
        }

        @Test
        void ofAReadTheDriverResumesSomeAndShowsOthers() {
            for (int code : List.of(43, 189)) {
                var stream = watch(each -> each);
                stream.tryNext();
                server.fail("getMore", 1, code, "planned", "ResumableChangeStreamError");
                e1.insertOne(new Document());
                assertThat(stream.next()).isNotNull();
            }
            for (int code : List.of(13, 136, 237, 280, 286, 10334, 40573)) {
                var stream = watch(each -> each);
                stream.tryNext();
                server.fail("getMore", 1, code, "planned");
                assertThat(codeOf(stream::next)).isEqualTo(code);
                e1.insertOne(new Document());
                assertThat(stream.next()).as("the same cursor goes on").isNotNull();
            }
        }

        @Test
        void aCutStreamIsResumed() {
            var stream = watch(each -> each);
            e1.insertOne(new Document("_id", 1));
            assertThat(stream.next()).isNotNull();

            server.cut("getMore", 1, Faults.Kind.CUT_BEFORE);
            e1.insertOne(new Document("_id", 2));
            assertThat(stream.next()).isNotNull();
            server.forgetStreams();
            e1.insertOne(new Document("_id", 3));
            assertThat(stream.next().getDocumentKey()).isEqualTo(BsonDocument.parse("{_id: 3}"));
        }

        @Test
        void aWriteWhoseAnswerIsLostIsDoneOnce() {
            server.cut("insert", 1, Faults.Kind.CUT_AFTER);

            e1.insertOne(new Document("v", 1));

            assertThat(e1.countDocuments()).isEqualTo(1);
        }

        @Test
        void aRestartOnTheSamePortIsSurvived() {
            var stream = watch(each -> each);
            e1.insertOne(new Document("_id", 1));
            assertThat(stream.next()).isNotNull();

            server.stop();
            server.startAgain();

            e1.insertOne(new Document("_id", 2));
            assertThat(stream.next().getDocumentKey()).isEqualTo(BsonDocument.parse("{_id: 2}"));
        }

        @Test
        void aProjectionMustKeepTheId() {
            var stream = e1.watch(List.of(Aggregates.project(Projections.excludeId())))
                    .maxAwaitTime(50, TimeUnit.MILLISECONDS)
                    .cursor();
            opened.add(stream);
            e1.insertOne(new Document("_id", 1));
            assertThat(codeOf(stream::next)).isEqualTo(280);
        }

        @Test
        void manyIdleStreamsNeedNoThreads() {
            for (int i = 0; i < 60; i++) {
                watch(each -> each);
            }
            long workers = Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().startsWith("multiThreadIoEventLoopGroup"))
                    .count();
            assertThat(workers).isLessThanOrEqualTo(8);
            assertThat(server.openStreams()).isEqualTo(60);
        }
    }

    @Nested
    class Standalone {

        @Test
        void hasNeitherStreamsNorTransactions() {
            try (ReplicaSetServer standalone = ReplicaSetServer.startStandalone();
                    MongoClient other = MongoClients.create(standalone.uri());
                    ClientSession session = other.startSession()) {
                MongoCollection<Document> c = other.getDatabase("cfg").getCollection("e1");
                c.replaceOne(eq("_id", 1), new Document(), new ReplaceOptions().upsert(true));
                assertThat(c.countDocuments()).isEqualTo(1);
                assertThat(codeOf(() -> c.watch().cursor())).isEqualTo(40573);
                session.startTransaction();
                assertThatThrownBy(() -> c.insertOne(session, new Document("_id", 2)))
                        .isInstanceOf(MongoException.class);
                assertThat(c.find().into(new ArrayList<>())).hasSize(1);
            }
        }
    }

    private void inTransaction(Consumer<ClientSession> work) {
        try (ClientSession session = client.startSession()) {
            session.startTransaction();
            work.accept(session);
            session.commitTransaction();
        }
    }
}
