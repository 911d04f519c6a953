// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import com.mongodb.client.ClientSession;
import com.mongodb.client.model.Accumulators;
import com.mongodb.client.model.Aggregates;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Sorts;
import io.configmanager.ConfigEntry;
import io.configmanager.LogEntry;
import io.configmanager.LogEntry.Kind;
import io.configmanager.store.Changes;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.Operation;
import io.configmanager.store.mongo.Writer.Revision;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;

/** What becomes of a revision: a commit, or what somebody did without one. */
final class CommitWork {

    private final Deployment deployment;

    CommitWork(Deployment deployment) {
        this.deployment = deployment;
    }

    /** Somebody changed entries of a commit by hand, and that has to be logged first. */
    static final class TouchedException extends RuntimeException {
        private static final long serialVersionUID = 1L;
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
            deployment
                    .log
                    .find(session, Filters.in("_id", others))
                    .forEach(line -> logged.add(
                            Objects.requireNonNull(Lines.logEntry(line).entry())));
        }
        return logged;
    }

    CommitResult commit(Revision revision, Commit commit) {
        Document earlier = deployment
                .operations
                .find(revision.session, Filters.eq("_id", commit.id().toString()))
                .first();
        if (earlier != null) {
            return repeated(revision.session, earlier);
        }
        List<Document> ids = ids(commit);
        Map<Object, Document> found = byId(revision.session, ids);
        found.values().removeIf(document -> Lines.entry(document) == null);
        if (!found.values().stream().allMatch(Lines::isUntouched)) {
            throw new TouchedException();
        }
        Map<Object, Document> newest = found.size() == ids.size()
                ? Map.of()
                : newest(
                        revision.session,
                        ids.stream().filter(id -> !found.containsKey(id)).toList());
        Changes lines = revision.changes(commit.author(), commit.comment());
        List<LogEntry> changes = new ArrayList<>();
        for (Operation operation : commit.operations()) {
            Document id = Lines.id(operation.namespace(), operation.key());
            ConfigEntry entry = Lines.entry(found.get(id));
            Document line = newest.get(id);
            if (entry == null && line != null && Lines.kind(line) == Kind.PUT) {
                throw new TouchedException();
            }
            ConfigEntry live = entry == null || Changes.isExpired(entry.expiresAt(), revision.at) ? null : entry;
            long version = 1 + (entry != null ? entry.version() : line == null ? 0 : Lines.number(line, "version"));
            LogEntry change = lines.of(operation, live, version);
            if (change != null) {
                changes.add(change);
            }
        }
        if (changes.isEmpty()) {
            return new CommitResult(0, changes, revision.at);
        }
        revision.remember(new Document("_id", commit.id().toString())
                .append("revision", revision.number)
                .append("firstLine", revision.nextLine())
                .append("lines", changes.size())
                .append("at", Date.from(revision.at)));
        changes.forEach(revision::add);
        return new CommitResult(revision.number, changes, revision.at);
    }

    /** Whether {@link #reconcile} would find something. */
    boolean isNeeded(ClientSession session, Collection<Document> ids) {
        Instant now = deployment.headOf(session).getDate("now").toInstant();
        Map<Object, Document> found = byId(session, ids);
        Map<Object, Document> newest = newest(session, ids);
        return ids.stream().anyMatch(id -> {
            ConfigEntry entry = Lines.entry(found.get(id));
            return (entry != null && Changes.isExpired(entry.expiresAt(), now))
                    || !Lines.agree(found.get(id), newest.get(id));
        });
    }

    /** Logs what is not as the log says, and removes what has expired. */
    boolean reconcile(Revision revision, Collection<Document> ids) {
        Map<Object, Document> found = byId(revision.session, ids);
        Map<Object, Document> newest = newest(revision.session, ids);
        boolean any = false;
        for (Document id : ids) {
            LogEntry change = missing(id, found.get(id), newest.get(id), revision);
            if (change != null) {
                revision.add(change);
                any = true;
            }
        }
        return any;
    }

    private Map<Object, Document> newest(ClientSession session, Collection<Document> ids) {
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

    /** The newest lines of the keys that have any there. */
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
        for (Document each : deployment.log.aggregate(session, stages).allowDiskUse(true)) {
            Object id = each.get("_id");
            newest.put(id, each.append("_id", each.get("line")));
        }
        return newest;
    }

    private @Nullable LogEntry missing(
            Document id, @Nullable Document document, @Nullable Document line, Revision revision) {
        ConfigEntry entry = Lines.entry(document);
        boolean expired = entry != null && Changes.isExpired(entry.expiresAt(), revision.at);
        if (!expired && Lines.agree(document, line)) {
            return null;
        }
        String ns = Lines.text(id, "ns", "");
        String key = Lines.text(id, "key", "");
        long version = 1 + (line == null ? 0 : Lines.number(line, "version"));
        if (entry == null || expired) {
            Instant expiresAt =
                    entry != null ? entry.expiresAt() : line == null ? null : Lines.instant(line, "expiresAt");
            Kind kind = Changes.isExpired(expiresAt, revision.at) ? Kind.EXPIRE : Kind.DELETE;
            return revision.changes(null, null).removal(kind, ns, key, version);
        }
        boolean isNew = line == null || Lines.kind(line) != Kind.PUT;
        return revision.changes(entry.author(), null)
                .stored(new ConfigEntry(
                        ns,
                        key,
                        entry.value(),
                        entry.codec(),
                        entry.type(),
                        version,
                        revision.number,
                        isNew ? revision.at : entry.createdAt(),
                        revision.at,
                        entry.expiresAt(),
                        entry.author()));
    }

    private CommitResult repeated(ClientSession session, Document operation) {
        long first = Lines.number(operation, "firstLine");
        List<LogEntry> changes = deployment
                .log
                .find(
                        session,
                        Filters.and(
                                Filters.gte("_id", first), Filters.lt("_id", first + Lines.number(operation, "lines"))))
                .sort(Sorts.ascending("_id"))
                .map(Lines::logEntry)
                .into(new ArrayList<>());
        return new CommitResult(Lines.number(operation, "revision"), changes, Lines.at(operation));
    }

    private Map<Object, Document> byId(ClientSession session, Collection<Document> ids) {
        Map<Object, Document> found = new HashMap<>();
        deployment
                .entries
                .find(session, Filters.in("_id", ids))
                .forEach(document -> found.put(document.get("_id"), document));
        return found;
    }

    static List<Document> ids(Commit commit) {
        return commit.operations().stream()
                .map(operation -> Lines.id(operation.namespace(), operation.key()))
                .toList();
    }
}
