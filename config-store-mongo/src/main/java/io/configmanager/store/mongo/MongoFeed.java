// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import com.mongodb.MongoException;
import com.mongodb.client.ChangeStreamIterable;
import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoChangeStreamCursor;
import com.mongodb.client.MongoCursor;
import com.mongodb.client.model.Aggregates;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.Sorts;
import io.configmanager.StoreException;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.LogFeed;
import io.configmanager.store.LogProof;
import io.configmanager.store.Position;
import io.configmanager.store.PositionLostException;
import io.configmanager.store.PositionLostException.Reason;
import io.configmanager.store.mongo.Deployment.Moment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bson.BsonDocument;
import org.bson.BsonTimestamp;
import org.bson.BsonValue;
import org.bson.Document;
import org.bson.RawBsonDocument;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;

/**
 * Reads the log behind a position. The change stream only says when: that the head moved, or that somebody changed an entry
 * without a commit, which is then given a revision before anything is read. So no event has to be understood, and one that
 * is lost with its stream costs a comparison of the entries with the log.
 */
final class MongoFeed implements LogFeed.Log {

    private static final Duration AWAIT = Duration.ofMillis(250);
    private static final int LINES_PER_PAGE = 5_000;
    private static final int CHARACTERS_PER_PAGE = 8 << 20;
    private static final int MAX_RESTARTS = 3;
    private static final Pattern TIME_OF_TOKEN = Pattern.compile("82(\\p{XDigit}{8})(\\p{XDigit}{8})");

    private final MongoConfigStore store;
    private final Deployment deployment;
    private final ClientSession session;
    private final CountDownLatch interrupted = new CountDownLatch(1);
    private volatile @Nullable MongoChangeStreamCursor<RawBsonDocument> stream;

    private long revision;
    private MongoToken token;
    private boolean audit;
    private boolean more;
    private int restarts;
    private int emptyReads;

    /** Edits by hand that have been seen and have no revision yet. */
    private final Set<Document> edited = new LinkedHashSet<>();

    /** All events up to here have been seen: as of the last one, or as far as the server says to have looked since. */
    private BsonTimestamp reached;

    /** All edits up to here have a revision. */
    private BsonTimestamp seen;

    /** When the head moved last: what happens at the same time is part of a commit. */
    private BsonTimestamp headMoved = new BsonTimestamp(0, 0);

    MongoFeed(MongoConfigStore store, Deployment deployment, Position position) {
        this.store = store;
        this.deployment = deployment;
        this.revision = position.revision();
        this.token = MongoToken.parse(position);
        this.seen = token.seen();
        this.reached = seen;
        this.session = deployment.client.startSession();
        try {
            Moment moment = deployment.moment(session);
            if (!moment.replicated()) {
                store.warnOnce("this is no replica set: changes are found by reading every "
                        + store.settings.pollOnlyInterval()
                        + ", and a commit that is interrupted may be stored in part");
            }
            stream = moment.replicated() ? open(moment) : null;
            audit |= stream == null;
        } catch (RuntimeException e) {
            session.close();
            throw e;
        }
    }

    @Override
    public Position position() {
        return new Position(revision, token.at(seen).text());
    }

    @Override
    public boolean pushAvailable() {
        return stream != null;
    }

    @Override
    public RuntimeException translate(Exception failure) {
        return Failures.translate("read the feed", failure);
    }

    @Override
    public void interrupt() {
        interrupted.countDown();
        closeStream();
    }

    /** A session must not go back to the driver's pool while it is used. */
    @Override
    public void release() {
        session.close();
    }

    private void closeStream() {
        MongoChangeStreamCursor<RawBsonDocument> current = stream;
        if (current != null) {
            try {
                current.close();
            } catch (RuntimeException e) {
                store.debug("Cannot close a stream, which the server then forgets by itself", e);
            }
        }
    }

