// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.History.Commit;
import io.configmanager.samples.robustness.History.Era;
import io.configmanager.samples.robustness.History.Place;
import io.configmanager.samples.robustness.History.State;
import io.configmanager.samples.robustness.Records.Line;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Judges what became of writes that may be queued: what they were told, what was committed, what is left in outboxes. */
final class QueueCheck {

    /** Until then the server may still do what it was asked before the write was queued. */
    private static final long IN_FLIGHT = TimeUnit.SECONDS.toNanos(3);

    /** Whoever was answered so soon had no request on a link on which nothing passes. */
    private static final long AT_ONCE = TimeUnit.MILLISECONDS.toNanos(500);

    /** How exactly a commit's time is known. */
    private static final long CLOCKS_APART = TimeUnit.MILLISECONDS.toNanos(100);

    private static final Set<String> CERTAIN_EFFECT = Set.of("SET", "SET_IF", "DELETE_IF", "COMMIT", "OVERWRITE");

    /** What became of a write that may be stored; the empty one was queued and is not in the outbox any more. */
    private static final Set<String> MAY_BE_STORED = Set.of("", "APPLIED", "PENDING", "unknown");

    private final History history;
    private final Timeline timeline;
    private final Findings findings;
    private final List<Write> writes = new ArrayList<>();

    /** What is left in outboxes, and why, by operation id. */
    private final Map<String, String> left = new HashMap<>();

    /** The clients that said in the end what their outbox held. */
    private final Set<String> told = new HashSet<>();

    /** A write that was answered; it is the client's, whichever of its processes did it. */
    private record Write(String client, Line line) {

        long start() {
            return line.number(1);
        }

        long end() {
            return line.number(2);
        }

        String tag() {
            return line.text(3);
        }

        String kind() {
            return line.text(4);
        }

        String outcome() {
            return line.text(7);
        }

        String id() {
            return line.text(8);
        }

        boolean acknowledged() {
            return queued() || outcome().equals("APPLIED");
        }

        boolean queued() {
            return outcome().equals("QUEUED");
        }

        /** The version that it expected; −1 if it did not say. */
        long expected() {
            return line.number(10);
        }

        /** The version that it was told a key will have if nobody else changes it, or has; −1 if it was told none. */
        long version(String key) {
            for (String item : line.items(11)) {
                if (item.startsWith(key + ':')) {
                    return Long.parseLong(item.substring(key.length() + 1));
                }
            }
            return -1;
        }
    }

    QueueCheck(History history, Timeline timeline, Findings findings, Map<String, List<Line>> clients) {
        this.history = history;
        this.timeline = timeline;
        this.findings = findings;
        clients.forEach((name, lines) -> {
            String client = name.substring(0, name.indexOf('.'));
            for (Line line : lines) {
                switch (line.kind()) {
                    case "J" -> writes.add(new Write(client, line));
                    case "P" -> left.put(line.text(2), line.text(3));
                    case "R" -> drained(client, line);
                    default -> {}
                }
            }
        });
        writes.sort(Comparator.comparingLong(Write::end));
    }

    private void drained(String client, Line line) {
        told.add(client);
        findings.judged(Invariant.I13);
        if (line.number(2) > 0) {
            findings.violated(
                    Invariant.I13,
                    "client " + client + ": " + line.text(2) + " queued writes are still pending in the end");
        }
    }

    void check() {
        inherited();
        for (Write write : writes) {
            List<Place> places = history.places(write.tag());
            findings.count("writes with an outbox " + write.outcome());
            if (write.queued()) {
                findings.count("queued writes "
                        + left.getOrDefault(write.id(), places.isEmpty() ? "without effect" : "applied"));
            }
            refused(write, places);
            if (write.acknowledged()) {
                durable(write, places);
                places.forEach(place -> base(write, place));
            }
        }
        inOrder();
    }

    /** What a restore left in place is not done again. */
    private void inherited() {
        for (String tag : history.tags()) {
            if (!tag.startsWith("op:" + Plan.QUEUE)) {
                continue;
            }
            findings.judged(Invariant.I9);
            List<Place> places = history.places(tag);
            for (Place later : places) {
                for (Place earlier : places) {
                    if (later.era().inherits(earlier.era(), earlier.revision())) {
                        findings.violated(
                                Invariant.I9,
                                tag + " had its effect at " + earlier.revision() + ", and in the history that followed"
                                        + " again at " + later.revision());
                    }
                }
            }
        }
    }

    private void refused(Write write, List<Place> places) {
        String state = write.queued() ? left.getOrDefault(write.id(), "") : write.outcome();
        if (MAY_BE_STORED.contains(state)) {
            return;
        }
        findings.judged(Invariant.I9);
        for (Place place : places) {
            long committed = committed(place);
            boolean surely = write.queued()
                    ? committed > write.end() + IN_FLIGHT || isKnownToTheStore(write, committed)
                    : isAlone(write);
            if (surely && !replaced(write.start(), committed) && !takenBack(place)) {
                violated(Invariant.I9, write, "is " + state + " but had an effect at " + place.revision());
            }
        }
    }

    /** Whether a restore took it away again: then it may have been refused afterwards. */
    private boolean takenBack(Place place) {
        return history.eras().stream()
                .anyMatch(later -> later.index > place.era().index && !later.inherits(place.era(), place.revision()));
    }

