// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.History.Commit;
import io.configmanager.samples.robustness.History.Era;
import io.configmanager.samples.robustness.History.Place;
import io.configmanager.samples.robustness.History.State;
import io.configmanager.samples.robustness.Records.Line;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;

/** Judges what writers were told against what was committed (I8, I9, I10, I11). */
final class OperationCheck {

    private static final Set<String> WITHOUT_EFFECT =
            Set.of("conflict", "refused", "nothing", "rolled-back", "failed", "read");

    /** Statements that change something whatever there is. */
    private static final Set<String> CERTAIN_EFFECT =
            Set.of("PUT", "REPLACE", "TYPED", "PAIR", "PAIR_OF_TWO_NAMESPACES", "IDLE", "EXPIRE");

    private final History history;
    private final Findings findings;

    /** When the writer of a tag knew that it was committed. */
    private final Map<String, Long> acknowledged = new HashMap<>();

    /** By era: until when the highest revision had been acknowledged. */
    private final Map<Integer, TreeMap<Long, Long>> highest = new HashMap<>();

    OperationCheck(History history, Findings findings) {
        this.history = history;
        this.findings = findings;
    }

    Map<String, Long> acknowledged() {
        return acknowledged;
    }

    void checkLog() {
        for (String tag : history.tags()) {
            if (!tag.startsWith("op:")) {
                continue;
            }
            findings.judged(Invariant.I9);
            Map<Integer, Set<Long>> byEra = new HashMap<>();
            for (Place place : history.places(tag)) {
                byEra.computeIfAbsent(place.era().index, era -> new HashSet<>()).add(place.revision());
            }
            byEra.forEach((era, revisions) -> {
                if (revisions.size() > 1) {
                    findings.violated(Invariant.I9, tag + " had its effect in each of the revisions " + revisions);
                }
            });
        }
        for (Era era : history.eras()) {
            era.states().forEach((id, states) -> {
                if (Keys.isCounter(id.substring(id.indexOf('|') + 1))) {
                    counter(id, states);
                }
            });
        }
    }

    /** Every writer added one to what it had seen, on condition that it still was so. */
    private void counter(String id, NavigableMap<Long, State> states) {
        State before = null;
        for (State state : states.values()) {
            findings.judged(Invariant.I8);
            if (before != null && !state.absent() && state.revision() != before.revision()) {
                long previous = before.absent() ? 0 : Long.parseLong(before.value());
                if (Long.parseLong(state.value()) != previous + 1) {
                    findings.violated(
                            Invariant.I8,
                            "counter " + id + " went from " + previous + " to " + state.value() + " at revision "
                                    + state.revision());
                }
            }
            before = state;
        }
    }

    /** Notes all acknowledgements first: a check of one client needs those of the others. */
    void collect(List<Line> lines) {
        for (Line line : lines) {
            boolean call = line.kind().equals("O") && line.text(7).equals("ok");
            // What was done by hand without triggers has no revision when it is acknowledged.
            boolean statement = line.kind().equals("Q")
                    && line.text(6).equals("ok")
                    && !line.text(3).startsWith("op:" + Plan.HAND);
            if (!call && !statement) {
                continue;
            }
            String tag = line.text(call ? 4 : 3);
            long moment = line.number(2);
            acknowledged.put(tag, moment);
            for (Place place : history.places(tag)) {
                TreeMap<Long, Long> known = highest.computeIfAbsent(place.era().index, era -> new TreeMap<>());
                known.merge(moment, place.revision(), Math::max);
            }
        }
    }

    void check(Observed client) {
        for (Line line : client.lines) {
            switch (line.kind()) {
                case "O" -> call(client, line);
                case "Y" -> sync(client, line);
                default -> {}
            }
        }
    }

    void checkStatements(List<Line> run, Timeline timeline) {
        for (Line line : run) {
            if (line.kind().equals("Q")) {
                findings.count("statements " + line.text(6));
                effects("by hand", line.text(3), line.text(6), replaced(timeline, line.number(1), line.number(2)));
                boolean changes =
                        CERTAIN_EFFECT.contains(line.text(4)) && line.text(6).equals("ok");
                if (changes) {
                    findings.judged(Invariant.I11);
                }
                if (changes && history.places(line.text(3)).isEmpty() && !history.isReplacedUnlogged(line.text(3))) {
                    findings.violated(Invariant.I11, "by hand: " + line.text(3) + " was acknowledged but not stored");
                }
            }
        }
    }

