// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import com.mongodb.ConnectionString;
import com.mongodb.MongoClientSettings;
import com.mongodb.WriteConcern;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.mongo.MongoConfigStore;
import io.configmanager.store.mongo.MongoNames;
import io.configmanager.store.mongo.TestServer;
import org.bson.Document;

/** A database of its own on the server that the tests of the store would choose, with an empty store. */
final class Mongo implements AutoCloseable {

    private static final MongoNames NAMES = MongoNames.of("config_benchmark");

    private final MongoClientSettings settings;
    private final MongoClient client;

    private Mongo(String uri) {
        settings = MongoClientSettings.builder()
                .applyConnectionString(new ConnectionString(uri))
                .build();
        client = MongoClients.create(settings);
        client.getDatabase(NAMES.database()).drop();
    }

    static Mongo start(Figures figures) {
        Mongo mongo = new Mongo(TestServer.uri());
        Document build = mongo.client.getDatabase("admin").runCommand(new Document("buildInfo", 1));
        String server = TestServer.isReal()
                ? "MongoDB " + build.getString("version")
                : "an emulation on mongo-java-server in the same JVM, without a disk: it is not MongoDB, and scans where"
                        + " MongoDB uses an index";
        figures.machine("mongo", server);
        figures.note("Server: " + server + ".");
        try (MongoConfigStore store = mongo.newMongoStore()) {
            store.initialize();
        }
        return mongo;
    }

    boolean isReal() {
        return TestServer.isReal();
    }

    ConfigStore newStore() {
        return newMongoStore();
    }

    private MongoConfigStore newMongoStore() {
        return MongoConfigStore.builder(client, settings, NAMES).build();
    }

    /** What the driver alone writes to, as durably as the store. */
    MongoCollection<Document> bare() {
        return client.getDatabase(NAMES.database()).getCollection("bare").withWriteConcern(WriteConcern.MAJORITY);
    }

    @Override
    public void close() {
        client.getDatabase(NAMES.database()).drop();
        client.close();
    }
}
