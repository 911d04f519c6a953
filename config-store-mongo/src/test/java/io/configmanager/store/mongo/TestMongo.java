// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import com.mongodb.ConnectionString;
import com.mongodb.MongoClientSettings;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.ReplaceOptions;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.model.Updates;
import io.configmanager.store.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.bson.Document;

/** A database of its own on the server of the run; feeds reach it through a proxy. */
final class TestMongo implements AutoCloseable {

    final MongoNames names;
    final MongoClient client;
    final MongoDatabase database;
    final TcpProxy proxy;
    private final List<AutoCloseable> opened = new ArrayList<>();

    /** On the server of the run. */
    TestMongo(Class<?> test) {
        this(test, TestServer.uri());
    }

    TestMongo(Class<?> test, String uri) {
        names = MongoNames.of("t_" + test.getSimpleName().toLowerCase(Locale.ROOT));
        client = MongoClients.create(uri);
        database = client.getDatabase(names.database());
        String[] host = new ConnectionString(uri).getHosts().get(0).split(":");
        proxy = new TcpProxy(host[0], host.length == 1 ? 27017 : Integer.parseInt(host[1]));
        database.drop();
        try (MongoConfigStore store = builder().build()) {
            store.initialize();
        }
    }

    MongoConfigStore.Builder builder() {
        return builder(client);
    }

    MongoConfigStore.Builder builder(MongoClient application) {
        MongoClientSettings feed = MongoClientSettings.builder()
                .applyConnectionString(
                        new ConnectionString("mongodb://127.0.0.1:" + proxy.port() + "/?directConnection=true"))
                .build();
        return MongoConfigStore.builder(application, feed, names)
                .pollIntervals(Duration.ofSeconds(1), Duration.ofMillis(200))
                .auditInterval(Duration.ofNanos(1));
    }

    MongoConfigStore store(UnaryOperator<MongoConfigStore.Builder> settings) {
        return closeLater(settings.apply(builder()).build());
    }

    MongoConfigStore store() {
        return store(builder -> builder);
    }

    <T extends AutoCloseable> T closeLater(T closeable) {
        opened.add(closeable);
        return closeable;
    }

    MongoCollection<Document> entries() {
        return database.getCollection(names.entries());
    }

    MongoCollection<Document> log() {
        return database.getCollection(names.log());
    }

    MongoCollection<Document> operations() {
        return database.getCollection(names.operations());
    }

    MongoCollection<Document> head() {
        return database.getCollection(names.head());
    }

    /** Nothing is left but the number of the revision; its line must not speak of an entry. */
    void wipe() {
        entries().deleteMany(new Document());
        try (MongoConfigStore store = builder().build()) {
            store.audit(null);
        }
        Document head = head().find(Filters.eq("_id", "head")).first();
        long revision = head.getLong("revision");
        log().deleteMany(Filters.lt("_id", Lines.firstLine(revision)));
        head().updateOne(Filters.eq("_id", "head"), Updates.set("compactRevision", revision));
    }

    void put(String namespace, String key, String value) {
        entries()
                .updateOne(
                        Filters.eq("_id", Lines.id(namespace, key)),
                        Updates.set("value", value),
                        new UpdateOptions().upsert(true));
    }

    void replace(String namespace, String key, Document content) {
        entries().replaceOne(Filters.eq("_id", Lines.id(namespace, key)), content, new ReplaceOptions().upsert(true));
    }

    void delete(String namespace, String key) {
        entries().deleteOne(Filters.eq("_id", Lines.id(namespace, key)));
    }

    /** Forgets all history that may be forgotten. */
    void compact() {
        try (MongoConfigStore store = builder().retention(Duration.ZERO, 0, 1).build()) {
            store.maintain();
        }
    }

    MongoCollection<Document> instances() {
        return database.getCollection(names.instances());
    }

    /** Makes what instances told look this much older. */
    void ageReports(Duration by) {
        for (Document each : instances().find()) {
            instances()
                    .updateOne(
                            Filters.eq("_id", each.get("_id")),
                            Updates.combine(
                                    Updates.set("reportedAt", before(each.getDate("reportedAt"), by)),
                                    Updates.set("expiresAt", before(each.getDate("expiresAt"), by))));
        }
    }

    private static Date before(Date time, Duration by) {
        return Date.from(time.toInstant().minus(by));
    }

    void replaceHistory() {
        head().updateOne(
                        Filters.eq("_id", "head"),
                        Updates.set("lineage", UUID.randomUUID().toString()));
    }

    @Override
    public void close() {
        for (AutoCloseable each : opened) {
            try {
                each.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
        database.drop();
        client.close();
        proxy.close();
    }
}