    private void call(Observed client, Line line) {
        String tag = line.text(4);
        String outcome = line.text(7);
        findings.count("calls " + outcome);
        boolean replaced = replaced(client.timeline, line.number(1), line.number(2));
        effects("client " + client.name, tag, outcome, replaced);
        if (!outcome.equals("ok")) {
            return;
        }
        List<Place> places = history.places(tag);
        boolean maybeNothing = line.text(5).equals("DELETE_PAIR");
        findings.judged(Invariant.I11);
        if (places.isEmpty() && !maybeNothing) {
            client.violated(Invariant.I11, tag + " was acknowledged at revision " + line.text(8) + " but not stored");
            return;
        }
        stored(client, line, tag, places);
        if (line.number(10) >= 0) {
            condition(client, line, places);
        }
        Era era = places.isEmpty()
                ? history.last()
                : places.get(places.size() - 1).era();
        if (client.isIn(era, line.text(6), line.number(1)) && !client.unsettled(line.number(1), line.number(3))) {
            ownReads(client, line, places);
        }
    }

    private void effects(String who, String tag, String outcome, boolean replaced) {
        findings.judged(Invariant.I9);
        if (WITHOUT_EFFECT.contains(outcome)
                && !replaced
                && !history.places(tag).isEmpty()) {
            findings.violated(Invariant.I9, who + ": " + tag + " was " + outcome + " but had an effect");
        }
    }

    private static void stored(Observed client, Line line, String tag, List<Place> places) {
        long revision = line.number(8);
        for (String item : line.items(9)) {
            String key = item.substring(0, item.indexOf(':'));
            long version = Long.parseLong(item.substring(item.indexOf(':') + 1));
            boolean found = places.stream()
                    .anyMatch(place -> place.namespace().equals(line.text(6))
                            && place.key().equals(key)
                            && (revision == 0 || (place.revision() == revision && place.version() == version)));
            if (!found) {
                client.violated(
                        Invariant.I11,
                        tag + " was acknowledged with version " + version + " of " + key + " at revision " + revision
                                + ", but the log has " + places);
            }
        }
    }

    private void condition(Observed client, Line line, List<Place> places) {
        long expected = line.number(10);
        Place place = places.get(places.size() - 1);
        State before = place.era().state(place.namespace(), place.key(), place.revision() - 1);
        boolean base = place.revision() - 1 < place.era().baseRevision;
        findings.judged(Invariant.I8);
        if (!base && before.version() != expected) {
            client.violated(
                    Invariant.I8,
                    line.text(4) + " expected version " + expected + " of " + place.key()
                            + ", was accepted, and replaced " + before.version());
        }
    }

    private void ownReads(Observed client, Line line, List<Place> places) {
        boolean deleted = line.text(5).equals("DELETE");
        for (String item : line.items(11)) {
            String[] parts = item.split(":");
            if (parts.length < 3 || Keys.expires(parts[0])) {
                continue;
            }
            long revision = Long.parseLong(parts[2]);
            Place own = places.get(places.size() - 1);
            findings.judged(Invariant.I10);
            if (deleted) {
                if (revision > 0 && revision <= own.revision()) {
                    client.violated(
                            Invariant.I10,
                            line.text(4) + " deleted " + parts[0] + ", which was read as of " + revision);
                }
            } else if (revision == 0) {
                if (!deletedLater(client, own, parts[0], line.number(3))) {
                    client.violated(Invariant.I10, line.text(4) + " wrote " + parts[0] + ", which was read as absent");
                }
            } else if (revision < own.revision()) {
                client.violated(
                        Invariant.I10,
                        line.text(4) + " wrote " + parts[0] + " at " + own.revision() + ", which was read as of "
                                + revision);
            }
        }
    }

    private static boolean deletedLater(Observed client, Place own, String key, long moment) {
        Era era = own.era();
        for (Commit later : era.commits.tailMap(own.revision(), false).values()) {
            if (client.timeline.monotonic(later.micros()) > moment + Observed.SLACK) {
                return false;
            }
            if (era.state(own.namespace(), key, later.revision()).absent()) {
                return true;
            }
        }
        return false;
    }

    private void sync(Observed client, Line line) {
        if (!Boolean.parseBoolean(line.text(3)) || client.unsettled(line.number(1), line.number(2))) {
            return;
        }
        int current = 0;
        for (Era era : history.eras()) {
            if (client.began(era) < line.number(1)) {
                current = era.index;
            }
        }
        long known = 0;
        for (long revision : highest.getOrDefault(current, new TreeMap<>())
                .headMap(line.number(1), false)
                .values()) {
            known = Math.max(known, revision);
        }
        if (!client.isIn(history.eras().get(current), Keys.NAMESPACES.get(0), line.number(1))) {
            return;
        }
        findings.judged(Invariant.I10);
        if (line.number(4) < known) {
            client.violated(
                    Invariant.I10,
                    "shows revision " + line.text(4) + " after a sync, but " + known + " was acknowledged before it");
        }
    }

    /** A write that is repeated into a replaced history may be told what that one says of it. */
    private boolean replaced(Timeline timeline, long from, long to) {
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
}
