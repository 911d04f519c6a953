// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.History.Era;
import io.configmanager.samples.robustness.History.State;
import io.configmanager.samples.robustness.Records.Line;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Judges what a client told: change sets as applied and as each listener heard them (I4, I5, I6, I7). */
final class ChangeCheck {

    /** A change of a key, as texts of what was before and after it. */
    private record Change(String key, String before, String after) {}

    /** How far a stream of change sets has come. */
    private static final class Stream {
        Set<Integer> eras;
        long revision;
        long time;
        final Map<String, String> values = new TreeMap<>();

        Stream(Set<Integer> eras) {
            this.eras = eras;
        }
    }

    private final Observed client;
    private final Map<String, Stream> applied = new HashMap<>();
    private final Map<String, Stream> heard = new HashMap<>();

    /** Views that were complete, by namespace: when, and at which revision. */
    private final Map<String, List<long[]>> shown = new HashMap<>();

    ChangeCheck(Observed client) {
        this.client = client;
    }

    /** @param converged whether the client lived until the end, so that listeners must have heard everything */
    void check(boolean converged) {
        for (Line line : client.lines) {
            switch (line.kind()) {
                case "A" -> applied(line);
                case "N" -> heard(line);
                case "V" ->
                    shown.computeIfAbsent(line.text(4), namespace -> new ArrayList<>())
                            .add(new long[] {line.number(2), line.number(5)});
                default -> {}
            }
        }
        if (converged) {
            applied.forEach((namespace, stream) -> requireEnd("the watch", namespace, stream));
            heard.forEach(
                    (name, stream) -> requireEnd("listener " + name, name.substring(name.indexOf('|') + 1), stream));
        }
    }

    private void applied(Line line) {
        String namespace = line.text(2);
        long revision = line.number(3);
        boolean resync = Boolean.parseBoolean(line.text(4));
        List<Change> changes = changes(line, 5);
        String place = "change set " + revision + " of '" + namespace + "'";
        client.findings.judged(Invariant.I6);
        Stream stream = applied.get(namespace);
        boolean first = stream == null;
        if (stream == null) {
            stream = new Stream(client.erasAtTheStart());
            applied.put(namespace, stream);
        }
        continues(stream, changes, place);
        requirePairs(changes, place);
        boolean resynced = resync || client.resynced(stream.time - Observed.SLACK, line.number(1) + Observed.SLACK);
        Set<Integer> now = new TreeSet<>();
        List<Runnable> problems = new ArrayList<>();
        for (int from : stream.eras) {
            for (Era era : client.possible(from, stream.revision, line.number(1))) {
                if (era.covers(revision) && fits(era, namespace, revision, resync, changes)) {
                    boolean goesOn = !first && era.index == from;
                    Runnable problem = goesOn ? problem(stream, era, line, revision, resync, resynced, place) : null;
                    if (problem == null) {
                        now.add(era.index);
                    } else {
                        problems.add(problem);
                    }
                }
            }
        }
        if (!now.isEmpty()) {
            stream.eras = now;
        } else if (problems.isEmpty()) {
            client.violated(Invariant.I6, place + " is not what the log says of it");
        } else {
            problems.get(0).run();
        }
        stream.revision = revision;
        stream.time = line.number(1);
    }

    /** What is wrong with a change set that follows the one before it in the same era; null if nothing is. */
    private @Nullable Runnable problem(
            Stream stream, Era era, Line line, long revision, boolean resync, boolean resynced, String place) {
        String namespace = line.text(2);
        client.findings.judged(Invariant.I5);
        if (revision <= stream.revision) {
            long last = stream.revision;
            return () -> client.violated(Invariant.I5, place + " came after that of revision " + last);
        }
        Long skipped = resynced ? null : skipped(era, namespace, stream.revision, revision);
        if (skipped != null) {
            return () -> client.violated(
                    Invariant.I6, "change set " + skipped + " of '" + namespace + "' was skipped by " + revision);
        }
        Long shownBefore = resync ? null : shown(namespace, revision, line.number(1), stream.time);
        if (shownBefore != null) {
            return () -> client.violated(
                    Invariant.I7, place + " came when revision " + shownBefore + " had been shown already");
        }
        return null;
    }

