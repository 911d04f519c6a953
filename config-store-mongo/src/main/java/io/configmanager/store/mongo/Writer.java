// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import com.mongodb.MongoCommandException;
import com.mongodb.MongoException;
import com.mongodb.client.ClientSession;
import com.mongodb.client.model.DeleteOneModel;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.FindOneAndUpdateOptions;
import com.mongodb.client.model.ReplaceOneModel;
import com.mongodb.client.model.ReplaceOptions;
import com.mongodb.client.model.ReturnDocument;
import com.mongodb.client.model.Updates;
import com.mongodb.client.model.WriteModel;
import io.configmanager.LogEntry;
import io.configmanager.StoreException;
import io.configmanager.store.Changes;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.bson.BsonDocument;
import org.bson.BsonTimestamp;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.bson.types.ObjectId;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes one revision after the other. In a transaction every writer first takes the next number from the head document:
 * two at once conflict there, so numbers follow commit order, and that write is the first event of the transaction.
 *
 * <p>Without transactions a lock in the head document keeps writers apart, and the head moves when all is written. Who dies
 * in between leaves lines behind the head, which the next writer removes, and entries that no line speaks of, which are
 * then found like edits by hand: of a commit that nobody acknowledged, a part may come to be.
 */
final class Writer {

    private static final Logger log = LoggerFactory.getLogger(Writer.class);
    private static final Duration LOCK = Duration.ofSeconds(10);

    private final Deployment deployment;

    /** Sessions whose transactions may still be open, because the server could not be told to end them. */
    private final Set<BsonDocument> left = ConcurrentHashMap.newKeySet();

    /** Transactions of one process would only conflict with each other. */
    private final ReentrantLock turn = new ReentrantLock(true);

    /** The revisions of open transactions that others began. */
    private final Map<ClientSession, Revision> joined = new ConcurrentHashMap<>();

    Writer(Deployment deployment) {
        this.deployment = deployment;
    }

    /** What is to become of a revision once its number is known; null to have none. */
    @FunctionalInterface
    interface Work<T> {
        T run(Revision revision);
    }

    /** The next revision. */
    static final class Revision {
        final Deployment deployment;
        final ClientSession session;
        final long number;
        final Instant at;
        final String id;
        private final List<WriteModel<Document>> entries = new ArrayList<>();
        private final List<Document> lines = new ArrayList<>();
        private @Nullable Document operation;

        /** How many lines it has already. */
        private int stored;

        private Revision(Deployment deployment, ClientSession session, long number, String id, Instant at) {
            this.deployment = deployment;
            this.session = session;
            this.number = number;
            this.id = id;
            this.at = at;
        }

        /** Makes its lines; MongoDB keeps milliseconds. */
        Changes changes(@Nullable String author, @Nullable String comment) {
            return new Changes(number, at, ChronoUnit.MILLIS, author, comment);
        }

        /** The number of the line that is added next. */
        long nextLine() {
            return Lines.firstLine(number) + stored + lines.size();
        }

        /** Logs the change and makes it; does nothing yet. */
        void add(LogEntry change) {
            lines.add(Lines.line(change, nextLine(), id));
            Bson key = Filters.eq("_id", Lines.id(change.namespace(), change.key()));
            entries.add(
                    change.entry() == null
                            ? new DeleteOneModel<>(key)
                            : new ReplaceOneModel<>(
                                    key, Lines.entry(change.entry()), new ReplaceOptions().upsert(true)));
        }

        void remember(Document newOperation) {
            operation = newOperation;
        }

        private void stored() {
            stored += lines.size();
            lines.clear();
            entries.clear();
            operation = null;
        }
    }

    /** Other writers were in the way for as long as there was time. */
    static final class BusyException extends StoreException {
        private static final long serialVersionUID = 1L;

        BusyException(String message, @Nullable Throwable cause) {
            super(message, true, cause);
        }
    }

    /** Runs the work until it is stored or fails for good. */
    <T> T write(Work<T> work) {
        return Objects.requireNonNull(writeIf(null, session -> true, deployment.timeout, work));
    }

    /**
     * The same, as long as there is something to do: nobody takes a turn of other processes for nothing.
     *
     * @param after a moment that it must see
     * @return null if there is nothing to do
     * @throws BusyException after the patience
     */
    <T> @Nullable T writeIf(
            @Nullable BsonTimestamp after, Predicate<ClientSession> needed, Duration patience, Work<T> work) {
        long end = System.nanoTime() + patience.toNanos();
        for (int attempt = 1; ; attempt++) {
            takeTurn(end);
            try (ClientSession session = deployment.client.startSession()) {
                session.advanceOperationTime(after);
                boolean replicated = deployment.replicated();
                endLeft();
                if (!needed.test(session)) {
                    return null;
                }
                return replicated ? transaction(session, work) : locked(session, work);
            } catch (MongoException e) {
                long pause = (long) (ThreadLocalRandom.current().nextDouble(0.5, 1.5) * (2L << Math.min(attempt, 5)));
                boolean late = end - System.nanoTime() <= pause * 1_000_000;
                if (late && Failures.isContention(e)) {
                    throw new BusyException("Cannot write: other writers were in the way all the time", e);
                }
                if (late || !Failures.isWorthRepeating(e)) {
                    throw e;
                }
                pause(pause);
            } finally {
                turn.unlock();
            }
        }
    }