    private @Nullable MongoChangeStreamCursor<RawBsonDocument> open(Moment moment) {
        boolean future = seen.compareTo(moment.operationTime()) > 0;
        audit = future || seen.getTime() == 0;
        if (!audit) {
            try {
                return watch(seen);
            } catch (MongoException e) {
                // Whatever the code: what happened since then is not to be had from the stream.
                store.debug("Cannot follow changes from where they were seen last", e);
                audit = true;
            }
        }
        reached = moment.operationTime();
        return watch(reached);
    }

    /** One stream of the database: it outlives its collections. */
    private MongoChangeStreamCursor<RawBsonDocument> watch(BsonTimestamp from) {
        MongoNames names = deployment.names;
        Bson relevant = Filters.or(
                Filters.and(Filters.eq("ns.coll", names.head()), Filters.eq("documentKey._id", "head")),
                Filters.in("ns.coll", names.entries(), names.log()),
                Filters.eq("to.coll", names.entries()),
                Filters.in("operationType", "dropDatabase", "invalidate"));
        // Inserts of lines are many and say what the head says.
        Bson noLines = Filters.or(Filters.ne("ns.coll", names.log()), Filters.in("operationType", "drop", "rename"));
        ChangeStreamIterable<Document> events = deployment
                .database
                .watch(List.of(
                        Aggregates.match(relevant),
                        Aggregates.match(noLines),
                        Aggregates.project(Projections.include("operationType", "clusterTime", "ns", "documentKey"))))
                .maxAwaitTime(Math.min(AWAIT.toMillis(), deployment.timeout.toMillis() / 2), TimeUnit.MILLISECONDS)
                .startAtOperationTime(from);
        return (MongoChangeStreamCursor<RawBsonDocument>)
                events.withDocumentClass(RawBsonDocument.class).cursor();
    }

    @Override
    public boolean await(long nanos) throws InterruptedException {
        MongoChangeStreamCursor<RawBsonDocument> current = stream;
        if (current == null) {
            return interrupted.await(nanos, TimeUnit.NANOSECONDS);
        }
        RawBsonDocument event;
        try {
            event = current.tryNext();
        } catch (MongoException e) {
            restart(e);
            return true;
        }
        restarts = 0;
        if (event == null) {
            if (current.getServerCursor() == null) {
                // Read once more: if history is another one now, that says so.
                read(true);
                throw new StoreException("The change stream has ended", true, null);
            }
            reached = laterOf(reached, current.getResumeToken());
            return logEdits();
        }
        BsonTimestamp last = reached;
        for (; event != null; event = current.available() > 0 ? current.tryNext() : null) {
            last = event.getTimestamp("clusterTime");
            take(event, last);
        }
        session.advanceOperationTime(last);
        reached = last;
        logEdits();
        return true;
    }

    /** A token begins with the time up to which the server has looked; one of another form says nothing. */
    private static BsonTimestamp laterOf(BsonTimestamp known, @Nullable BsonDocument token) {
        BsonValue data = token == null ? null : token.get("_data");
        Matcher time = TIME_OF_TOKEN.matcher(
                data != null && data.isString() ? data.asString().getValue() : "");
        if (!time.lookingAt()) {
            return known;
        }
        BsonTimestamp looked = new BsonTimestamp(
                Integer.parseUnsignedInt(time.group(1), 16), Integer.parseUnsignedInt(time.group(2), 16));
        return looked.compareTo(known) > 0 ? looked : known;
    }

    /**
     * Gives edits by hand their revisions. If others write all the time, what is left is tried again later, and reading goes
     * on; and if this feed ends before, the next one begins where nothing was left.
     *
     * @return whether something was logged
     */
    private boolean logEdits() {
        boolean any = audit || !edited.isEmpty();
        try {
            if (audit) {
                store.audit(reached);
                audit = false;
            }
            store.reconcile(edited, reached);
            edited.clear();
            seen = reached;
            return any;
        } catch (Writer.BusyException e) {
            store.debug("Changes by hand wait for their revision", e);
            return false;
        }
    }

