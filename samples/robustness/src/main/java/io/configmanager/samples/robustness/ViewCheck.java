// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.History.Commit;
import io.configmanager.samples.robustness.History.Era;
import io.configmanager.samples.robustness.History.State;
import io.configmanager.samples.robustness.Records.Line;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Judges what a client showed: views (I2, I3, I4), single reads (I3), and how fresh it said to be (I12, I13). */
final class ViewCheck {

    /** The clocks of two processes are read at different moments, and the server's time is in whole microseconds. */
    private static final long CLOCK_MICROS = 100_000;

    private static final long EXPIRY_AHEAD_MICROS = TimeUnit.MILLISECONDS.toMicros(1_500);

    /** By how much staleness may be understated. */
    static final long STALENESS_NANOS = TimeUnit.MILLISECONDS.toNanos(300);

    private static final long INVISIBLE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Observed client;
    private final History history;
    private final Map<String, Long> acknowledged;

    /** By thread and namespace: the eras of which it may be what was shown last, with the revision that was shown. */
    private final Map<String, Map<Integer, Long>> states = new HashMap<>();

    private final Map<String, Long> readVersions = new HashMap<>();
    private final Map<String, Long> readTimes = new HashMap<>();
    private final Map<String, Boolean> readAbsent = new HashMap<>();
    private List<Era> lastPossible = List.of();

    /** @param acknowledged when the writer of a tag knew that it was committed */
    ViewCheck(Observed client, Map<String, Long> acknowledged) {
        this.client = client;
        this.history = client.history;
        this.acknowledged = acknowledged;
    }

    void check() {
        for (Line line : client.lines) {
            switch (line.kind()) {
                case "V" -> view(line);
                case "S" -> status(line);
                case "D" -> read(line);
                default -> {}
            }
        }
    }

    private void view(Line line) {
        String namespace = line.text(4);
        long revision = line.number(5);
        String place = "view of '" + namespace + "' at revision " + revision;
        pairs(line, place);
        client.findings.judged(Invariant.I2);
        client.findings.judged(Invariant.I3);
        // Each thread sees one view after the other; two threads may see them in either order.
        String thread = (line.text(10).equals("applied") ? "watch " : "sampler ") + namespace;
        Map<Integer, Long> before = states.computeIfAbsent(thread, name -> Map.of(firstEra(), 0L));
        Map<Integer, Long> now = new TreeMap<>();
        Map<Integer, Long> back = new TreeMap<>();
        String problem = "is of no era";
        for (Map.Entry<Integer, Long> state : before.entrySet()) {
            for (Era era : client.possible(state.getKey(), state.getValue(), line.number(2))) {
                String mismatch = mismatch(era, line, namespace, revision);
                if (mismatch != null) {
                    problem = now.isEmpty() ? mismatch : problem;
                } else if (era.index == state.getKey() && revision < state.getValue()) {
                    back.put(era.index, revision);
                } else {
                    now.put(era.index, revision);
                }
            }
        }
        if (now.isEmpty() && back.isEmpty()) {
            client.violated(Invariant.I2, place + " " + problem);
            replacedUnnoticed(line, namespace, revision, Collections.max(before.keySet()), place);
            return;
        }
        if (now.isEmpty()) {
            client.violated(Invariant.I3, place + " after one at revision " + Collections.max(before.values()));
        }
        states.put(thread, now.isEmpty() ? back : now);
        if (!line.text(10).equals("applied")) {
            client.shown(namespace, line.number(1), states.get(thread).keySet());
        }
        if (line.text(10).equals("status")) {
            lastPossible = states.get(thread).keySet().stream()
                    .map(index -> history.eras().get(index))
                    .toList();
        }
    }

    /** What is wrong with a view of this era, or null. */
    private @Nullable String mismatch(Era era, Line line, String namespace, long revision) {
        if (!era.covers(revision)) {
            return "is not of an era of revisions " + era.baseRevision + " to " + era.lastRevision;
        }
        if (!Long.toHexString(era.sum(namespace, revision)).equals(line.text(6))) {
            return "is not the fold of the log";
        }
        String expiry = expiry(era, line, namespace, revision);
        return expiry == null ? broken(era, line, namespace, revision) : expiry;
    }

    private @Nullable String expiry(Era era, Line line, String namespace, long revision) {
        Map<String, String> shown = new HashMap<>();
        for (String item : line.items(8)) {
            shown.put(item.substring(0, item.indexOf(':')), item.substring(item.indexOf(':') + 1));
        }
        long wall = line.number(3);
        for (int i = 0; i < Keys.EXPIRING; i++) {
            String key = Keys.expiring(i);
            State state = era.state(namespace, key, revision);
            String entry = shown.get(key);
            if (entry == null) {
                boolean slow =
                        client.timeline.met(client.lane, line.number(1) - TimeUnit.SECONDS.toNanos(12), line.number(2));
                if (!state.absent() && state.expires() > wall + EXPIRY_AHEAD_MICROS && !slow) {
                    return "lacks " + key + ", which expires only later";
                }
            } else if (!entry.equals(state.version() + ":" + state.expires())) {
                return "shows version and end " + entry + " of " + key + " instead of " + state;
            } else if (state.expires() > 0 && state.expires() < wall - CLOCK_MICROS) {
                return "shows " + key + ", which expired " + (wall - state.expires()) / 1_000 + " ms ago";
            }
        }
        return null;
    }

