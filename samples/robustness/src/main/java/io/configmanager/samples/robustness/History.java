// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.Records.Line;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The reference: what the server committed, in the order in which it did, cut into eras. A restore or a change of the lineage
 * begins a new one. Finds violations of I1 while it is built.
 */
final class History {

    /** A key after a revision. */
    record State(long version, long revision, String value, long expires) {

        static final State ABSENT = new State(0, 0, Texts.NONE, 0);

        boolean absent() {
            return version == 0;
        }

        boolean readable() {
            return !value.contains("broken");
        }

        /** As change sets are recorded. */
        String text() {
            return absent() ? Texts.NONE : version + ":" + value;
        }
    }

    /** One revision: when it was committed, when its log was written, who says to have done it, and what it changed. */
    record Commit(long revision, long micros, long loggedMicros, Set<String> tags, Set<String> keys) {}

    /** A piece of history in which revisions count up. */
    static final class Era {
        final int index;
        final long startMicros;
        final long baseRevision;

        /** What came before the base; null for the first era. */
        final @Nullable Era parent;

        /** The era with which the lineage began that this one has. */
        final int lineage;

        final NavigableMap<Long, Commit> commits = new TreeMap<>();
        private final Map<String, NavigableMap<Long, State>> states = new HashMap<>();
        private final Map<String, TreeMap<Long, Long>> sums = new HashMap<>();
        long lastRevision;

        Era(int index, long startMicros, long baseRevision, @Nullable Era parent, boolean newLineage) {
            this.index = index;
            this.parent = parent;
            this.lineage = parent == null || newLineage ? index : parent.lineage;
            this.startMicros = startMicros;
            this.baseRevision = baseRevision;
            this.lastRevision = baseRevision;
        }

        State state(String namespace, String key, long revision) {
            NavigableMap<Long, State> known = states.get(id(namespace, key));
            Map.Entry<Long, State> entry = known == null ? null : known.floorEntry(revision);
            return entry == null ? State.ABSENT : entry.getValue();
        }

        /** Whether a key had a readable value of this version, up to a revision, since the lineage began. */
        boolean hadReadable(String namespace, String key, long version, long revision) {
            NavigableMap<Long, State> known = states.getOrDefault(id(namespace, key), new TreeMap<>());
            return known.headMap(revision, true).values().stream()
                            .anyMatch(state -> state.version() == version && state.readable())
                    || (parent != null
                            && parent.lineage == lineage
                            && parent.hadReadable(namespace, key, version, Math.min(revision, baseRevision)));
        }

        /** The digest of all plain keys of a namespace. */
        long sum(String namespace, long revision) {
            TreeMap<Long, Long> known = sums.get(namespace);
            Map.Entry<Long, Long> entry = known == null ? null : known.floorEntry(revision);
            return entry == null ? 0 : entry.getValue();
        }

        /** Whether a position of another era is one of this era as well: the same revision of the same lineage. */
        boolean continues(Era other, long revision) {
            return lineage == other.lineage && owner(this, revision) == owner(other, revision);
        }

        private static Era owner(Era era, long revision) {
            Era owner = era;
            while (owner.parent != null && revision <= owner.baseRevision) {
                owner = owner.parent;
            }
            return owner;
        }

        /** Whether what another era had at a revision came into this one by a restore or a change of the lineage. */
        boolean inherits(Era other, long revision) {
            long limit = Long.MAX_VALUE;
            for (Era era = this; era.parent != null; era = era.parent) {
                limit = Math.min(limit, era.baseRevision);
                if (era.parent == other) {
                    return revision <= limit;
                }
            }
            return false;
        }

        boolean covers(long revision) {
            return revision >= baseRevision && revision <= lastRevision;
        }

        /** The keys of a namespace that are different after the revision than before it. */
        Set<String> changed(String namespace, long revision) {
            Set<String> changed = new TreeSet<>();
            Commit commit = commits.get(revision);
            if (commit != null) {
                for (String id : commit.keys()) {
                    String key = id.substring(id.indexOf('|') + 1);
                    if (id.equals(id(namespace, key))
                            && !state(namespace, key, revision)
                                    .text()
                                    .equals(state(namespace, key, revision - 1).text())) {
                        changed.add(key);
                    }
                }
            }
            return changed;
        }

        Map<String, NavigableMap<Long, State>> states() {
            return states;
        }

