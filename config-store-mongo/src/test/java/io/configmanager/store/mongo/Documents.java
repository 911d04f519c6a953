// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.backend.memory.MemoryCollection;
import de.bwaldvogel.mongo.backend.memory.MemoryDatabase;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.exception.MongoServerException;
import io.netty.channel.Channel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** The documents of the server, and what each command did to them. Guarded by the node's lock. */
final class Documents extends MemoryBackend {

    /** What was written here and has not come to a majority: on top of the documents. */
    final List<Change> unreplicated = new ArrayList<>();

    private final List<Change> recorded = new ArrayList<>();
    private final Function<Channel, Document> hello;
    private boolean recording = true;

    Documents(Function<Channel, Document> hello) {
        this.hello = hello;
    }

    /** A reply and what was changed on the way to it. */
    record Outcome(Document reply, List<Change> changes) {}

    /** Runs a command that sees also what no majority has, and whose own changes none has either. */
    Outcome runLocally(Channel channel, String db, Document command) {
        apply(unreplicated);
        Outcome outcome = run(channel, db, command);
        undo(outcome.changes());
        undo(unreplicated);
        return outcome;
    }

    /** Whether a command sees what no majority has. */
    static boolean isLocal(Document command) {
        Object level = command.get("readConcern") instanceof Document concern ? concern.get("level") : null;
        return level == null || level.equals("local");
    }

    /** Runs a command that is no matter of replication. */
    Outcome run(Channel channel, String db, Document command) {
        recorded.clear();
        String name = command.keySet().iterator().next();
        Document reply;
        try {
            reply = super.handleCommand(channel, db, name, command).cloneDeeply();
        } catch (MongoServerError e) {
            reply = Errors.of(e.getCode(), e.getCodeName(), e.getMessageWithoutErrorCode());
        } catch (MongoServerException e) {
            reply = Errors.of(59, "CommandNotFound", e.getMessage());
        }
        return new Outcome(reply, replacements(command, reply, db, List.copyOf(recorded)));
    }

    /** Makes the changes as they are, without recording them. */
    void apply(List<Change> changes) {
        recording = false;
        try {
            for (Change change : changes) {
                var collection = resolveDatabase(change.db()).resolveCollection(change.collection(), false);
                if (collection != null && change.before() != null) {
                    collection.removeDocument(change.before());
                }
                if (collection != null && change.after() != null) {
                    collection.addDocument(change.after().cloneDeeply());
                }
            }
        } finally {
            recording = true;
        }
    }

    void undo(List<Change> changes) {
        List<Change> inverse = new ArrayList<>();
        for (int i = changes.size() - 1; i >= 0; i--) {
            inverse.add(changes.get(i).inverse());
        }
        apply(inverse);
    }

    /** The document as it is now, or null. */
    Document find(String db, String collection, Object id) {
        var found = resolveDatabase(db).resolveCollection(collection, false);
        return found == null
                ? null
                : found.handleQueryAsStream(new Document("_id", id))
                        .findFirst()
                        .map(Document::cloneDeeply)
                        .orElse(null);
    }

    /** Its identity, or that of nothing if there is none. */
    String uuid(String db, String collection) {
        var found = resolveDatabase(db).resolveCollection(collection, false);
        return found == null
                ? "0".repeat(32)
                : found.getUuid().toString().replace("-", "").toUpperCase(Locale.ROOT);
    }

    @Override
    public Document handleCommand(Channel channel, String db, String command, Document query) {
        // Only the first message of a connection comes this way, in the protocol that every server understands.
        return hello.apply(channel);
    }

    @Override
    public MemoryDatabase openOrCreateDatabase(String name) {
        return new Database(name, getCursorRegistry());
    }

    /** A replacement arrives as one, and also when it changes nothing; the library tells neither. */
    @SuppressWarnings("unchecked")
    private List<Change> replacements(Document command, Document reply, String db, List<Change> changes) {
        String name = command.keySet().iterator().next().toLowerCase(Locale.ROOT);
        boolean update = name.equals("update");
        List<Document> statements = update
                ? (List<Document>) command.get("updates")
                : name.equals("findandmodify") && command.get("update") != null ? List.of(command) : List.of();
        boolean replacing = !statements.isEmpty()
                && statements.stream().allMatch(each -> isReplacement(each.get(update ? "u" : "update")));
        if (!replacing || Errors.is(reply) || reply.containsKey("writeErrors")) {
            return changes;
        }
        if (!changes.isEmpty() || statements.size() > 1) {
            return changes.stream()
                    .map(change -> change.type().equals("update") ? change.as("replace") : change)
                    .toList();
        }
        Object value = update ? null : reply.get("value");
        Object id = update
                ? ((Document) statements.get(0).get("q")).get("_id")
                : value instanceof Document found ? found.get("_id") : null;
        String collection = command.get(command.keySet().iterator().next()).toString();
        Document same = id == null ? null : find(db, collection, id);
        if (same == null || (update && !Integer.valueOf(1).equals(reply.get("n")))) {
            return changes;
        }
        if (update) {
            reply.put("nModified", 1);
        }
        return List.of(new Change("replace", db, collection, id, same, same));
    }

    private static boolean isReplacement(Object update) {
        return update instanceof Document document && document.keySet().stream().noneMatch(key -> key.startsWith("$"));
    }

    private void record(String type, MemoryCollection collection, Document before, Document after) {
        String name = collection.getCollectionName();
        if (recording && !name.startsWith("system.")) {
            Object id = (after == null ? before : after).get("_id");
            recorded.add(new Change(
                    type,
                    collection.getDatabaseName(),
                    name,
                    id,
                    before == null ? null : before.cloneDeeply(),
                    after == null ? null : after.cloneDeeply()));
        }
    }

    private final class Database extends MemoryDatabase {

        Database(String name, CursorRegistry cursors) {
            super(name, cursors);
        }

        @Override
        protected MemoryCollection openOrCreateCollection(String name, CollectionOptions options) {
            return new Collection(this, name, options, cursorRegistry);
        }
    }

    private final class Collection extends MemoryCollection {

        Collection(MongoDatabase database, String name, CollectionOptions options, CursorRegistry cursors) {
            super(database, name, options, cursors);
        }

        @Override
        protected Integer addDocumentInternal(Document document) {
            Documents.this.record("insert", this, null, document);
            return super.addDocumentInternal(document);
        }

        @Override
        protected void removeDocument(Integer position) {
            Documents.this.record("delete", this, getDocument(position), null);
            super.removeDocument(position);
        }

        @Override
        protected void handleUpdate(Integer position, Document before, Document after) {
            Documents.this.record("update", this, before, after);
            super.handleUpdate(position, before, after);
        }
    }
}
