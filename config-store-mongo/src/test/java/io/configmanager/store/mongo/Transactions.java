// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import de.bwaldvogel.mongo.bson.Document;
import io.configmanager.store.mongo.Documents.Outcome;
import io.netty.channel.Channel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Open transactions. The documents are always what is committed: a command of a transaction sees them rolled back to its
 * start with its own writes on top, and what it writes is taken away again until the commit. Guarded by the node's lock.
 */
final class Transactions {

    private final Documents documents;
    private final Oplog oplog;
    private final Map<Object, Transaction> bySession = new LinkedHashMap<>();

    Transactions(Documents documents, Oplog oplog) {
        this.documents = documents;
        this.oplog = oplog;
    }

    private enum State {
        OPEN,
        COMMITTED,
        ABORTED
    }

    private static final class Transaction {
        final Object number;
        final int start;
        final boolean local;
        final List<Change> changes = new ArrayList<>();
        final long began = System.nanoTime();
        State state = State.OPEN;

        Transaction(Object number, int start, boolean local) {
            this.number = number;
            this.start = start;
            this.local = local;
        }
    }

    static boolean concerns(Document command) {
        return Boolean.FALSE.equals(command.get("autocommit"));
    }

    /** Runs a command inside the transaction that it names. */
    Document run(Channel channel, String db, Document command, Document plain) {
        boolean first = Boolean.TRUE.equals(command.get("startTransaction"));
        if (command.containsKey("writeConcern") || (!first && command.containsKey("readConcern"))) {
            return Errors.of(72, "InvalidOptions", "a concern is not allowed on a command in a transaction");
        }
        Object session = session(command);
        Transaction transaction = bySession.get(session);
        if (first) {
            abort(transaction);
            transaction = new Transaction(command.get("txnNumber"), oplog.size(), Documents.isLocal(command));
            bySession.put(session, transaction);
        }
        if (transaction == null
                || !transaction.number.equals(command.get("txnNumber"))
                || transaction.state != State.OPEN) {
            return Errors.noSuchTransaction();
        }
        List<Change> later = oplog.changesFrom(transaction.start);
        documents.undo(later);
        documents.apply(transaction.changes);
        Outcome outcome;
        if (transaction.local) {
            outcome = documents.runLocally(channel, db, plain);
        } else {
            outcome = documents.run(channel, db, plain);
            documents.undo(outcome.changes());
        }
        documents.undo(transaction.changes);
        documents.apply(later);
        if (conflicts(transaction, outcome.changes(), later)) {
            abort(transaction);
            return Errors.writeConflict();
        }
        if (Errors.is(outcome.reply()) || outcome.reply().containsKey("writeErrors")) {
            abort(transaction);
        } else {
            transaction.changes.addAll(outcome.changes());
        }
        return outcome.reply();
    }

    /** What the transaction did, to be made true by the caller; null if it cannot be committed. */
    List<Change> commit(Document command) {
        Transaction transaction = bySession.get(session(command));
        if (transaction == null
                || !transaction.number.equals(command.get("txnNumber"))
                || transaction.state == State.ABORTED) {
            return null;
        }
        // A repeated commit has nothing left to do.
        List<Change> changes = transaction.state == State.COMMITTED ? List.of() : transaction.changes;
        transaction.state = State.COMMITTED;
        return changes;
    }

    Document abort(Document command) {
        Transaction transaction = bySession.get(session(command));
        if (transaction == null
                || !transaction.number.equals(command.get("txnNumber"))
                || transaction.state != State.OPEN) {
            return Errors.noSuchTransaction();
        }
        abort(transaction);
        return new Document("ok", 1.0);
    }

    /** Aborts the transactions of sessions. */
    Document kill(Document command) {
        for (Object session : (List<?>) command.get("killSessions")) {
            abort(bySession.get(((Document) session).get("id")));
        }
        return new Document("ok", 1.0);
    }

    /** Aborts transactions that their clients have forgotten; true if there were any. */
    boolean abortOlderThan(long nanos) {
        List<Transaction> old = bySession.values().stream()
                .filter(each -> each.state == State.OPEN && System.nanoTime() - each.began > nanos)
                .toList();
        old.forEach(Transactions::abort);
        return !old.isEmpty();
    }

    /** Aborts every open transaction, as a server does that restarts. */
    void abortAll() {
        bySession.values().forEach(Transactions::abort);
    }

    /** Whether an open transaction has written one of these documents. */
    boolean hold(List<Change> changes) {
        return bySession.values().stream()
                .anyMatch(transaction -> transaction.state == State.OPEN && overlap(transaction.changes, changes));
    }

    private boolean conflicts(Transaction transaction, List<Change> changes, List<Change> later) {
        return overlap(later, changes)
                || bySession.values().stream()
                        .anyMatch(other ->
                                other != transaction && other.state == State.OPEN && overlap(other.changes, changes));
    }

    private static void abort(Transaction transaction) {
        if (transaction != null && transaction.state == State.OPEN) {
            transaction.state = State.ABORTED;
        }
    }

    private static boolean overlap(List<Change> some, List<Change> others) {
        return others.stream().anyMatch(change -> some.stream().anyMatch(change::sameDocument));
    }

    private static Object session(Document command) {
        return command.get("lsid") instanceof Document lsid ? lsid.get("id") : "";
    }
}
