// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.LogEntry;
import io.configmanager.store.PositionLostException.Reason;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** What a feed that reads a log proves with each read: that its position still stands, and that nothing is missing. */
public final class LogProof {

    private LogProof() {}

    /**
     * That the log goes on from a position.
     *
     * @param position the last revision that was seen
     * @param head the newest revision of the store
     * @param compacted the newest revision whose successor may be forgotten
     * @param sameRevision whether the store's revision of that number is the one that was seen
     * @throws PositionLostException if it does not
     */
    public static void requireContinuation(
            long position, boolean sameLineage, long head, long compacted, boolean sameRevision) {
        if (!sameLineage) {
            throw new PositionLostException(Reason.HISTORY_REPLACED, "The store has another lineage than the position");
        }
        if (head < position) {
            throw new PositionLostException(
                    Reason.HISTORY_REPLACED,
                    "The store is at revision " + head + ", before the position's " + position);
        }
        if (position < compacted) {
            throw new PositionLostException(
                    Reason.COMPACTED,
                    "Changes after revision " + position + " are kept from " + compacted + " on only");
        }
        if (!sameRevision) {
            throw new PositionLostException(
                    Reason.HISTORY_REPLACED, "Revision " + position + " is not the one that the position has seen");
        }
    }

    /**
     * That no revision is missing.
     *
     * @throws PositionLostException if what was found is not what comes next
     */
    public static void requireNoGap(long found, long expected) {
        if (found != expected) {
            throw new PositionLostException(
                    Reason.HISTORY_REPLACED,
                    "The log has no revision " + Math.min(found, expected) + ": it was changed by hand");
        }
    }

    /** Lines of whole revisions, in their order, as change sets. */
    public static final class Collector {

        private final List<ChangeSet> changeSets = new ArrayList<>();
        private final List<LogEntry> changes = new ArrayList<>();
        private Instant committedAt = Instant.EPOCH;
        private long revision;

        /** @param position the revision before the first line's */
        public Collector(long position) {
            revision = position;
        }

        /** @throws PositionLostException if the line is neither of the same revision as the last nor of the next */
        public void add(LogEntry change, Instant at) {
            if (changes.isEmpty() || change.revision() != revision) {
                requireNoGap(change.revision(), revision + 1);
                close();
                revision = change.revision();
            }
            committedAt = at;
            changes.add(change);
        }

        /** What was added. */
        public List<ChangeSet> changeSets() {
            close();
            return List.copyOf(changeSets);
        }

        private void close() {
            if (!changes.isEmpty()) {
                changeSets.add(new ChangeSet(revision, committedAt, List.copyOf(changes)));
                changes.clear();
            }
        }
    }
}
