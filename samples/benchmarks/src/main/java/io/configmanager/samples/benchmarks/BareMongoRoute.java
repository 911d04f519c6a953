// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import com.mongodb.MongoException;
import com.mongodb.client.MongoChangeStreamCursor;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.ReplaceOptions;
import com.mongodb.client.model.changestream.ChangeStreamDocument;
import org.bson.Document;

/** The usual code on the driver: an upsert, and a thread that loops over a change stream. */
final class BareMongoRoute implements Route {

    private final Arrivals arrivals = new Arrivals();
    private final MongoCollection<Document> collection;
    private final MongoChangeStreamCursor<ChangeStreamDocument<Document>> stream;

    BareMongoRoute(Mongo mongo) {
        collection = mongo.bare();
        stream = collection.watch().cursor();
        Thread thread = new Thread(this::receive, "bare-stream");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public String who() {
        return Figures.BARE;
    }

    @Override
    public void send(long number) {
        write(collection, "bench/key-" + number % 100, number);
    }

    @Override
    public long received(long number) throws InterruptedException {
        return arrivals.await(number);
    }

    @Override
    public void close() {
        stream.close();
    }

    static void write(MongoCollection<Document> collection, String key, long number) {
        Document document =
                new Document("_id", key).append("value", "value " + number).append("number", number);
        collection.replaceOne(Filters.eq("_id", key), document, new ReplaceOptions().upsert(true));
    }

    private void receive() {
        try {
            while (true) {
                Document document = stream.next().getFullDocument();
                if (document != null) {
                    arrivals.arrived(document.getLong("number"));
                }
            }
        } catch (MongoException | IllegalStateException e) {
            // The stream was closed: the measurement is over.
        }
    }
}