        private void put(String namespace, String key, long revision, State state) {
            NavigableMap<Long, State> known = states.computeIfAbsent(id(namespace, key), id -> new TreeMap<>());
            State before = known.isEmpty() ? State.ABSENT : known.lastEntry().getValue();
            known.put(revision, state);
            if (Keys.isPlain(key)) {
                TreeMap<Long, Long> all = sums.computeIfAbsent(namespace, name -> new TreeMap<>());
                long sum = all.isEmpty() ? 0 : all.lastEntry().getValue();
                all.put(revision, sum - digest(key, before) + digest(key, state));
            }
        }

        private static long digest(String key, State state) {
            return state.absent() ? 0 : Texts.digest(key, state.version(), state.revision(), state.value());
        }
    }

    /** Where a tag is found in the log. */
    record Place(Era era, long revision, String namespace, String key, long version) {}

    private final List<Era> eras = new ArrayList<>();
    private final Map<String, List<Place>> places = new HashMap<>();
    private final Map<Long, Era> dumped = new HashMap<>();
    private final Set<String> unlogged = new HashSet<>();
    private final List<long[]> compactions = new ArrayList<>();
    private final Findings findings;
    private final boolean ordered;

    History(List<Line> archive, boolean ordered, Findings findings) {
        this.findings = findings;
        this.ordered = ordered;
        build(archive);
    }

    static String id(String namespace, String key) {
        return namespace + '|' + key;
    }

    List<Era> eras() {
        return eras;
    }

    Era last() {
        return eras.get(eras.size() - 1);
    }

    List<Place> places(String tag) {
        return places.getOrDefault(tag, List.of());
    }

    Set<String> tags() {
        return places.keySet();
    }

    /** Whether what this tag did by hand was replaced, also by hand, before anybody could log it. */
    boolean isReplacedUnlogged(String tag) {
        return unlogged.contains(tag);
    }

    /** Whether something had been forgotten by then. */
    boolean compactedBefore(long micros) {
        return compactions.stream().anyMatch(compaction -> compaction[0] <= micros);
    }

    int compactions() {
        return compactions.size();
    }

    /** What one transaction left in the archive. */
    private static final class Transaction {
        final long micros;
        final List<Line> logged = new ArrayList<>();
        final List<Line> changed = new ArrayList<>();
        final List<Line> events = new ArrayList<>();

        Transaction(long micros) {
            this.micros = micros;
        }

        long revision() {
            return logged.isEmpty() ? 0 : logged.get(0).number(3);
        }
    }

    private void build(List<Line> archive) {
        Map<String, Transaction> transactions = new LinkedHashMap<>();
        Map<String, List<Line>> bases = new HashMap<>();
        Map<String, Line> table = new TreeMap<>();
        for (Line line : archive) {
            switch (line.kind()) {
                case "E" -> transaction(transactions, line).changed.add(line);
                case "L" -> transaction(transactions, line).logged.add(line);
                case "H" -> transaction(transactions, line).events.add(line);
                case "B" ->
                    bases.computeIfAbsent(line.text(1), xid -> new ArrayList<>())
                            .add(line);
                case "F" -> table.put(id(line.text(1), line.text(2)), line);
                case "U" -> unlogged.add(line.text(1));
                default -> {}
            }
        }
        eras.add(new Era(0, Long.MIN_VALUE, 0, null, true));
        List<Map.Entry<String, Transaction>> sorted = new ArrayList<>(transactions.entrySet());
        sorted.sort(Comparator.comparingLong((Map.Entry<String, Transaction> t) -> t.getValue().micros)
                .thenComparingLong(t -> t.getValue().revision()));
        for (Map.Entry<String, Transaction> each : sorted) {
            Transaction transaction = each.getValue();
            for (Line event : transaction.events) {
                take(event, transaction.micros, bases.getOrDefault(each.getKey(), List.of()));
            }
            if (!transaction.logged.isEmpty() || !transaction.changed.isEmpty()) {
                take(each.getKey(), transaction);
            }
        }
        if (!table.isEmpty()) {
            requireSameAtTheEnd(table);
        }
    }

    /** Whatever was done to the table, and by whom, is in the log in the end. */
    private void requireSameAtTheEnd(Map<String, Line> table) {
        findings.judged(Invariant.I1);
        Set<String> ids = new TreeSet<>(table.keySet());
        ids.addAll(last().states.keySet());
        for (String id : ids) {
            Line row = table.get(id);
            State state = last().state(
                            id.substring(0, id.indexOf('|')), id.substring(id.indexOf('|') + 1), last().lastRevision);
            boolean same = row == null
                    ? state.absent()
                    : row.number(3) == state.version()
                            && row.text(4).equals(state.value())
                            && row.number(5) == state.expires();
            if (!same) {
                findings.violated(
                        Invariant.I1,
                        "in the end the table has " + (row == null ? "nothing" : row.fields()) + " for " + id
                                + ", but the log says " + state);
            }
        }
    }

