// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import io.configmanager.store.mongo.Documents.Outcome;
import io.configmanager.store.mongo.Faults.Fault;
import io.configmanager.store.mongo.Oplog.Entry;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The only member of a replica set, as far as a client can see: what one command after the other does. Answers as MongoDB
 * 4.4 does where its answers were observed.
 */
final class ReplicaSetNode {

    private static final Set<String> NOT_FOR_STORAGE = Set.of(
            "lsid",
            "$clusterTime",
            "txnNumber",
            "autocommit",
            "startTransaction",
            "readConcern",
            "writeConcern",
            "$readPreference",
            "$db",
            "maxTimeMS",
            "recoveryToken");

    final Object lock = new Object();
    final Oplog oplog = new Oplog();
    final Documents documents = new Documents(this::hello);
    final Transactions transactions = new Transactions(documents, oplog);
    final ChangeStreams streams = new ChangeStreams(lock, documents, oplog);
    final Faults faults = new Faults();
    private final Expiry expiry = new Expiry();
    private final boolean standalone;
    private long lifetimeNanos = TimeUnit.SECONDS.toNanos(60);
    private boolean cutOff;
    private final List<Runnable> parked = new ArrayList<>();
    private final Map<Object, Document> retryable = new LinkedHashMap<>();

    ReplicaSetNode(boolean standalone) {
        this.standalone = standalone;
    }

    /** Runs a command; the reply may come later, and null means that the connection is to be closed. */
    void handle(Channel channel, Document command, Consumer<Document> reply) {
        synchronized (lock) {
            if (transactions.abortOlderThan(lifetimeNanos)) {
                unpark();
            }
            Fault fault = faults.due(command);
            if (fault != null && fault.kind() != Faults.Kind.CUT_AFTER) {
                reply.accept(
                        fault.error() == null ? null : decorate(fault.error().clone()));
                return;
            }
            Consumer<Document> answer =
                    fault == null ? document -> reply.accept(decorate(document)) : document -> reply.accept(null);
            String db = String.valueOf(command.get("$db"));
            if (ChangeStreams.isReading(command)) {
                streams.read(command, channel.eventLoop(), answer);
                return;
            }
            Document done = dispatch(channel, db, command, answer);
            if (done != null) {
                answer.accept(done);
            }
        }
    }

    /** Removes what has expired, as the monitor does that runs each minute. What a transaction holds is left for the next time. */
    void removeExpired() {
        synchronized (lock) {
            List<Change> changes = expiry.expired(documents, Instant.now()).stream()
                    .filter(change -> !transactions.hold(List.of(change)))
                    .toList();
            documents.apply(changes);
            appendEach(changes);
        }
    }

    /** From now on no other member gets what is written here. */
    void cutOff() {
        synchronized (lock) {
            cutOff = true;
        }
    }

    /** Another member became primary meanwhile: what only this one has is taken back. */
    void rollBack() {
        synchronized (lock) {
            cutOff = false;
            documents.unreplicated.clear();
        }
    }

    /** The others are there again, and get what they have missed. */
    void catchUp() {
        synchronized (lock) {
            cutOff = false;
            List<Change> changes = List.copyOf(documents.unreplicated);
            documents.unreplicated.clear();
            documents.apply(changes);
            appendEach(changes);
        }
    }

    /** Lets time pass without an event, as an idle replica set does now and then. */
    void noop() {
        synchronized (lock) {
            oplog.tick();
            streams.wake();
        }
    }

    private Document dispatch(Channel channel, String db, Document command, Consumer<Document> later) {
        String name = command.keySet().iterator().next();
        Document plain = command.clone();
        NOT_FOR_STORAGE.forEach(plain::remove);
        return switch (name) {
            case "hello", "isMaster", "ismaster" -> hello(channel);
            case "ping", "endSessions", "refreshSessions", "killAllSessions" -> new Document("ok", 1.0);
            case "killSessions" -> transactions.kill(command);
            case "buildInfo", "buildinfo" ->
                new Document("version", "4.4.0")
                        .append("versionArray", List.of(4, 4, 0, 0))
                        .append("ok", 1.0);
            case "createIndexes" -> {
                Document refused = expiry.create(db, command);
                yield refused == null ? store(channel, db, command, plain, later) : refused;
            }
            case "setParameter" -> setParameter(command);
            case "collMod" -> expiry.change(db, command);
            case "commitTransaction" -> commit(command);
            case "abortTransaction" -> abort(command);
            case "killCursors" -> {
                List<?> ids = (List<?>) command.get("cursors");
                yield streams.kill(ids)
                        ? new Document("cursorsKilled", ids).append("ok", 1.0)
                        : documents.run(channel, db, plain).reply();
            }
            default -> store(channel, db, command, plain, later);
        };
    }

    private Document store(Channel channel, String db, Document command, Document plain, Consumer<Document> later) {
        if (ChangeStreams.isOpening(command)) {
            return standalone
                    ? Errors.of(40573, null, "The $changeStream stage is only supported on replica sets")
                    : streams.open(db, command);
        }
        if (Transactions.concerns(command)) {
            return standalone
                    ? Errors.of(20, "IllegalOperation", "Transaction numbers are only allowed on a replica set")
                    : transactions.run(channel, db, command, plain);
        }
        return plain(channel, db, command, plain, later);
    }

    private Document setParameter(Document command) {
        if (!(command.get("transactionLifetimeLimitSeconds") instanceof Number seconds)) {
            return Errors.of(72, "InvalidOptions", "unrecognized parameter");
        }
        lifetimeNanos = TimeUnit.SECONDS.toNanos(seconds.longValue());
        return new Document("ok", 1.0);
    }

