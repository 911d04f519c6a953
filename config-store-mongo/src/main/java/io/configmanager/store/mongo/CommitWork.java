// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import com.mongodb.client.ClientSession;
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
import java.util.List;
import java.util.Map;
import org.bson.Document;
import org.jspecify.annotations.Nullable;

/** What becomes of a revision: a commit, or what somebody did without one. */
final class CommitWork {

    private CommitWork() {}

    /** Somebody changed entries of a commit by hand, and that has to be logged first. */
    static final class TouchedException extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    static CommitResult commit(Revision revision, Commit commit) {
        Document earlier = revision.deployment
                .operations
                .find(revision.session, Filters.eq("_id", commit.id().toString()))
                .first();
        CommitResult known = earlier == null ? null : repeated(revision, earlier);
        if (known != null) {
            return known;
        }
        List<Document> ids = ids(commit);
        Map<Object, Document> found = revision.deployment.byId(revision.session, ids);
        found.values().removeIf(document -> Lines.entry(document) == null);
        if (!found.values().stream().allMatch(Lines::isUntouched)) {
            throw new TouchedException();
        }
        Map<Object, Document> newest = found.size() == ids.size()
                ? Map.of()
                : revision.deployment.newest(
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
                .append("revisionId", revision.id)
                .append("firstLine", revision.nextLine())
                .append("lines", changes.size())
                .append("at", Date.from(revision.at)));
        changes.forEach(revision::add);
        return new CommitResult(revision.number, changes, revision.at);
    }

    /** Whether {@link #reconcile} would find something. */
    static boolean isNeeded(Deployment deployment, ClientSession session, Collection<Document> ids) {
        Instant now = deployment.headOf(session).getDate("now").toInstant();
        Map<Object, Document> found = deployment.byId(session, ids);
        Map<Object, Document> newest = deployment.newest(session, ids);
        return ids.stream().anyMatch(id -> {
            ConfigEntry entry = Lines.entry(found.get(id));
            return (entry != null && Changes.isExpired(entry.expiresAt(), now))
                    || !Lines.agree(found.get(id), newest.get(id));
        });
    }

    /** Logs what is not as the log says, and removes what has expired. */
    static boolean reconcile(Revision revision, Collection<Document> ids) {
        Map<Object, Document> found = revision.deployment.byId(revision.session, ids);
        Map<Object, Document> newest = revision.deployment.newest(revision.session, ids);
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

    private static @Nullable LogEntry missing(
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

    /** Null if the revision never came to be, because its writer died before it moved the head. */
    private static @Nullable CommitResult repeated(Revision revision, Document operation) {
        long number = Lines.number(operation, "revision");
        String id = Lines.text(operation, "revisionId", "");
        if (number >= revision.number && !id.equals(revision.id)) {
            return null;
        }
        long first = Lines.number(operation, "firstLine");
        List<Document> lines = revision.deployment
                .log
                .find(
                        revision.session,
                        Filters.and(
                                Filters.gte("_id", first), Filters.lt("_id", first + Lines.number(operation, "lines"))))
                .sort(Sorts.ascending("_id"))
                .into(new ArrayList<>());
        return lines.stream().allMatch(line -> id.equals(line.get("revisionId")))
                ? new CommitResult(number, lines.stream().map(Lines::logEntry).toList(), Lines.at(operation))
                : null;
    }

    static List<Document> ids(Commit commit) {
        return commit.operations().stream()
                .map(operation -> Lines.id(operation.namespace(), operation.key()))
                .toList();
    }
}
