// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import de.bwaldvogel.mongo.backend.aggregation.Aggregation;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.oplog.NoopOplog;
import io.configmanager.store.mongo.Oplog.Entry;
import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Open streams and the reads that wait for them, none of which holds a thread. Guarded by the node's lock. */
final class ChangeStreams {

    private static final long FIRST_CURSOR = 7_000_000_000L;
    /** Comment of streams that suffer from no planned error and from no lost history. */
    private static final String SPARED = "spared";

    private static final Set<String> ENDS_COLLECTION = Set.of("drop", "rename", "dropDatabase");

    private final Object lock;
    private final Documents documents;
    private final Oplog oplog;
    private final Map<Long, Cursor> cursors = new LinkedHashMap<>();
    private final List<Waiter> waiters = new ArrayList<>();
    private long nextCursor = FIRST_CURSOR;

    /** Whether streams are read from a member that has nothing new yet. */
    private boolean lagging;

    ChangeStreams(Object lock, Documents documents, Oplog oplog) {
        this.lock = lock;
        this.documents = documents;
        this.oplog = oplog;
    }

    private static final class Cursor {
        long id;
        String db;
        String collection;
        List<Document> pipeline;
        boolean updateLookup;
        String after;

        /** Whether it belongs to who watches the server, and not to what is tested. */
        boolean spared;

        /** An event that the client has seen but that is not in the oplog: fails when there is a later one. */
        boolean lost;
    }

    private record Waiter(Cursor cursor, int batchSize, Consumer<Document> reply) {}

    @SuppressWarnings("unchecked")
    static boolean isOpening(Document command) {
        return command.containsKey("aggregate")
                && command.get("pipeline") instanceof List<?> pipeline
                && !pipeline.isEmpty()
                && ((List<Document>) pipeline).get(0).containsKey("$changeStream");
    }

    static boolean isReading(Document command) {
        return command.get("getMore") instanceof Number id && id.longValue() >= FIRST_CURSOR;
    }

    @SuppressWarnings("unchecked")
    Document open(String db, Document command) {
        List<Document> pipeline = (List<Document>) command.get("pipeline");
        Document options = (Document) pipeline.get(0).get("$changeStream");
        Cursor cursor = new Cursor();
        cursor.db = db;
        cursor.collection = command.get("aggregate") instanceof String name ? name : null;
        cursor.pipeline = pipeline.subList(1, pipeline.size());
        cursor.spared = SPARED.equals(command.get("comment"));
        cursor.updateLookup = "updateLookup".equals(options.get("fullDocument"));
        Document problem = refusal(db, command, options);
        if (problem == null) {
            problem = position(cursor, options);
        }
        if (problem != null) {
            return problem;
        }
        cursor.id = nextCursor++;
        cursors.put(cursor.id, cursor);
        return reply(cursor, "firstBatch", List.of(), cursor.id);
    }

    /** Answers now or as soon as there is something, at the latest after the time that the client is willing to wait. */
    void read(Document command, EventLoop timer, Consumer<Document> reply) {
        Cursor cursor = cursors.get(((Number) command.get("getMore")).longValue());
        if (cursor == null) {
            reply.accept(Errors.of(
                    43, "CursorNotFound", "cursor id " + command.get("getMore") + " not found", Errors.RESUMABLE));
            return;
        }
        Number size = (Number) command.getOrDefault("batchSize", 0);
        Waiter waiter = new Waiter(cursor, size.intValue() <= 0 ? 1000 : size.intValue(), reply);
        Document news = next(waiter, false);
        if (news != null) {
            reply.accept(news);
            return;
        }
        waiters.add(waiter);
        long patience = ((Number) command.getOrDefault("maxTimeMS", 1000)).longValue();
        var unused = timer.schedule(() -> expire(waiter), patience, TimeUnit.MILLISECONDS);
    }

