// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Everything that was committed, in order, and the clock of it. Guarded by the node's lock. */
final class Oplog {

    private final List<Entry> entries = new ArrayList<>();
    private BsonTimestamp now = new BsonTimestamp(Instant.now(), 1);
    private BsonTimestamp historyFrom = new BsonTimestamp(Instant.EPOCH, 0);
    private int lostEntries;

    /**
     * One event.
     *
     * @param change what happened to a document, or null for an event about a collection or database
     * @param transaction the fields that only events of transactions have, or null
     */
    record Entry(
            BsonTimestamp at,
            String token,
            String type,
            String db,
            String collection,
            Change change,
            Document transaction,
            Document renamedTo) {}

    BsonTimestamp now() {
        return now;
    }

    /** The next time; it only goes forward. */
    BsonTimestamp tick() {
        long second = Math.max(Instant.now().getEpochSecond(), now.getTime());
        int increment = second == now.getTime() ? now.getInc() + 1 : 1;
        now = new BsonTimestamp(Instant.ofEpochSecond(second), increment);
        return now;
    }

    int size() {
        return entries.size();
    }

    /** Events from this number on. */
    List<Entry> from(int number) {
        return entries.subList(number, entries.size());
    }

    List<Change> changesFrom(int number) {
        return from(number).stream()
                .map(Entry::change)
                .filter(change -> change != null)
                .toList();
    }

    void append(Entry entry) {
        entries.add(entry);
    }

    /** Forgets all that happened so far. */
    void truncate() {
        historyFrom = tick();
        lostEntries = entries.size();
    }

    boolean isLost(BsonTimestamp at) {
        return at.compareTo(historyFrom) < 0;
    }

    /** The number of the first event after the token, of those that can still be read or of all. */
    int after(String token, boolean ofAll) {
        int low = ofAll ? 0 : lostEntries;
        int high = entries.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (entries.get(middle).token().compareTo(token) > 0) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    boolean has(String token) {
        int next = after(token, false);
        return next > lostEntries && entries.get(next - 1).token().equals(token);
    }
}
