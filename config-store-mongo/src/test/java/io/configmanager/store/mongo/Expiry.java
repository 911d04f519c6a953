// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import de.bwaldvogel.mongo.bson.Document;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Indexes that documents are removed by, on one field each. Guarded by the node's lock. */
final class Expiry {

    private final Map<Index, Optional<Number>> indexes = new LinkedHashMap<>();

    private record Index(String db, String collection, Document key) {}

    /** The error of a command that creates indexes, or null. */
    @SuppressWarnings("unchecked")
    Document create(String db, Document command) {
        for (Document each : (List<Document>) command.get("indexes")) {
            Index index = new Index(db, (String) command.get("createIndexes"), (Document) each.get("key"));
            Optional<Number> seconds = Optional.ofNullable((Number) each.get("expireAfterSeconds"));
            if (!indexes.getOrDefault(index, seconds).equals(seconds)) {
                return Errors.of(
                        85, "IndexOptionsConflict", "Index with name: " + each.get("name") + " has other options");
            }
            indexes.put(index, seconds);
        }
        return null;
    }

    Document change(String db, Document command) {
        Document change = (Document) command.get("index");
        Index index = new Index(db, (String) command.get("collMod"), (Document) change.get("keyPattern"));
        if (indexes.getOrDefault(index, Optional.empty()).isEmpty()) {
            return Errors.of(72, "InvalidOptions", "no expireAfterSeconds field to update");
        }
        indexes.put(index, Optional.of((Number) change.get("expireAfterSeconds")));
        return new Document("ok", 1.0);
    }

    /** @param collection null for all of the database */
    void forget(String db, String collection) {
        indexes.keySet()
                .removeIf(index -> index.db().equals(db)
                        && (collection == null || index.collection().equals(collection)));
    }

    /** The removals that are due. Only a date expires: not a text, and not null. */
    List<Change> expired(Documents documents, Instant now) {
        List<Change> expired = new ArrayList<>();
        indexes.forEach((index, seconds) -> {
            var collection = documents.resolveDatabase(index.db()).resolveCollection(index.collection(), false);
            if (collection == null || seconds.isEmpty()) {
                return;
            }
            String field = index.key().keySet().iterator().next();
            Instant before = now.minusSeconds(seconds.get().longValue());
            collection
                    .handleQueryAsStream(new Document())
                    .filter(each -> each.get(field) instanceof Instant at && at.isBefore(before))
                    .map(Document::cloneDeeply)
                    .forEach(each -> expired.add(
                            new Change("delete", index.db(), index.collection(), each.get("_id"), each, null)));
        });
        return expired;
    }
}