    private void heard(Line line) {
        String namespace = line.text(3);
        String name = line.text(2) + '|' + namespace;
        long revision = line.number(4);
        Stream stream = heard.computeIfAbsent(name, n -> new Stream(client.erasAtTheStart()));
        String place = "listener " + name + " at revision " + revision;
        client.findings.judged(Invariant.I5);
        continues(stream, changes(line, 6), place);
        if (revision <= stream.revision && stream.time > 0) {
            long from = stream.time;
            boolean replaced = client.resyncs.stream()
                    .anyMatch(x ->
                            x.number(1) > from - 10 * Observed.SLACK && x.number(1) < line.number(1) + Observed.SLACK);
            if (!replaced) {
                client.violated(Invariant.I5, place + " heard of it after revision " + stream.revision);
            }
        }
        stream.revision = revision;
        stream.time = line.number(1);
    }

    /** What a change begins with is what the one before it ended with; so none of a key is missing. */
    private void continues(Stream stream, List<Change> changes, String place) {
        for (Change change : changes) {
            String known = stream.values.put(change.key(), change.after());
            if (known != null && !known.equals(change.before())) {
                client.violated(
                        Invariant.I6,
                        place + " changes " + change.key() + " from " + change.before() + ", but it was " + known);
            }
        }
    }

    private void requirePairs(List<Change> changes, String place) {
        client.findings.judged(Invariant.I4);
        Map<String, String> after = new HashMap<>();
        changes.forEach(change -> after.put(change.key(), change.after()));
        for (int i = 0; i < Keys.PAIRS; i++) {
            boolean left = after.containsKey(Keys.left(i));
            if (left != after.containsKey(Keys.right(i))) {
                client.violated(Invariant.I4, place + " has one key of pair " + i + " only");
            }
        }
    }

    private static boolean fits(Era era, String namespace, long revision, boolean resync, List<Change> changes) {
        Set<String> keys = new TreeSet<>();
        for (Change change : changes) {
            keys.add(change.key());
            State state = era.state(namespace, change.key(), revision);
            boolean expired =
                    resync && Keys.expires(change.key()) && change.after().equals(Texts.NONE);
            if (!Keys.mayBeBroken(change.key()) && !expired && !change.after().equals(state.text())) {
                return false;
            }
        }
        if (resync) {
            return true;
        }
        Set<String> expected = expected(era, namespace, revision);
        keys.removeIf(Keys::mayBeBroken);
        return keys.containsAll(expected) && era.changed(namespace, revision).containsAll(keys);
    }

    /** What must be told. The removal of an entry that had expired is no news for who has loaded the namespace since. */
    private static Set<String> expected(Era era, String namespace, long revision) {
        Set<String> expected = era.changed(namespace, revision);
        expected.removeIf(key -> Keys.mayBeBroken(key)
                || (Keys.expires(key) && era.state(namespace, key, revision).absent()));
        return expected;
    }

    private static @Nullable Long skipped(Era era, String namespace, long after, long before) {
        for (long revision : era.commits.subMap(after, false, before, false).keySet()) {
            if (!expected(era, namespace, revision).isEmpty()) {
                return revision;
            }
        }
        return null;
    }

    /** A later revision that a view had shown before, since the last change set. */
    private @Nullable Long shown(String namespace, long revision, long moment, long since) {
        client.findings.judged(Invariant.I7);
        List<long[]> views = shown.getOrDefault(namespace, List.of());
        for (int i = views.size() - 1; i >= 0 && views.get(i)[0] > since; i--) {
            if (views.get(i)[0] < moment && views.get(i)[1] > revision) {
                return views.get(i)[1];
            }
        }
        return null;
    }

    private void requireEnd(String who, String namespace, Stream stream) {
        Era last = client.history.last();
        stream.values.forEach((key, value) -> {
            String stored = last.state(namespace, key, last.lastRevision).text();
            if (Keys.isPlain(key) && !value.equals(stored)) {
                client.violated(
                        Invariant.I6,
                        who + " was last told " + value + " of " + key + " in '" + namespace + "', but it is "
                                + stored);
            }
        });
    }

    private static List<Change> changes(Line line, int field) {
        List<Change> changes = new ArrayList<>();
        for (String item : line.items(field)) {
            String[] parts = item.split("@");
            changes.add(new Change(parts[0], parts[1], parts[2]));
        }
        return changes;
    }
}
