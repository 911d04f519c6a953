// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import com.mongodb.MongoException;
import com.mongodb.MongoTimeoutException;
import com.mongodb.ReadConcern;
import com.mongodb.ReadPreference;
import com.mongodb.TransactionOptions;
import com.mongodb.WriteConcern;
import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoCursor;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Accumulators;
import com.mongodb.client.model.Aggregates;
import com.mongodb.client.model.Field;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Sorts;
import com.mongodb.connection.ClusterType;
import io.configmanager.ConfigEntry;
import io.configmanager.LogEntry.Kind;
import io.configmanager.StoreException;
import io.configmanager.store.Changes;
import io.configmanager.store.Cursors;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import org.bson.BsonTimestamp;
import org.bson.Document;
import org.bson.codecs.BsonValueCodecProvider;
import org.bson.codecs.CollectionCodecProvider;
import org.bson.codecs.DocumentCodecProvider;
import org.bson.codecs.IterableCodecProvider;
import org.bson.codecs.ValueCodecProvider;
import org.bson.codecs.configuration.CodecRegistries;
import org.bson.codecs.configuration.CodecRegistry;
import org.bson.conversions.Bson;

/** The collections through one client, and consistent reads of them. Everything is majority, on the primary. */
final class Deployment {

    /** Not those of the application, nor the driver's, which make an object of what looks like a reference. */
    private static final CodecRegistry CODECS = CodecRegistries.fromProviders(
            new ValueCodecProvider(),
            new CollectionCodecProvider(),
            new IterableCodecProvider(),
            new BsonValueCodecProvider(),
            new DocumentCodecProvider());

    static final Bson HEAD = Filters.eq("_id", "head");
    private static final List<Bson> HEAD_AND_TIME =
            List.of(Aggregates.match(HEAD), Aggregates.addFields(new Field<>("now", "$$NOW")));

    final MongoClient client;
    final MongoDatabase database;
    final MongoNames names;
    final MongoCollection<Document> entries;
    final MongoCollection<Document> log;
    final MongoCollection<Document> head;
    final MongoCollection<Document> operations;
    final MongoCollection<Document> instances;
    final Duration timeout;
    private final boolean allowPolling;
    private volatile boolean standalone;

    Deployment(MongoClient client, MongoNames names, Duration timeout, boolean allowPolling) {
        this(
                client,
                names,
                timeout,
                allowPolling,
                client.getDatabase(names.database()).withTimeout(timeout.toMillis(), TimeUnit.MILLISECONDS));
    }

    private Deployment(
            MongoClient client, MongoNames names, Duration timeout, boolean allowPolling, MongoDatabase anyConcern) {
        this.client = client;
        this.names = names;
        this.timeout = timeout;
        this.allowPolling = allowPolling;
        database = anyConcern
                .withCodecRegistry(CODECS)
                .withReadConcern(ReadConcern.MAJORITY)
                .withWriteConcern(WriteConcern.MAJORITY)
                .withReadPreference(ReadPreference.primary());
        entries = database.getCollection(names.entries());
        log = database.getCollection(names.log());
        head = database.getCollection(names.head());
        operations = database.getCollection(names.operations());
        instances = database.getCollection(names.instances());
    }

    /** For transactions that others began: they have a deadline of their own, which the driver lets nobody change. */
    Deployment joining() {
        return new Deployment(client, names, timeout, allowPolling, client.getDatabase(names.database()));
    }

    /**
     * What the server said about itself.
     *
     * @param time its clock
     * @param operationTime where its history was
     * @param replicated whether there are transactions and change streams
     */
    record Moment(Instant time, BsonTimestamp operationTime, boolean replicated) {}

    /** A majority read: what the server answers was so. */
    Moment moment(ClientSession session) {
        boolean replicated = replicated();
        Instant time = headOf(session).getDate("now").toInstant();
        BsonTimestamp operationTime = session.getOperationTime();
        return new Moment(time, operationTime == null ? new BsonTimestamp(0, 0) : operationTime, replicated);
    }

    /** Whether there are transactions and change streams. */
    boolean replicated() {
        if (type() == ClusterType.UNKNOWN) {
            database.runCommand(new Document("ping", 1));
        }
        boolean alone = type() == ClusterType.STANDALONE;
        if (alone && !allowPolling) {
            throw new MongoSetupException(
                    MongoSetupException.Problem.NO_REPLICA_SET,
                    "The MongoDB server is no replica set, so it has neither transactions nor change streams",
                    null);
        }
        standalone = alone;
        return !alone;
    }

    /** Whether {@link #replicated} was asked, and it is not. */
    boolean isKnownToBeStandalone() {
        return standalone;
    }

    private ClusterType type() {
        return client.getClusterDescription().getType();
    }

    /** The server's clock. */
    Instant now() {
        try (ClientSession session = client.startSession()) {
            return moment(session).time();
        }
    }

    TransactionOptions transaction() {
        return TransactionOptions.builder()
                .readConcern(ReadConcern.SNAPSHOT)
                .writeConcern(WriteConcern.MAJORITY)
                .readPreference(ReadPreference.primary())
                .timeout(timeout.toMillis(), TimeUnit.MILLISECONDS)
                .build();
    }

    /** One moment of the collections. A transaction that a lost connection ended is begun again, as the driver does reads. */
    <T> T read(BiFunction<ClientSession, Moment, T> work) {
        try {
            return readOnce(work);
        } catch (MongoException e) {
            if (!Failures.isWorthRepeating(e) || e instanceof MongoTimeoutException) {
                throw e;
            }
            return readOnce(work);
        }
    }