    /** Called after the oplog has grown. */
    void wake() {
        for (Waiter waiter : List.copyOf(waiters)) {
            Document news = next(waiter, false);
            if (news != null) {
                waiters.remove(waiter);
                waiter.reply().accept(news);
            }
        }
    }

    /** Answers every waiting read with this. */
    void fail(Document error) {
        List<Waiter> all =
                waiters.stream().filter(waiter -> !waiter.cursor().spared).toList();
        waiters.removeAll(all);
        all.forEach(waiter -> waiter.reply().accept(error));
    }

    /** Ends streams as the server does that cleans up: the next read of each finds none. */
    void forgetAll() {
        cursors.values().removeIf(cursor -> !cursor.spared);
        fail(Errors.of(43, "CursorNotFound", "cursor not found", Errors.RESUMABLE));
    }

    /** Whether a command reads a stream that is spared. */
    boolean isSpared(Document command) {
        Cursor cursor = isReading(command) ? cursors.get(((Number) command.get("getMore")).longValue()) : null;
        return cursor != null && cursor.spared;
    }

    void lag(boolean now) {
        lagging = now;
        wake();
    }

    int open() {
        return cursors.size();
    }

    /** How many would suffer from an error. */
    long waiting() {
        return waiters.stream().filter(waiter -> !waiter.cursor().spared).count();
    }

    /** Ends the streams among these ids; a read that waits for one learns it. */
    boolean kill(List<?> ids) {
        boolean mine = false;
        for (Object id : ids) {
            Cursor cursor = cursors.remove(((Number) id).longValue());
            mine |= cursor != null;
            for (Waiter waiter : List.copyOf(waiters)) {
                if (waiter.cursor() == cursor) {
                    waiters.remove(waiter);
                    waiter.reply().accept(Errors.of(237, "CursorKilled", "cursor was killed"));
                }
            }
        }
        return mine;
    }

    private void expire(Waiter waiter) {
        synchronized (lock) {
            if (waiters.remove(waiter)) {
                waiter.reply().accept(next(waiter, true));
            }
        }
    }

    /** An answer; null if there is nothing to say and there is time. */
    private Document next(Waiter waiter, boolean evenIfEmpty) {
        Cursor cursor = waiter.cursor();
        List<Document> batch = new ArrayList<>();
        if (!cursor.spared
                && !cursor.lost
                && Tokens.isIdle(cursor.after)
                && oplog.isLost(Tokens.timeOf(cursor.after))) {
            return Errors.historyLost();
        }
        if (lagging && !cursor.spared) {
            return evenIfEmpty ? reply(cursor, "nextBatch", batch, cursor.id) : null;
        }
        Iterator<Entry> entries =
                oplog.from(oplog.after(cursor.after, cursor.spared)).iterator();
        while (entries.hasNext() && batch.size() < waiter.batchSize()) {
            Entry entry = entries.next();
            if (!concerns(cursor, entry)) {
                continue;
            }
            if (cursor.lost) {
                return Errors.tokenNotFound();
            }
            cursor.after = entry.token();
            if (!add(cursor, event(cursor, entry), batch)) {
                return Errors.of(
                        280, "ChangeStreamFatalError", "the _id field of an event was modified", Errors.NON_RESUMABLE);
            }
            if (ends(cursor, entry)) {
                cursor.after = Tokens.ofInvalidate(entry.token());
                add(cursor, Events.invalidate(entry), batch);
                cursors.remove(cursor.id);
                return reply(cursor, "nextBatch", batch, 0);
            }
        }
        if (!entries.hasNext() && !cursor.lost) {
            String idle = Tokens.idle(oplog.now());
            cursor.after = idle.compareTo(cursor.after) > 0 ? idle : cursor.after;
        }
        return batch.isEmpty() && !evenIfEmpty ? null : reply(cursor, "nextBatch", batch, cursor.id);
    }

