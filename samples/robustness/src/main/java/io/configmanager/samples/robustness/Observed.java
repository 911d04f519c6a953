// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.History.Era;
import io.configmanager.samples.robustness.Records.Line;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/** The records of one incarnation of a client, with what every check needs to know about it. */
final class Observed {

    /** How far apart two records of the same moment may be written. */
    static final long SLACK = TimeUnit.SECONDS.toNanos(1);

    /** A resync is recorded after what it published, by another thread perhaps, and the process may pause in between. */
    private static final long LATE = TimeUnit.SECONDS.toNanos(10);

    final String name;
    final int lane;
    final List<Line> lines;
    final List<Line> resyncs = new ArrayList<>();
    final History history;
    final Timeline timeline;
    final Findings findings;
    final long begin;
    final long connected;
    final long end;
    private final long[] resyncTimes;
    private final long[] began;
    private final Map<String, NavigableMap<Long, Set<Integer>>> shown = new HashMap<>();

    Observed(String name, List<Line> lines, History history, Timeline timeline, Findings findings) {
        this.name = name;
        this.lane = Integer.parseInt(name.substring(0, name.indexOf('.')));
        this.lines = lines;
        this.history = history;
        this.timeline = timeline;
        this.findings = findings;
        this.begin = lines.isEmpty() ? 0 : lines.get(0).number(1);
        long isConnected = Long.MAX_VALUE;
        for (Line line : lines) {
            if (line.kind().equals("C")) {
                isConnected = line.number(1);
            } else if (line.kind().equals("X") && line.text(2).equals("resynced")) {
                resyncs.add(line);
            }
        }
        this.connected = isConnected;
        this.resyncTimes =
                resyncs.stream().mapToLong(line -> line.number(1)).sorted().toArray();
        this.began = history.eras().stream()
                .mapToLong(era -> era.index == 0 ? Long.MIN_VALUE : timeline.monotonic(era.startMicros))
                .toArray();
        this.end = lines.isEmpty() ? 0 : lines.get(lines.size() - 1).number(1);
    }

    void violated(Invariant invariant, String how) {
        findings.violated(invariant, "client " + name + ": " + how);
    }

    /** When an era began, for this client: the first one before anything else. */
    long began(Era era) {
        return began[era.index];
    }

    /** Notes of which eras it may be what the client shows of a namespace from a moment on. */
    void shown(String namespace, long moment, Set<Integer> eras) {
        NavigableMap<Long, Set<Integer>> known = shown.computeIfAbsent(namespace, name -> new TreeMap<>());
        if (known.isEmpty() || !known.lastEntry().getValue().equals(eras)) {
            known.put(moment, Set.copyOf(eras));
        }
    }

    /** Whether what the client showed at this moment was of this era and no other. */
    boolean isIn(Era era, String namespace, long moment) {
        Map.Entry<Long, Set<Integer>> known =
                shown.getOrDefault(namespace, new TreeMap<>()).floorEntry(moment);
        return known != null && known.getValue().equals(Set.of(era.index));
    }

    /** Those that had begun when the client connected. */
    Set<Integer> erasAtTheStart() {
        Set<Integer> eras = new TreeSet<>();
        for (int i = 0; i < began.length && began[i] <= connected + SLACK; i++) {
            eras.add(i);
        }
        return eras;
    }

    /** Whether the client said that it had loaded everything anew, after one moment and before another. */
    boolean resynced(long after, long before) {
        int at = Arrays.binarySearch(resyncTimes, after + 1);
        int next = at < 0 ? -at - 1 : at;
        return next < resyncTimes.length && resyncTimes[next] < before;
    }

    /**
     * The eras that a client may be in now: it must have said that it loaded everything anew, unless the position that it had,
     * here or in an era that it may have been in meanwhile, is one of the new era as well.
     */
    List<Era> possible(int from, long revision, long moment) {
        List<Era> all = history.eras();
        Era last = all.get(from);
        List<Era> eras = new ArrayList<>();
        for (int i = from; i < all.size() && (i == from || began[i] <= moment + SLACK); i++) {
            if (i == from
                    || began[i] <= connected + SLACK
                    || all.get(i).continues(last, revision)
                    || resynced(began[i] - SLACK, moment + LATE)
                    || continues(all.get(i), eras)) {
                eras.add(all.get(i));
            }
        }
        return eras;
    }

    private static boolean continues(Era era, List<Era> meanwhile) {
        return meanwhile.stream().skip(1).anyMatch(other -> era.continues(other, era.baseRevision));
    }

    /** Whether history was replaced at a time at which the client may not have noticed. */
    boolean unsettled(long from, long to) {
        for (int i = began.length - 1; i > 0; i--) {
            boolean meanwhile = began[i] >= from - SLACK && began[i] <= to + SLACK;
            boolean unnoticed =
                    began[i] < from && began[i] > connected - SLACK && !resynced(began[i], from - SLACK / 10);
            if (meanwhile || unnoticed) {
                return true;
            }
        }
        return false;
    }
}