    private Document abort(Document command) {
        Document aborted = transactions.abort(command);
        unpark();
        return aborted;
    }

    /** A command outside a transaction; null if it has to wait for one. */
    private Document plain(Channel channel, String db, Document command, Document plain, Consumer<Document> later) {
        Object write = command.containsKey("txnNumber")
                ? List.of(((Document) command.get("lsid")).get("id"), command.get("txnNumber"))
                : null;
        Document repeated = write == null ? null : retryable.get(write);
        if (repeated != null) {
            return repeated;
        }
        if (cutOff && Documents.isLocal(command)) {
            Outcome outcome = documents.runLocally(channel, db, plain);
            documents.unreplicated.addAll(outcome.changes());
            return outcome.reply();
        }
        List<Entry> structural = structural(channel, db, command);
        Outcome outcome = documents.run(channel, db, plain);
        if (structural.isEmpty() && transactions.hold(outcome.changes())) {
            documents.undo(outcome.changes());
            parked.add(() -> {
                Document done = plain(channel, db, command, plain, later);
                if (done != null) {
                    later.accept(done);
                }
            });
            return null;
        }
        if (write != null) {
            retryable.put(write, outcome.reply());
        }
        if (Errors.is(outcome.reply()) || structural.isEmpty()) {
            appendEach(outcome.changes());
        } else {
            transactions.abortAll();
            structural.forEach(entry -> {
                expiry.forget(entry.db(), entry.collection());
                oplog.append(entry);
            });
            streams.wake();
        }
        return outcome.reply();
    }

    private Document commit(Document command) {
        List<Change> changes = transactions.commit(command);
        if (changes == null) {
            return Errors.noSuchTransaction();
        }
        if (!changes.isEmpty()) {
            Document transaction =
                    new Document("txnNumber", command.get("txnNumber")).append("lsid", command.get("lsid"));
            BsonTimestamp at = oplog.tick();
            documents.apply(changes);
            for (int i = 0; i < changes.size(); i++) {
                append(changes.get(i), at, i, transaction);
            }
            streams.wake();
        }
        unpark();
        return new Document("ok", 1.0);
    }

    private void appendEach(List<Change> changes) {
        changes.forEach(change -> append(change, oplog.tick(), 0, null));
        streams.wake();
    }

    private void append(Change change, BsonTimestamp at, int index, Document transaction) {
        String uuid = documents.uuid(change.db(), change.collection());
        oplog.append(new Entry(
                at,
                Tokens.ofEvent(at, index, uuid, change.id()),
                change.type(),
                change.db(),
                change.collection(),
                change,
                transaction,
                null));
    }

    /** The events of a command that drops or renames, which are made before the collections are gone. */
    private List<Entry> structural(Channel channel, String db, Document command) {
        String name = command.keySet().iterator().next();
        List<Entry> events = new ArrayList<>();
        switch (name) {
            case "drop" -> {
                if (exists(db, (String) command.get(name))) {
                    events.add(dropped(db, (String) command.get(name)));
                }
            }
            case "dropDatabase" -> {
                Outcome list = documents.run(channel, db, new Document("listCollections", 1));
                for (Object each : (List<?>) ((Document) list.reply().get("cursor")).get("firstBatch")) {
                    events.add(dropped(db, (String) ((Document) each).get("name")));
                }
                BsonTimestamp at = oplog.tick();
                events.add(new Entry(at, Tokens.ofDatabase(at), "dropDatabase", db, null, null, null, null));
            }
            case "renameCollection" -> {
                String[] from = ((String) command.get(name)).split("[.]", 2);
                String[] to = ((String) command.get("to")).split("[.]", 2);
                if (Boolean.TRUE.equals(command.get("dropTarget")) && exists(to[0], to[1])) {
                    events.add(dropped(to[0], to[1]));
                }
                BsonTimestamp at = oplog.tick();
                String token = Tokens.ofCollection(at, documents.uuid(from[0], from[1]));
                Document target = new Document("db", to[0]).append("coll", to[1]);
                events.add(new Entry(at, token, "rename", from[0], from[1], null, null, target));
            }
            default -> {}
        }
        return events;
    }

    private boolean exists(String db, String collection) {
        return documents.resolveDatabase(db).resolveCollection(collection, false) != null;
    }

    private Entry dropped(String db, String collection) {
        BsonTimestamp at = oplog.tick();
        String token = Tokens.ofCollection(at, documents.uuid(db, collection));
        return new Entry(at, token, "drop", db, collection, null, null, null);
    }

    private void unpark() {
        List<Runnable> waiting = List.copyOf(parked);
        parked.clear();
        waiting.forEach(Runnable::run);
    }

    private Document decorate(Document reply) {
        if (!standalone) {
            reply.put("operationTime", oplog.now());
        }
        return reply;
    }

    private Document hello(Channel channel) {
        String me = "127.0.0.1:" + ((InetSocketAddress) channel.localAddress()).getPort();
        Document hello = new Document("helloOk", true)
                .append("isWritablePrimary", true)
                .append("ismaster", true)
                .append("maxBsonObjectSize", 16 * 1024 * 1024)
                .append("maxMessageSizeBytes", 48_000_000)
                .append("maxWriteBatchSize", 100_000)
                .append("localTime", Instant.now())
                .append("logicalSessionTimeoutMinutes", 30)
                .append("minWireVersion", 0)
                .append("maxWireVersion", 9)
                .append("readOnly", false)
                .append("ok", 1.0);
        if (!standalone) {
            hello.append("setName", "rs0")
                    .append("setVersion", 1)
                    .append("secondary", false)
                    .append("hosts", List.of(me))
                    .append("primary", me)
                    .append("me", me);
        }
        return hello;
    }
}