    /** Without transactions it is read again until nothing was written meanwhile. */
    private <T> T readOnce(BiFunction<ClientSession, Moment, T> work) {
        try (ClientSession session = client.startSession()) {
            Moment moment = moment(session);
            if (moment.replicated()) {
                session.startTransaction(transaction());
                T result = work.apply(session, moment);
                session.commitTransaction();
                return result;
            }
            long end = System.nanoTime() + timeout.toNanos();
            do {
                Document before = headOf(session);
                T result = work.apply(session, moment);
                Document after = headOf(session).append("now", before.get("now"));
                if (!isLocked(before, moment.time()) && before.equals(after)) {
                    return result;
                }
                moment = moment(session);
            } while (System.nanoTime() - end < 0);
            throw new StoreException("Others were writing all the time", true, null);
        }
    }

    /** The head, and in {@code now} the server's clock. */
    Document headOf(ClientSession session) {
        Document found = head.aggregate(session, HEAD_AND_TIME).first();
        if (found == null) {
            throw missingHead();
        }
        return found;
    }

    /**
     * What the log says of some keys: of an edit by hand that has no revision yet, what was before it.
     *
     * @param keys chooses their lines
     * @param revision the newest; without transactions there may be lines of one that is not stored yet
     * @param found their live entries
     * @param edited takes the names of those that the log says something else of
     */
    List<ConfigEntry> logged(
            ClientSession session, Bson keys, long revision, Instant now, List<Document> found, Set<Document> edited) {
        Map<Object, Document> lines =
                newest(session, Filters.and(keys, Filters.lt("_id", Lines.firstLine(revision + 1))));
        lines.values()
                .removeIf(line ->
                        Lines.kind(line) != Kind.PUT || Changes.isExpired(Lines.instant(line, "expiresAt"), now));
        List<ConfigEntry> logged = new ArrayList<>();
        for (Document entry : found) {
            if (Lines.agree(entry, lines.get(entry.get("_id")))) {
                lines.remove(entry.get("_id"));
                logged.add(Objects.requireNonNull(Lines.entry(entry)));
            } else {
                edited.add(entry.get("_id", Document.class));
            }
        }
        lines.keySet().forEach(id -> edited.add((Document) id));
        List<Object> others =
                lines.values().stream().map(line -> line.get("_id")).toList();
        if (!others.isEmpty()) {
            log.find(session, Filters.in("_id", others))
                    .forEach(line -> logged.add(
                            Objects.requireNonNull(Lines.logEntry(line).entry())));
        }
        return logged;
    }

    /** At most so many entries in the order of their keys; not limited by the server, because documents that are none do not count. */
    List<Document> entries(ClientSession session, Bson filter, long limit) {
        List<Document> found = new ArrayList<>();
        try (MongoCursor<Document> documents = entries.find(session, filter)
                .sort(Sorts.ascending("_id"))
                .batchSize((int) Math.min(limit, Cursors.MAX_LIMIT + 1))
                .cursor()) {
            while (found.size() < limit && documents.hasNext()) {
                Document document = documents.next();
                if (Lines.entry(document) != null) {
                    found.add(document);
                }
            }
        }
        return found;
    }

    /** The newest lines of those of these keys that have any. */
    Map<Object, Document> newest(ClientSession session, Collection<Document> ids) {
        if (ids.isEmpty()) {
            return Map.of();
        }
        Map<Object, List<Object>> keys = new HashMap<>();
        ids.forEach(id ->
                keys.computeIfAbsent(id.get("ns"), ns -> new ArrayList<>()).add(id.get("key")));
        return newest(
                session,
                Filters.or(keys.entrySet().stream()
                        .map(each -> Filters.and(Filters.eq("ns", each.getKey()), Filters.in("key", each.getValue())))
                        .toList()));
    }

    /** The newest line of each key among these lines. */
    Map<Object, Document> newest(ClientSession session, Bson lines) {
        List<Bson> stages = new ArrayList<>();
        stages.add(Aggregates.match(lines));
        // In the order of the index.
        stages.add(Aggregates.sort(Sorts.orderBy(Sorts.ascending("ns", "key"), Sorts.descending("version"))));
        stages.add(Aggregates.group(
                new Document("ns", "$ns").append("key", "$key"),
                Accumulators.first("line", "$_id"),
                Accumulators.first("op", "$op"),
                Accumulators.first("version", "$version"),
                Accumulators.first("expiresAt", "$expiresAt")));
        Map<Object, Document> newest = new HashMap<>();
        for (Document each : log.aggregate(session, stages).allowDiskUse(true)) {
            Object id = each.get("_id");
            newest.put(id, each.append("_id", each.get("line")));
        }
        return newest;
    }

    /** The documents of these names, entries or not. */
    Map<Object, Document> byId(ClientSession session, Collection<Document> ids) {
        Map<Object, Document> found = new HashMap<>();
        entries.find(session, Filters.in("_id", ids)).forEach(document -> found.put(document.get("_id"), document));
        return found;
    }

    static boolean isLocked(Document head, Instant now) {
        return head.get("lockedUntil") instanceof Date until
                && until.toInstant().isAfter(now);
    }

    StoreException missingHead() {
        return new MongoSetupException(
                MongoSetupException.Problem.NOT_INITIALIZED,
                "The collection " + names.database() + "." + names.head() + " has no head document: set"
                        + " config.store.mongo.initialize-schema=always, or restore it",
                null);
    }
}
