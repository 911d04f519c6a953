// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import com.mongodb.MongoException;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.DeleteOneModel;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.ReplaceOneModel;
import com.mongodb.client.model.ReplaceOptions;
import com.mongodb.client.model.UpdateOneModel;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.model.Updates;
import com.mongodb.client.model.WriteModel;
import io.configmanager.samples.robustness.Plan.HandKind;
import io.configmanager.samples.robustness.Plan.Step;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.bson.Document;
import org.bson.conversions.Bson;

/** An operator with the shell: changes entries one by one, and nothing else of what the product stored. */
final class HandWriter implements Backend.Operator {

    private final MongoCollection<Document> entries;
    private final Recorder recorder;
    private final List<Step<HandKind>> steps;
    private final long loadStart;
    private volatile boolean stopping;

    HandWriter(MongoCollection<Document> entries, Recorder recorder, List<Step<HandKind>> steps, long loadStart) {
        this.entries = entries;
        this.recorder = recorder;
        this.steps = steps;
        this.loadStart = loadStart;
    }

    @Override
    public void run() {
        for (Step<HandKind> step : steps) {
            Clock.awaitNanos(loadStart + TimeUnit.MILLISECONDS.toNanos(step.at()));
            if (stopping) {
                return;
            }
            long start = System.nanoTime();
            String outcome = "ok";
            try {
                entries.bulkWrite(writes(step));
            } catch (MongoException e) {
                outcome = "unknown";
            }
            recorder.write("Q", start, System.nanoTime(), step.tag(), step.kind(), step.namespace(), outcome);
        }
    }

    @Override
    public void stop() {
        stopping = true;
    }

    static Document id(String namespace, String key) {
        return new Document("ns", namespace).append("key", key);
    }

    private static List<WriteModel<Document>> writes(Step<HandKind> step) {
        String value = '"' + step.tag() + '"';
        Bson entry = Filters.eq("_id", id(step.namespace(), Keys.data(step.key())));
        UpdateOptions upsert = new UpdateOptions().upsert(true);
        return switch (step.kind()) {
            case PUT -> List.of(new UpdateOneModel<>(entry, Updates.set("value", value), upsert));
            case REPLACE ->
                List.of(new ReplaceOneModel<>(entry, new Document("value", value), new ReplaceOptions().upsert(true)));
            case TYPED ->
                List.of(new UpdateOneModel<>(entry, Updates.set("value", new Document("by", step.tag())), upsert));
            case UPDATE_SOME -> {
                // Edits of several documents are several edits, so each is told apart.
                List<WriteModel<Document>> some = new ArrayList<>();
                for (int i = 0; i < Keys.DATA; i += 3) {
                    some.add(new UpdateOneModel<>(
                            Filters.eq("_id", id(step.namespace(), Keys.data(step.key() + i))),
                            Updates.set("value", '"' + step.tag() + '/' + i + '"')));
                }
                yield some;
            }
            case DELETE -> List.of(new DeleteOneModel<>(entry));
            case EXPIRE -> {
                Date end = Date.from(Instant.now().plusMillis(200 + step.number() % 4_000));
                yield List.of(new UpdateOneModel<>(
                        Filters.eq("_id", id(step.namespace(), Keys.expiring(step.key()))),
                        Updates.combine(Updates.set("value", value), Updates.set("expiresAt", end)),
                        upsert));
            }
        };
    }
}
