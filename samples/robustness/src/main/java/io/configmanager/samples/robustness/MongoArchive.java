// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoChangeStreamCursor;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.changestream.ChangeStreamDocument;
import com.mongodb.client.model.changestream.OperationType;
import com.mongodb.client.model.changestream.UpdateDescription;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bson.BsonDocument;
import org.bson.BsonDocumentReader;
import org.bson.BsonString;
import org.bson.Document;
import org.bson.codecs.DecoderContext;
import org.bson.codecs.DocumentCodec;
import org.jspecify.annotations.Nullable;

/**
 * What really happened, from a change stream of our own, which the server spares when it misbehaves: transaction by
 * transaction what was logged and what became of the entries. Compaction does not shorten it and a restore does not replace
 * it. A commit's time is when its events arrived here, a little after it happened.
 *
 * <p>Edits by hand are logged by whoever finds them. So those that are not logged yet are followed here: an edit that a later
 * one replaced before that is in no log.
 */
final class MongoArchive implements AutoCloseable {

    /** Our server spares streams with this comment. */
    private static final String SPARED = "spared";

    private static final String NOTES = "oracle_note";
    private static final int PLACE_BITS = 20;
    private static final Pattern TAG = Pattern.compile("op:[a-z]+[0-9.]*-[0-9]+(/[0-9]+)?");
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(60);

    private final MongoDatabase database;
    private final Thread thread;
    private final ReentrantLock lock = new ReentrantLock();
    private final List<Object[]> lines = new ArrayList<>();
    private final AtomicInteger notes = new AtomicInteger();
    private final Map<Integer, List<Document>> logs = new ConcurrentHashMap<>();
    private volatile int lastMark;
    private volatile boolean closed;
    private volatile @Nullable RuntimeException failure;

    /** The entries as they are, by namespace and key. */
    private final Map<String, Document> entries = new TreeMap<>();

    /** What was done by hand and is not logged yet, by namespace and key: its tag, or nothing for a deletion. */
    private final Map<String, String> unlogged = new HashMap<>();

    /** What exists as far as the log says, by namespace and key. */
    private final Map<String, String> logged = new HashMap<>();

    private long lastMicros;
    private long transaction;
    private long revision;