    /**
     * Runs the parts one after the other in a transaction that goes on afterwards; all that is added to it has one revision.
     * Nothing is repeated: what fails on the server has ended the transaction.
     *
     * @param joining without a deadline of its own
     * @param ended calls what it is given when the transaction is over
     */
    <T> T join(Deployment joining, ClientSession session, Consumer<Runnable> ended, Work<?> first, Work<T> last) {
        takeTurn(System.nanoTime() + deployment.timeout.toNanos());
        try {
            Revision revision = joined.get(session);
            if (revision == null) {
                revision = next(joining, session, joining.headOf(session));
                joined.put(session, revision);
                ended.accept(() -> joined.remove(session));
            }
            first.run(revision);
            storeJoined(revision);
            T result = last.run(revision);
            storeJoined(revision);
            return result;
        } finally {
            turn.unlock();
        }
    }

    private static void storeJoined(Revision revision) {
        if (revision.stored == 0 && !revision.lines.isEmpty()) {
            revision.deployment.head.updateOne(
                    revision.session,
                    Deployment.HEAD,
                    Updates.combine(
                            Updates.set("revision", revision.number),
                            Updates.set("revisionId", revision.id),
                            Updates.set("at", Date.from(revision.at))));
        }
        store(revision);
    }

    private static Revision next(Deployment deployment, ClientSession session, Document head) {
        long number = Lines.number(head, "revision") + 1;
        return new Revision(
                deployment,
                session,
                number,
                new ObjectId().toHexString(),
                head.getDate("now").toInstant());
    }

    private <T> T transaction(ClientSession session, Work<T> work) {
        try {
            return tryTransaction(session, work);
        } catch (MongoException e) {
            if (Failures.isUnanswered(e)) {
                left.add(session.getServerSession().getIdentifier());
            }
            throw e;
        }
    }

    /** Otherwise every writer would have to wait until the server ends them, a minute by default. */
    private void endLeft() {
        List<BsonDocument> sessions = List.copyOf(left);
        if (sessions.isEmpty()) {
            return;
        }
        try {
            deployment.database.runCommand(new Document("killSessions", sessions));
        } catch (MongoCommandException e) {
            log.debug("The server ends the transactions of lost connections by itself, later", e);
        }
        left.removeAll(sessions);
    }

    private <T> T tryTransaction(ClientSession session, Work<T> work) {
        session.startTransaction(deployment.transaction());
        String id = new ObjectId().toHexString();
        Bson next =
                Updates.combine(Updates.inc("revision", 1L), Updates.set("revisionId", id), Updates.currentDate("at"));
        Document head = deployment.head.findOneAndUpdate(
                session, Deployment.HEAD, next, new FindOneAndUpdateOptions().returnDocument(ReturnDocument.AFTER));
        if (head == null) {
            throw deployment.missingHead();
        }
        Revision revision = new Revision(deployment, session, Lines.number(head, "revision"), id, Lines.at(head));
        T result = work.run(revision);
        if (revision.lines.isEmpty()) {
            session.abortTransaction();
            // What was read in it is certain when a majority has it: what was applied until now, and that it is read
            // then.
            deployment.database.runCommand(session, new Document("ping", 1));
            deployment.headOf(session);
            return result;
        }
        store(revision);
        session.commitTransaction();
        return result;
    }

    private <T> T locked(ClientSession session, Work<T> work) {
        Instant now = deployment.moment(session).time();
        Date until = Date.from(now.plus(LOCK));
        Bson free = Filters.and(
                Deployment.HEAD,
                Filters.or(Filters.eq("lockedUntil", null), Filters.lt("lockedUntil", Date.from(now))));
        Document head = deployment.head.findOneAndUpdate(
                session,
                free,
                Updates.set("lockedUntil", until),
                new FindOneAndUpdateOptions().returnDocument(ReturnDocument.AFTER));
        if (head == null) {
            deployment.headOf(session);
            throw new MongoException(112, "another writer holds the lock");
        }
        Bson mine = Filters.and(Deployment.HEAD, Filters.eq("lockedUntil", until));
        Revision revision = next(deployment, session, head.append("now", Date.from(now)));
        try {
            deployment.log.deleteMany(session, Filters.gte("_id", Lines.firstLine(revision.number)));
            T result = work.run(revision);
            Bson done = Updates.unset("lockedUntil");
            if (!revision.lines.isEmpty()) {
                store(revision);
                done = Updates.combine(
                        done,
                        Updates.set("revision", revision.number),
                        Updates.set("revisionId", revision.id),
                        Updates.set("at", Date.from(revision.at)));
            }
            if (deployment.head.updateOne(session, mine, done).getMatchedCount() == 0) {
                throw new StoreException("Writing took so long that another writer took over", true, null);
            }
            return result;
        } catch (RuntimeException e) {
            deployment.head.updateOne(session, mine, Updates.unset("lockedUntil"));
            throw e;
        }
    }

    private static void store(Revision revision) {
        if (revision.lines.isEmpty()) {
            return;
        }
        Deployment deployment = revision.deployment;
        deployment.log.insertMany(revision.session, revision.lines);
        deployment.entries.bulkWrite(revision.session, revision.entries);
        if (revision.operation != null) {
            deployment.operations.replaceOne(
                    revision.session,
                    Filters.eq("_id", revision.operation.get("_id")),
                    revision.operation,
                    new ReplaceOptions().upsert(true));
        }
        revision.stored();
    }

    private void takeTurn(long end) {
        try {
            if (turn.tryLock(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException("Interrupted while waiting to write", true, e);
        }
        throw new BusyException("Cannot write: other writes of this process took all the time", null);
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException("Interrupted while waiting to repeat a write", true, e);
        }
    }
}