    /** A value that cannot be read leaves an earlier good one of the same history, if the client had one. */
    private static @Nullable String broken(Era era, Line line, String namespace, long revision) {
        State state = era.state(namespace, Keys.BROKEN, revision);
        String shown = line.items(9).isEmpty() ? Texts.NONE : line.items(9).get(0);
        if (state.readable()) {
            boolean same = shown.equals(state.absent() ? Texts.NONE : Keys.BROKEN + ':' + state.version());
            return same ? null : "shows " + shown + " instead of version " + state.version();
        }
        boolean good = shown.equals(Texts.NONE)
                || era.hadReadable(
                        namespace, Keys.BROKEN, Long.parseLong(shown.substring(shown.indexOf(':') + 1)), revision);
        return good ? null : "shows " + shown + ", which is not a good value of this history";
    }

    private void pairs(Line line, String place) {
        client.findings.judged(Invariant.I4);
        for (String pair : line.items(7)) {
            int middle = pair.indexOf('|');
            if (!pair.substring(0, middle).equals(pair.substring(middle + 1))) {
                client.violated(Invariant.I4, place + " shows a pair as " + pair);
            }
        }
    }

    /** Names the cause of a view that fits nowhere: it goes on in a history that it has not been told to have entered. */
    private void replacedUnnoticed(Line line, String namespace, long revision, int from, String place) {
        for (Era era : history.eras()) {
            if (era.index > from
                    && client.began(era) <= line.number(2) + Observed.SLACK
                    && mismatch(era, line, namespace, revision) == null) {
                client.violated(Invariant.I14, place + " is of a new history, but no resync was reported");
            }
        }
    }

    private int firstEra() {
        int first = 0;
        for (Era era : history.eras()) {
            if (client.began(era) < client.begin - Observed.SLACK) {
                first = era.index;
            }
        }
        return first;
    }

    /** The client says: what I show holds everything that was committed until then. */
    private void status(Line line) {
        long moment = line.number(1);
        long staleness = line.number(4);
        long revision = line.number(5);
        if (lastPossible.isEmpty()) {
            return;
        }
        long proved = moment - staleness;
        long missing = Long.MIN_VALUE;
        long visible = Long.MIN_VALUE;
        for (Era era : lastPossible) {
            long committed = committedAfter(era, revision);
            if (committed >= missing) {
                missing = committed;
                visible = visibleAfter(era, revision);
            }
        }
        if (staleness >= 0) {
            client.findings.judged(Invariant.I12);
            client.findings.largest("worst staleness, ms", TimeUnit.NANOSECONDS.toMillis(staleness));
            if (visible != Long.MAX_VALUE && proved > visible + STALENESS_NANOS) {
                client.violated(
                        Invariant.I12,
                        "said to be " + staleness / 1_000_000 + " ms old at revision " + revision + ", but lacked for "
                                + (moment - visible) / 1_000_000 + " ms what came after it");
            }
        }
        if (missing != Long.MAX_VALUE) {
            long healthy = client.timeline.healthySince(client.lane, moment);
            if (healthy != Long.MAX_VALUE) {
                client.findings.judged(Invariant.I13);
                long behind = moment - Math.max(Math.max(healthy, missing), client.connected);
                client.findings.largest("worst convergence after a fault, ms", TimeUnit.NANOSECONDS.toMillis(behind));
                if (behind > Checker.CONVERGENCE) {
                    client.violated(
                            Invariant.I13,
                            "still at revision " + revision + " " + behind / 1_000_000 + " ms after a later commit");
                }
            }
        }
    }

    private long committedAfter(Era era, long revision) {
        Commit next = era.commits.get(revision + 1);
        if (next != null) {
            return client.timeline.monotonic(next.micros());
        }
        return era == history.last()
                ? Long.MAX_VALUE
                : client.began(history.eras().get(era.index + 1));
    }

    /** The time by which everybody could see what came after the revision. */
    private long visibleAfter(Era era, long revision) {
        Commit next = era.commits.get(revision + 1);
        if (next == null) {
            return era == history.last()
                    ? Long.MAX_VALUE
                    : client.began(history.eras().get(era.index + 1)) + INVISIBLE_NANOS;
        }
        long latest = client.timeline.monotonic(next.micros()) + INVISIBLE_NANOS;
        for (String tag : next.tags()) {
            latest = Math.min(latest, acknowledged.getOrDefault(tag, Long.MAX_VALUE));
        }
        // Whoever took the next revision had waited for the end of this one.
        Commit afterNext = era.commits.get(revision + 2);
        return afterNext == null ? latest : Math.min(latest, client.timeline.monotonic(afterNext.loggedMicros()));
    }

    private void read(Line line) {
        String id = History.id(line.text(3), line.text(4));
        long version = line.number(5);
        client.findings.judged(Invariant.I3);
        long since = readTimes.getOrDefault(id, client.begin);
        if (client.resynced(since - Observed.SLACK, line.number(2) + Observed.SLACK)
                || client.unsettled(since, line.number(2))) {
            // Of another history, perhaps: what was read before says nothing about it.
            readVersions.remove(id);
            readAbsent.remove(id);
        }
        long last = readVersions.getOrDefault(id, 0L);
        if (version > 0) {
            if (version < last || (version == last && readAbsent.getOrDefault(id, false))) {
                client.violated(
                        Invariant.I3,
                        "read version " + version + " of " + id + " after "
                                + (version == last ? "its absence" : "version " + last));
            }
            readVersions.put(id, version);
        }
        readAbsent.put(id, version == 0);
        readTimes.put(id, line.number(2));
    }
}