    MongoArchive(MongoDatabase database) {
        this.database = database;
        database.createCollection(NOTES);
        MongoChangeStreamCursor<ChangeStreamDocument<Document>> stream = database.watch()
                .comment(SPARED)
                .maxAwaitTime(100, TimeUnit.MILLISECONDS)
                .cursor();
        thread = new Thread(() -> follow(stream), "archive");
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Part of a transaction that reads or replaces everything.
     *
     * @param log the lines that it puts in the place of the others
     */
    void note(ClientSession session, String kind, int dump, List<Document> log) {
        int number = notes.incrementAndGet();
        logs.put(number, log);
        Document note = new Document("_id", number).append("kind", kind).append("dump", dump);
        database.getCollection(NOTES).insertOne(session, note);
    }

    /** Waits until everything is here that was committed before. */
    void awaitAll() {
        int number = notes.incrementAndGet();
        database.getCollection(NOTES).insertOne(new Document("_id", number).append("kind", "mark"));
        long deadline = System.nanoTime() + PATIENCE;
        while (lastMark < number) {
            RuntimeException failed = failure;
            if (failed != null || System.nanoTime() > deadline) {
                throw new IllegalStateException("The archive does not follow", failed);
            }
            Clock.awaitMillis(5);
        }
    }

    /** Whether the entries are what the log says. */
    boolean isSettled() {
        awaitAll();
        lock.lock();
        try {
            Map<String, String> stored = new HashMap<>();
            entries.forEach((id, entry) -> stored.put(id, state(entry)));
            return stored.equals(logged);
        } finally {
            lock.unlock();
        }
    }

    void export(Recorder out, MongoCollection<Document> table) {
        awaitAll();
        lock.lock();
        try {
            lines.forEach(line -> out.write(
                    (String) line[0], List.of(line).subList(1, line.length).toArray()));
        } finally {
            lock.unlock();
        }
        for (Document entry : table.find()) {
            Document id = entry.get("_id", Document.class);
            out.write(
                    "F",
                    id.getString("ns"),
                    id.getString("key"),
                    number(entry, "version"),
                    value(entry),
                    expires(entry));
        }
    }

    @Override
    public void close() {
        closed = true;
        try {
            thread.join(TimeUnit.SECONDS.toMillis(5));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void follow(MongoChangeStreamCursor<ChangeStreamDocument<Document>> stream) {
        List<ChangeStreamDocument<Document>> together = new ArrayList<>();
        long at = 0;
        try (stream) {
            while (!closed) {
                ChangeStreamDocument<Document> event = stream.tryNext();
                if (!together.isEmpty() && (event == null || !isOfOneTransaction(together.get(0), event))) {
                    take(together, at);
                    together.clear();
                }
                if (event != null) {
                    at = together.isEmpty() ? Clock.wallMicros() : at;
                    together.add(event);
                }
            }
        } catch (RuntimeException e) {
            failure = e;
        }
    }

    private static boolean isOfOneTransaction(
            ChangeStreamDocument<Document> one, ChangeStreamDocument<Document> other) {
        return one.getTxnNumber() != null
                && one.getTxnNumber().equals(other.getTxnNumber())
                && Objects.equals(one.getLsid(), other.getLsid())
                && Objects.equals(one.getClusterTime(), other.getClusterTime());
    }

    private void take(List<ChangeStreamDocument<Document>> together, long arrived) {
        lock.lock();
        try {
            long micros = Math.max(lastMicros + 1, arrived);
            lastMicros = micros;
            transaction++;
            List<Document> log = new ArrayList<>();
            Set<String> changed = new TreeSet<>();
            Document head = new Document();
            Document note = new Document();
            for (ChangeStreamDocument<Document> event : together) {
                String collection = Objects.requireNonNull(event.getNamespace()).getCollectionName();
                switch (collection) {
                    case "config_head" -> head.putAll(isOfHead(event) ? fields(event) : Map.of());
                    case "config_log" -> {
                        if (event.getOperationType() == OperationType.INSERT) {
                            log.add(fields(event));
                        }
                    }
                    case "config_entry" -> changed.addAll(change(event));
                    case NOTES -> note = fields(event);
                    default -> {}
                }
            }
            revision = head.containsKey("revision") ? number(head, "revision") : revision;
            String kind = String.valueOf(note.get("kind"));
            if (kind.equals("mark")) {
                lastMark = note.getInteger("_id");
            } else if (kind.equals("restore")) {
                restored(micros, note);
            } else if (kind.equals("dump")) {
                line("H", micros, transaction, "dump", revision, number(note, "dump"));
            } else {
                if (head.containsKey("lineage")) {
                    line("H", micros, transaction, "lineage", revision, 0);
                }
                if (head.containsKey("compactRevision")) {
                    line("H", micros, transaction, "compact", number(head, "compactRevision"), 0);
                }
                if (log.isEmpty()) {
                    changed.forEach(this::changedByHand);
                } else {
                    committed(micros, log, changed);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private void committed(long micros, List<Document> log, Set<String> changed) {
        Set<String> all = new TreeSet<>(changed);
        for (Document each : log) {
            String id = History.id(each.getString("ns"), each.getString("key"));
            boolean put = "PUT".equals(each.get("op"));
            Object comment = each.get("comment");
            line(
                    "L",
                    micros,
                    transaction,
                    number(each, "_id") >> PLACE_BITS,
                    put ? "P" : "D",
                    each.getString("ns"),
                    each.getString("key"),
                    number(each, "version"),
                    value(each),
                    expires(each),
                    micros,
                    comment == null ? tag(each) : comment);
            // What was absent when the transaction began may have come by hand since: that is another edit.
            if (put || changed.contains(id) || !entries.containsKey(id)) {
                String edit = unlogged.remove(id);
                if (edit != null && "EXPIRE".equals(each.get("op"))) {
                    unlogged(edit);
                }
                all.add(id);
            } else {
                line("E", micros, transaction, "D", each.getString("ns"), each.getString("key"), 0, Texts.NONE, 0);
            }
            if (put) {
                logged.put(id, state(each));
            } else {
                logged.remove(id);
            }
        }
        for (String id : all) {
            Document entry = entries.get(id);
            int middle = id.indexOf('|');
            line(
                    "E",
                    micros,
                    transaction,
                    entry == null ? "D" : "P",
                    id.substring(0, middle),
                    id.substring(middle + 1),
                    entry == null ? 0 : number(entry, "version"),
                    entry == null ? Texts.NONE : value(entry),
                    entry == null ? 0 : expires(entry));
        }
    }

    /** An edit that another one replaces before somebody has logged it. */
    private void changedByHand(String id) {
        Document entry = entries.get(id);
        unlogged(unlogged.put(id, entry == null ? "" : tag(entry)));
    }

    private void unlogged(@Nullable String tag) {
        if (tag != null && !tag.isEmpty()) {
            line("U", tag);
        }
    }

    private void restored(long micros, Document note) {
        unlogged.values().forEach(this::unlogged);
        unlogged.clear();
        logged.clear();
        line("H", micros, transaction, "restore", revision, number(note, "dump"));
        Map<String, Document> newest = new HashMap<>();
        for (Document each : Objects.requireNonNull(logs.get(note.getInteger("_id")))) {
            newest.merge(
                    History.id(each.getString("ns"), each.getString("key")),
                    each,
                    (a, b) -> number(a, "version") > number(b, "version") ? a : b);
        }
        newest.forEach((id, each) -> {
            if ("PUT".equals(each.get("op"))) {
                logged.put(id, state(each));
                line(
                        "B",
                        transaction,
                        each.getString("ns"),
                        each.getString("key"),
                        number(each, "version"),
                        number(each, "_id") >> PLACE_BITS,
                        value(each),
                        expires(each));
            }
        });
    }

    /** Which entries the event changed. */
    private Set<String> change(ChangeStreamDocument<Document> event) {
        BsonDocument key = event.getDocumentKey();
        if (key == null) {
            Set<String> all = Set.copyOf(entries.keySet());
            entries.clear();
            return all;
        }
        BsonDocument name = key.getDocument("_id");
        String id = History.id(
                name.getString("ns").getValue(), name.getString("key").getValue());
        switch (event.getOperationType()) {
            case DELETE -> entries.remove(id);
            case UPDATE -> {
                Document entry = entries.computeIfAbsent(id, absent -> new Document());
                UpdateDescription update = Objects.requireNonNull(event.getUpdateDescription());
                fields(event).forEach((field, value) -> set(entry, field, value));
                Objects.requireNonNullElse(update.getRemovedFields(), List.<String>of())
                        .forEach(entry::remove);
            }
            default -> entries.put(id, fields(event));
        }
        return Set.of(id);
    }

    private static void set(Document document, String field, Object value) {
        int dot = field.indexOf('.');
        if (dot < 0) {
            document.put(field, value);
        } else {
            set(document.get(field.substring(0, dot), Document.class), field.substring(dot + 1), value);
        }
    }

    private static boolean isOfHead(ChangeStreamDocument<Document> event) {
        BsonDocument key = event.getDocumentKey();
        return key != null && new BsonString("head").equals(key.get("_id"));
    }

    /** The whole document, or what an update set. */
    private static Document fields(ChangeStreamDocument<Document> event) {
        Document whole = event.getFullDocument();
        if (whole != null) {
            return whole;
        }
        UpdateDescription update = event.getUpdateDescription();
        BsonDocument set = update == null ? null : update.getUpdatedFields();
        return set == null
                ? new Document()
                : new DocumentCodec()
                        .decode(
                                new BsonDocumentReader(set),
                                DecoderContext.builder().build());
    }

    private void line(Object... fields) {
        lines.add(fields);
    }

    /** Who says to have written this value. */
    private static String tag(Document document) {
        Matcher tag = TAG.matcher(String.valueOf(document.get("value")));
        return tag.find() ? tag.group() : Texts.NONE;
    }

    private static String value(Document document) {
        return document.get("value") instanceof String text ? Texts.brief(text) : Texts.NONE;
    }

    private static String state(Document document) {
        return number(document, "version") + ":" + value(document) + ":" + expires(document);
    }

    private static long expires(Document document) {
        return document.get("expiresAt") instanceof Date end
                ? TimeUnit.MILLISECONDS.toMicros(end.toInstant().toEpochMilli())
                : 0;
    }

    private static long number(Document document, String field) {
        return document.get(field) instanceof Number number ? number.longValue() : 0;
    }
}
