// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import com.mongodb.MongoClientSettings;
import com.mongodb.MongoException;
import com.mongodb.WriteConcern;
import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.ReplaceOptions;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.model.Updates;
import io.configmanager.Condition;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.samples.robustness.Plan.Fault;
import io.configmanager.store.Commit;
import io.configmanager.store.Operation;
import io.configmanager.store.mongo.MongoConfigStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.bson.Document;
import org.bson.conversions.Bson;

/** A replica set of one member and its archive. */
final class MongoBackend implements Backend {

    private static final Duration LEASE = Duration.ofSeconds(10);
    private static final int ATTEMPTS = 3;
    private static final Bson HEAD = Filters.eq("_id", "head");
    private static final List<String> CONTENT = List.of("config_entry", "config_log", "config_operation");

    /** How a stream may end, as orders to the server. */
    private static final List<String> ENDS = List.of(
            "forget-streams",
            "fail getMore 3 43 CursorNotFound ResumableChangeStreamError",
            "fail getMore 3 189 PrimarySteppedDown ResumableChangeStreamError",
            "fail getMore 2 280 ChangeStreamFatalError NonResumableChangeStreamError",
            "fail getMore 2 10334 BSONObjectTooLarge");

    private final Plan plan;
    private final MongoServer server;
    private final MongoClient client;
    private final MongoDatabase database;
    private final MongoConfigStore store;
    private final MongoArchive archive;
    private final List<Dump> dumps = new ArrayList<>();

    /** All that the product stored, except who does the housekeeping. */
    private record Dump(Document head, List<List<Document>> content) {}

    MongoBackend(Path directory, Plan plan) throws IOException {
        this.plan = plan;
        server = new MongoServer(directory);
        client = MongoClients.create(MongoClientSettings.builder()
                .applyConnectionString(MongoServer.address(server.port()))
                .applyToClusterSettings(cluster -> cluster.serverSelectionTimeout(60, TimeUnit.SECONDS))
                .applyToServerSettings(member -> member.heartbeatFrequency(500, TimeUnit.MILLISECONDS)
                        .minHeartbeatFrequency(20, TimeUnit.MILLISECONDS))
                .build());
        database = client.getDatabase(MongoServer.NAMES.database()).withWriteConcern(WriteConcern.MAJORITY);
        transactionLifetime(Settings.TRANSACTION);
        database.drop();
        store = MongoConfigStore.builder(client, null, MongoServer.NAMES)
                .retention(Duration.ZERO, 0, 1)
                .build();
        store.initialize();
        archive = new MongoArchive(database);
        for (String namespace : Keys.NAMESPACES) {
            commit(List.of(namespace), Keys.BROKEN, "0", Plan.tag("start", 0) + namespace);
        }
    }

    @Override
    public int port() {
        return server.port();
    }

    @Override
    public Operator operator(int number, Recorder recorder, long loadStart) {
        return new HandWriter(entries(), recorder, plan.edits(number), loadStart);
    }

    @Override
    public String fail(Fault fault) throws IOException, InterruptedException {
        switch (fault.kind()) {
            case COMPACT -> {
                // Raised at once to where most clients are, and swept while they read.
                Faults.again(store::maintain);
                Faults.again(store::maintain);
            }
            case LINEAGE ->
                Faults.again(() -> database.getCollection("config_head")
                        .updateOne(
                                HEAD, Updates.set("lineage", UUID.randomUUID().toString())));
            case DROP ->
                Faults.again(() -> {
                    entries().drop();
                    database.createCollection("config_entry");
                });
            default -> {
                if (!server.canMisbehave()) {
                    return "not by a real server";
                }
                misbehave(fault);
            }
        }
        return Texts.NONE;
    }

    private void misbehave(Fault fault) throws IOException, InterruptedException {
        switch (fault.kind()) {
            case CRASH -> {
                server.order("stop");
                Clock.awaitMillis(fault.millis());
                server.order("start");
            }
            case TERMINATE_ALL -> server.order("cut");
            case FREEZE_SERVER -> {
                server.pause(true);
                Clock.awaitMillis(fault.millis());
                server.pause(false);
            }
            case END_STREAMS -> server.order(ENDS.get(fault.choice() % ENDS.size()));
            case LOSE_EVENTS -> server.order("forget-events");
            case LOSE_ANSWERS -> {
                server.order("lose-answers commitTransaction 40");
                Clock.awaitMillis(fault.millis());
                server.order("heal");
            }
            case REMOVE_EXPIRED -> server.order("remove-expired");
            default -> throw new IllegalArgumentException(fault.toString());
        }
    }

