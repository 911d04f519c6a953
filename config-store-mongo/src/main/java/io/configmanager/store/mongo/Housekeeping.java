// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import com.mongodb.client.model.Accumulators;
import com.mongodb.client.model.Aggregates;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Sorts;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.model.Updates;
import io.configmanager.store.StoreSettings;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Objects;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;

/** Removes what has expired and forgets old history; of several instances, the one that has the lease. */
final class Housekeeping {

    private static final Duration LEASE = Duration.ofSeconds(10);
    private static final int MOST_AT_ONCE = 500;

    private final MongoConfigStore store;
    private final Deployment deployment;
    private final StoreSettings settings;

    Housekeeping(MongoConfigStore store, Deployment deployment) {
        this.store = store;
        this.deployment = deployment;
        this.settings = store.settings;
    }

    /** Does what there is to do, unless another instance is at it. */
    void run() {
        Instant now = deployment.now();
        Date until = Date.from(now.plus(LEASE));
        // One that ends later than any can was taken before the server's clock was set back.
        Bson free = Filters.or(Filters.lte("until", Date.from(now)), Filters.gt("until", until));
        deployment.head.updateOne(
                Filters.eq("_id", "maintenance"),
                Updates.setOnInsert("until", Date.from(Instant.EPOCH)),
                new UpdateOptions().upsert(true));
        Document last = deployment.head.findOneAndUpdate(
                Filters.and(Filters.eq("_id", "maintenance"), free), Updates.set("until", until));
        if (last == null) {
            return;
        }
        try {
            expire(now);
            Instant audited = Lines.instant(last, "audited");
            if (audited == null || audited.isAfter(now) || !audited.isAfter(now.minus(settings.auditInterval()))) {
                store.audit(null);
                deployment.head.updateOne(Filters.eq("_id", "maintenance"), Updates.set("audited", Date.from(now)));
            }
            compact(now);
        } finally {
            deployment.head.updateOne(
                    Filters.and(Filters.eq("_id", "maintenance"), Filters.eq("until", until)),
                    Updates.set("until", Date.from(now)));
        }
    }

    private void expire(Instant now) {
        List<Document> expired = new ArrayList<>();
        for (Document entry : deployment
                .entries
                .find(Filters.lte("expiresAt", Date.from(now)))
                .limit(MOST_AT_ONCE)) {
            if (Lines.isId(entry.get("_id"))) {
                expired.add(entry.get("_id", Document.class));
            }
        }
        store.reconcile(expired, null);
    }

    /** Raises the limit first: a reader finds all lines, or that it is too late. */
    private void compact(Instant now) {
        Document head =
                Objects.requireNonNullElse(deployment.head.find(Deployment.HEAD).first(), new Document());
        Document old = deployment
                .log
                .find(Filters.lte("at", Date.from(now.minus(settings.retention()))))
                .sort(Sorts.descending("_id"))
                .first();
        long limit = Math.min(
                Lines.number(head, "revision") - settings.retainedRevisions(), old == null ? 0 : Lines.revisionOf(old));
        if (limit > Lines.number(head, "compactRevision")) {
            deployment.head.updateOne(Deployment.HEAD, Updates.max("compactRevision", limit));
        }
        Bson forgettable = Filters.lt("_id", Lines.firstLine(Math.max(limit, 0)));
        for (Document key : deployment.log.aggregate(List.of(
                Aggregates.match(forgettable),
                Aggregates.group(
                        new Document("ns", "$ns").append("key", "$key"),
                        Accumulators.max("newest", "$version"),
                        Accumulators.min("oldest", "$version"))))) {
            Document id = key.get("_id", Document.class);
            Document newest = newestOf(id);
            long keep = newest == null ? 0 : Lines.number(newest, "version") - settings.retainedVersions();
            if (Lines.number(key, "oldest") <= keep) {
                deployment.log.deleteMany(Filters.and(
                        forgettable,
                        Filters.eq("ns", id.get("ns")),
                        Filters.eq("key", id.get("key")),
                        Filters.lte("version", keep)));
            }
        }
    }

    private @Nullable Document newestOf(Document id) {
        return deployment
                .log
                .find(Filters.and(Filters.eq("ns", id.get("ns")), Filters.eq("key", id.get("key"))))
                .sort(Sorts.descending("version"))
                .first();
    }
}