    /** Events that cannot be had are not needed either: from now on, and a comparison for what was before. */
    private void restart(MongoException failure) {
        if (interrupted.getCount() == 0 || !Failures.isPlaceLost(failure) || ++restarts > MAX_RESTARTS) {
            throw failure;
        }
        store.debug("The change stream cannot be continued", failure);
        closeStream();
        reached = deployment.moment(session).operationTime();
        stream = watch(reached);
        audit = true;
    }

    private void take(RawBsonDocument event, BsonTimestamp at) {
        if (!event.containsKey("documentKey")) {
            audit = true;
        } else if (event.getDocument("ns").getString("coll").getValue().equals(deployment.names.head())) {
            headMoved = at;
        } else if (!at.equals(headMoved)) {
            BsonValue id = event.getDocument("documentKey").get("_id");
            if (id != null && id.isDocument()) {
                Document key = Document.parse(id.asDocument().toJson());
                if (Lines.isId(key)) {
                    edited.add(key);
                }
            }
        }
    }

    @Override
    public LogFeed.Page read(boolean told) {
        audit |= !told && stream == null;
        if (audit) {
            logEdits();
        }
        long start = System.nanoTime();
        long last = revision;
        List<Document> lines = page();
        Document head = deployment.headOf(session);
        long newest = Lines.number(head, "revision");
        requireContinuation(head, newest, lines, last);
        lines.removeIf(line -> Lines.revisionOf(line) <= last || Lines.revisionOf(line) > newest);
        LogProof.Collector whole = new LogProof.Collector(last);
        lines.forEach(line -> whole.add(Lines.logEntry(line), Lines.at(line)));
        List<ChangeSet> changeSets = whole.changeSets();
        long upto = last + changeSets.size();
        if (!more) {
            requireAll(upto, newest, lines.isEmpty() ? 0 : Lines.revisionOf(lines.get(lines.size() - 1)));
        }
        if (upto > last) {
            String id = Lines.text(lines.get(lines.size() - 1), "revisionId", "");
            token = new MongoToken(token.lineage(), id, seen);
        }
        revision = upto;
        int unannounced = told || stream == null ? 0 : changeSets.size();
        return new LogFeed.Page(changeSets, start, more, head.getDate("now").toInstant(), unannounced);
    }

    /** The first line of the last revision, which proves it, and whole revisions after it, one at least if there is any. */
    private List<Document> page() {
        Bson wanted = Filters.or(
                Filters.eq("_id", Lines.firstLine(revision)), Filters.gte("_id", Lines.firstLine(revision + 1)));
        List<Document> lines = new ArrayList<>();
        long characters = 0;
        more = false;
        try (MongoCursor<Document> found = deployment
                .log
                .find(session, wanted)
                .sort(Sorts.ascending("_id"))
                .cursor()) {
            while (found.hasNext()) {
                Document line = found.next();
                boolean full = lines.size() > LINES_PER_PAGE || characters >= CHARACTERS_PER_PAGE;
                more = full && Lines.revisionOf(line) != Lines.revisionOf(lines.get(lines.size() - 1));
                if (more) {
                    break;
                }
                lines.add(line);
                if (Lines.revisionOf(line) > revision) {
                    characters += Lines.text(line, "value", "").length();
                }
            }
        }
        return lines;
    }

    private void requireContinuation(Document head, long newest, List<Document> lines, long last) {
        boolean sameRevision = newest == last
                ? token.revisionId().equals(head.getString("revisionId"))
                : last == 0
                        || (!lines.isEmpty()
                                && Lines.revisionOf(lines.get(0)) == last
                                && token.revisionId().equals(lines.get(0).getString("revisionId")));
        LogProof.requireContinuation(
                last,
                token.lineage().equals(head.getString("lineage")),
                newest,
                Lines.number(head, "compactRevision"),
                sameRevision);
    }

    /** The head may have moved between the two reads; what it moved past is then read next. */
    private void requireAll(long upto, long newest, long lastLine) {
        more = upto < newest;
        if (more && lastLine == 0 && upto == revision && ++emptyReads > 3) {
            throw new PositionLostException(Reason.HISTORY_REPLACED, "The log has no revision " + newest);
        }
        if (!more) {
            emptyReads = 0;
        }
    }
}