    private static Transaction transaction(Map<String, Transaction> all, Line line) {
        return all.computeIfAbsent(line.text(2), xid -> new Transaction(line.number(1)));
    }

    private void take(Line event, long micros, List<Line> base) {
        long revision = event.number(4);
        switch (event.text(3)) {
            case "compact" -> compactions.add(new long[] {micros, revision});
            case "dump" -> dumped.put(event.number(5), last());
            case "lineage" -> {
                Era before = last();
                Era era = new Era(eras.size(), micros, before.lastRevision, before, true);
                before.states.forEach((id, known) -> {
                    State state = known.lastEntry().getValue();
                    era.put(
                            id.substring(0, id.indexOf('|')),
                            id.substring(id.indexOf('|') + 1),
                            era.baseRevision,
                            state);
                });
                eras.add(era);
            }
            case "restore" -> {
                Era era = new Era(eras.size(), micros, revision, dumped.get(event.number(5)), false);
                for (Line row : base) {
                    State state = new State(row.number(4), row.number(5), row.text(6), row.number(7));
                    era.put(row.text(2), row.text(3), revision, state);
                }
                eras.add(era);
            }
            default -> throw new IllegalArgumentException(event.text(3));
        }
    }

    private void take(String xid, Transaction transaction) {
        Era era = last();
        findings.judged(Invariant.I1);
        long revision = transaction.revision();
        if (transaction.logged.stream().anyMatch(row -> row.number(3) != revision)) {
            findings.violated(Invariant.I1, "transaction " + xid + " has several revisions, one of them " + revision);
        }
        Map<String, Line> logged = new TreeMap<>();
        Set<String> tags = new TreeSet<>();
        for (Line row : transaction.logged) {
            logged.merge(id(row.text(5), row.text(6)), row, (a, b) -> a.number(7) > b.number(7) ? a : b);
            tags.add(row.text(11));
            if (row.text(11).startsWith("found by the audit")) {
                findings.violated(
                        Invariant.I1, "the audit found that the table and the log differ, revision " + revision);
            }
        }
        requireSame(xid, transaction.changed, logged);
        if (transaction.logged.isEmpty()) {
            return;
        }
        if (ordered && revision <= era.lastRevision) {
            findings.violated(
                    Invariant.I1, "revision " + revision + " was committed after revision " + era.lastRevision);
        } else if (ordered && revision != era.lastRevision + 1) {
            findings.violated(
                    Invariant.I1,
                    "revision " + revision + " was committed after revision " + era.lastRevision
                            + ", so there is a gap");
        }
        era.lastRevision = Math.max(era.lastRevision, revision);
        for (Line row : logged.values()) {
            State state = row.text(4).equals("P")
                    ? new State(row.number(7), revision, row.text(8), row.number(9))
                    : State.ABSENT;
            era.put(row.text(5), row.text(6), revision, state);
        }
        Line first = transaction.logged.get(0);
        era.commits.put(revision, new Commit(revision, transaction.micros, first.number(10), tags, logged.keySet()));
        // Also what the same revision changed again.
        for (Line row : transaction.logged) {
            places.computeIfAbsent(row.text(11), tag -> new ArrayList<>())
                    .add(new Place(era, revision, row.text(5), row.text(6), row.number(7)));
        }
    }

    /** What the transaction did to the table is what it wrote to the log. */
    private void requireSame(String xid, List<Line> changed, Map<String, Line> logged) {
        Map<String, Line> effects = new TreeMap<>();
        changed.forEach(row -> effects.put(id(row.text(4), row.text(5)), row));
        Set<String> keys = new TreeSet<>(effects.keySet());
        keys.addAll(logged.keySet());
        for (String key : keys) {
            String effect = effect(effects.get(key), 3, 6);
            String log = effect(logged.get(key), 4, 7);
            if (!effect.equals(log)) {
                findings.violated(
                        Invariant.I1, "transaction " + xid + " did to " + key + ": " + effect + ", but logged: " + log);
            }
        }
    }

    private static String effect(@Nullable Line row, int op, int version) {
        if (row == null) {
            return "nothing";
        }
        return row.text(op).equals("P")
                ? "version " + row.text(version) + ", value " + row.text(version + 1) + ", until "
                        + row.text(version + 2)
                : "deletion";
    }
}
