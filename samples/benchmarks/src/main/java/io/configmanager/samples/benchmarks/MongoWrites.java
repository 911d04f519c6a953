// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.ReplaceOneModel;
import com.mongodb.client.model.ReplaceOptions;
import io.configmanager.samples.benchmarks.Writes.Write;
import io.configmanager.store.Commit;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Operation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bson.Document;

/** {@link Writes} on MongoDB, beside a bare upsert; a batch of the bare driver is a bulk write, which is no transaction. */
final class MongoWrites implements Part {

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        try (Mongo mongo = Mongo.start(figures);
                ConfigStore ours = mongo.newStore()) {
            MongoCollection<Document> bare = mongo.bare();
            Map<String, Write> single = new LinkedHashMap<>();
            single.put(Figures.OURS, (first, count) -> {
                for (int i = first; i < first + count; i++) {
                    ours.commit(Database.commit("", "bench/key-" + i % 100, i));
                }
            });
            single.put(Figures.BARE, (first, count) -> {
                for (int i = first; i < first + count; i++) {
                    BareMongoRoute.write(bare, "bench/key-" + i % 100, i);
                }
            });
            Map<String, Write> batched = new LinkedHashMap<>();
            batched.put(Figures.OURS, (first, count) -> {
                List<Operation> operations = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    operations.add(Database.put("", "batch/key-" + i, first + i));
                }
                ours.commit(Commit.of(operations, null, null));
            });
            batched.put(Figures.BARE, (first, count) -> {
                List<ReplaceOneModel<Document>> upserts = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    String key = "batch/key-" + i;
                    upserts.add(new ReplaceOneModel<>(
                            Filters.eq("_id", key),
                            new Document("_id", key).append("value", "value " + (first + i)),
                            new ReplaceOptions().upsert(true)));
                }
                bare.bulkWrite(upserts);
            });
            int rounds = quick ? 2 : mongo.isReal() ? 12 : 6;
            Writes.measure(figures, Writes.SINGLE, single, mongo.isReal() && !quick ? 500 : 100, rounds);
            Writes.measure(figures, Writes.BATCHED, batched, Writes.BATCH, rounds);
        }
    }
}