    private Document event(Cursor cursor, Entry entry) {
        Document lookup = cursor.updateLookup && entry.type().equals("update")
                ? documents.find(entry.db(), entry.collection(), entry.change().id())
                : null;
        return Events.render(entry, cursor.updateLookup, lookup);
    }

    /** False if the pipeline took away what a stream cannot do without. */
    private boolean add(Cursor cursor, Document event, List<Document> batch) {
        Aggregation aggregation = Aggregation.fromPipeline(
                cursor.pipeline,
                documents::resolveDatabase,
                documents.resolveDatabase(cursor.db),
                null,
                NoopOplog.get());
        List<Document> result =
                aggregation.runStagesAsStream(Stream.of(event.cloneDeeply())).toList();
        batch.addAll(result);
        return result.stream().allMatch(each -> each.containsKey("_id"));
    }

    private static boolean concerns(Cursor cursor, Entry entry) {
        if (!entry.db().equals(cursor.db)) {
            return false;
        }
        return cursor.collection == null
                ? true
                : entry.type().equals("dropDatabase") || cursor.collection.equals(entry.collection());
    }

    private static boolean ends(Cursor cursor, Entry entry) {
        return cursor.collection == null ? entry.type().equals("dropDatabase") : ENDS_COLLECTION.contains(entry.type());
    }

    private static Document refusal(String db, Document command, Document options) {
        if (db.equals("local") || (db.equals("admin") && !Boolean.TRUE.equals(options.get("allChangesForCluster")))) {
            return Errors.of(73, "InvalidNamespace", "$changeStream may not be opened on the internal " + db);
        }
        if (command.containsKey("autocommit")) {
            return Errors.of(263, "OperationNotSupportedInTransaction", "$changeStream in a transaction");
        }
        if (command.get("readConcern") instanceof Document concern
                && concern.get("level") != null
                && !"majority".equals(concern.get("level"))) {
            return Errors.of(72, "InvalidOptions", "$changeStream requires read concern majority");
        }
        long starts = Stream.of("resumeAfter", "startAfter", "startAtOperationTime")
                .filter(options::containsKey)
                .count();
        return starts > 1 ? Errors.of(40674, null, "Only one type of resume option is allowed") : null;
    }

    private Document position(Cursor cursor, Document options) {
        if (options.get("startAtOperationTime") instanceof BsonTimestamp start) {
            cursor.after = Tokens.idle(start);
            return !cursor.spared && oplog.isLost(start) ? Errors.historyLost() : null;
        }
        Document token = (Document) options.getOrDefault("resumeAfter", options.get("startAfter"));
        if (token == null) {
            oplog.tick();
            cursor.after = Tokens.idle(oplog.now());
            return null;
        }
        Document problem = Tokens.problem(token);
        if (problem != null) {
            return problem;
        }
        cursor.after = (String) token.get("_data");
        if (Tokens.isInvalidate(cursor.after)) {
            return options.containsKey("resumeAfter")
                    ? Errors.of(260, "InvalidResumeToken", "Resuming is not allowed from an invalidate notification.")
                    : null;
        }
        if (Tokens.isIdle(cursor.after)) {
            return !cursor.spared && oplog.isLost(Tokens.timeOf(cursor.after)) ? Errors.historyLost() : null;
        }
        cursor.lost = !cursor.spared && !oplog.has(cursor.after);
        boolean laterEvent =
                oplog.from(oplog.after(cursor.after, false)).stream().anyMatch(entry -> concerns(cursor, entry));
        return cursor.lost && laterEvent ? Errors.tokenNotFound() : null;
    }

    private static Document reply(Cursor cursor, String batch, List<Document> events, long id) {
        Document body = new Document(batch, events)
                .append("postBatchResumeToken", Tokens.document(cursor.after))
                .append("id", id)
                .append("ns", cursor.db + "." + (cursor.collection == null ? "$cmd.aggregate" : cursor.collection));
        return new Document("cursor", body).append("ok", 1.0);
    }
}