    @Override
    public void dump() {
        archive.awaitAll();
        try (ClientSession session = client.startSession()) {
            Dump dump = session.withTransaction(() -> {
                Document head = database.getCollection("config_head")
                        .find(session, HEAD)
                        .first();
                List<List<Document>> content = new ArrayList<>();
                for (String name : CONTENT) {
                    content.add(database.getCollection(name).find(session).into(new ArrayList<>()));
                }
                archive.note(session, "dump", dumps.size() + 1, List.of());
                return new Dump(head, content);
            });
            dumps.add(dump);
        }
    }

    /** All at once: a restore that takes its time is done while nobody is connected. */
    @Override
    public boolean restore(int choice) {
        if (dumps.isEmpty()) {
            return false;
        }
        archive.awaitAll();
        int number = dumps.size() - choice % Math.min(dumps.size(), 3);
        Dump dump = dumps.get(number - 1);
        try (ClientSession session = client.startSession()) {
            session.withTransaction(() -> {
                // First, so that nobody else can commit meanwhile.
                database.getCollection("config_head")
                        .replaceOne(session, HEAD, dump.head(), new ReplaceOptions().upsert(true));
                for (int i = 0; i < CONTENT.size(); i++) {
                    MongoCollection<Document> collection = database.getCollection(CONTENT.get(i));
                    collection.deleteMany(session, new Document());
                    if (!dump.content().get(i).isEmpty()) {
                        collection.insertMany(session, dump.content().get(i));
                    }
                }
                archive.note(session, "restore", number, dump.content().get(CONTENT.indexOf("config_log")));
                return number;
            });
        }
        return true;
    }

    @Override
    public long head() {
        Document head = database.getCollection("config_head").find(HEAD).first();
        if (head == null) {
            throw new IllegalStateException("There is no head");
        }
        return head.getLong("revision");
    }

    /** By hand; the tag is found in the log only where the value names it. */
    @Override
    public void put(String namespace, String key, String value, String tag) {
        entries()
                .updateOne(
                        Filters.eq("_id", HandWriter.id(namespace, key)),
                        Updates.set("value", value),
                        new UpdateOptions().upsert(true));
    }

    /** A commit of another client: a stream announces everything. */
    @Override
    public void putQuietly(Iterable<String> namespaces, String key, String value, String tag) {
        commit(namespaces, key, value, tag);
    }

    private void commit(Iterable<String> namespaces, String key, String value, String tag) {
        List<Operation> operations = new ArrayList<>();
        for (String namespace : namespaces) {
            operations.add(new Operation.Put(namespace, key, value, "json", ValueType.STRING, null, Condition.ALWAYS));
        }
        Commit commit = Commit.of(operations, null, tag);
        for (int attempt = 1; ; attempt++) {
            try {
                store.commit(commit);
                return;
            } catch (StoreException e) {
                if (attempt == ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    @Override
    public void settle() {
        // Who was killed while it did the housekeeping is replaced when its lease is over.
        long deadline = System.nanoTime() + Checker.CONVERGENCE + LEASE.toNanos();
        while (!archive.isSettled() && System.nanoTime() < deadline) {
            Clock.awaitMillis(50);
        }
    }

    @Override
    public void export(Recorder out) {
        archive.export(out, entries());
    }

    @Override
    public void close() {
        archive.close();
        store.close();
        try {
            database.drop();
            transactionLifetime(Duration.ofMinutes(1));
        } catch (MongoException e) {
            // It is gone.
        }
        client.close();
        server.close();
    }

    /** After this the server ends what a client that died has left open, and which nobody else can write past. */
    private void transactionLifetime(Duration time) {
        client.getDatabase("admin")
                .runCommand(
                        new Document("setParameter", 1).append("transactionLifetimeLimitSeconds", time.toSeconds()));
    }

    private MongoCollection<Document> entries() {
        return database.getCollection("config_entry");
    }
}