    /**
     * Whether the store had been asked for it before it was asked again, and so has to say that it was done. It is not asked if
     * an earlier write of the client was queued meanwhile.
     */
    private boolean isKnownToTheStore(Write write, long committed) {
        return (write.end() - write.start() < AT_ONCE || committed < write.end() - CLOCKS_APART) && isAlone(write);
    }

    /** Whether its client did nothing else at that time that may have been queued before it. */
    private boolean isAlone(Write write) {
        return writes.stream()
                .noneMatch(other -> other != write
                        && other.client().equals(write.client())
                        && other.start() < write.end()
                        && other.end() > write.start());
    }

    private void durable(Write write, List<Place> places) {
        if (write.queued() && !told.contains(write.client())) {
            return;
        }
        findings.judged(Invariant.I11);
        if (places.isEmpty() && CERTAIN_EFFECT.contains(write.kind()) && !left.containsKey(write.id())) {
            violated(Invariant.I11, write, "is neither stored nor in the outbox");
        }
        long revision = write.line().number(9);
        if (!write.queued() && !places.isEmpty() && places.stream().noneMatch(place -> place.revision() == revision)) {
            violated(Invariant.I11, write, "was told revision " + revision + ", but the log has " + places);
        }
    }

    /** A write that does not overwrite replaced what its client knew, or what it had queued itself. */
    private void base(Write write, Place place) {
        Era era = place.era();
        long committed = committed(place);
        boolean surelyReplayed = write.queued()
                && committed > write.end() + IN_FLIGHT
                && write.end() - write.start() < AT_ONCE
                && write.version(place.key()) > 0;
        if (write.kind().equals("OVERWRITE")
                || (write.expected() < 0 && !surelyReplayed)
                || replaced(write.start(), committed)) {
            return;
        }
        findings.judged(Invariant.I8);
        long base = write.expected() >= 0 ? write.expected() : write.version(place.key()) - 1;
        State before = era.state(place.namespace(), place.key(), place.revision() - 1);
        if (before.version() != base && !isOwn(write, place)) {
            violated(
                    Invariant.I8,
                    write,
                    "was based on version " + base + " of " + place.key() + " and replaced " + before.version()
                            + " at revision " + place.revision());
        }
    }

    /** Whether the version before was written by the same client, perhaps from its queue: then that one is the base. */
    private boolean isOwn(Write write, Place place) {
        NavigableMap<Long, State> states = place.era().states().get(History.id(place.namespace(), place.key()));
        Long before = states == null ? null : states.lowerKey(place.revision());
        Commit commit = before == null ? null : place.era().commits.get(before);
        return commit != null
                && commit.tags().stream().anyMatch(tag -> tag.startsWith("op:" + Plan.QUEUE + write.client() + '.'));
    }

    /** What one client wrote to one key, one after the other, was committed in this order. */
    private void inOrder() {
        record Lane(String client, int era, String id) {}
        // By lane: the highest revision of what had been acknowledged by then.
        Map<Lane, TreeMap<Long, Long>> highest = new HashMap<>();
        List<Runnable> judgements = new ArrayList<>();
        for (Write write : writes) {
            for (Place place : ordered(write)) {
                Lane lane = new Lane(write.client(), place.era().index, History.id(place.namespace(), place.key()));
                TreeMap<Long, Long> known = highest.computeIfAbsent(lane, l -> new TreeMap<>());
                long before = known.isEmpty() ? 0 : known.lastEntry().getValue();
                known.put(write.end(), Math.max(before, place.revision()));
                judgements.add(() -> inOrder(write, place, known.lowerEntry(write.start())));
            }
        }
        judgements.forEach(Runnable::run);
    }

    private void inOrder(Write write, Place place, Map.@Nullable Entry<Long, Long> earlier) {
        if (earlier != null) {
            findings.judged(Invariant.I9);
            if (earlier.getValue() > place.revision()) {
                violated(
                        Invariant.I9,
                        write,
                        "was applied at " + place.revision() + ", before an earlier write of " + place.key() + " at "
                                + earlier.getValue());
            }
        }
    }

    /** Where a write is that must be in order: acknowledged, not refused later, and made in the era that has it. */
    private List<Place> ordered(Write write) {
        if (!write.acknowledged() || left.containsKey(write.id())) {
            return List.of();
        }
        return history.places(write.tag()).stream()
                .filter(place -> !replaced(write.start(), committed(place)))
                .toList();
    }

    private long committed(Place place) {
        Commit commit = place.era().commits.get(place.revision());
        return commit == null ? Long.MAX_VALUE : timeline.monotonic(commit.micros());
    }

    /** Whether history was replaced in this time. */
    private boolean replaced(long from, long to) {
        for (Era era : history.eras()) {
            if (era.index > 0) {
                long began = timeline.monotonic(era.startMicros);
                if (began > from - Observed.SLACK && began < to + Observed.SLACK) {
                    return true;
                }
            }
        }
        return false;
    }

    private void violated(Invariant invariant, Write write, String how) {
        findings.violated(
                invariant, "client " + write.client() + ": " + write.tag() + ", told " + write.outcome() + ", " + how);
    }
}
