// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.History.Era;
import io.configmanager.samples.robustness.Records.Line;
import java.util.ArrayList;
import java.util.List;
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
        this.end = lines.isEmpty() ? 0 : lines.get(lines.size() - 1).number(1);
    }

    void violated(Invariant invariant, String how) {
        findings.violated(invariant, "client " + name + ": " + how);
    }

    long began(Era era) {
        return era.startMicros == Long.MIN_VALUE ? Long.MIN_VALUE : timeline.monotonic(era.startMicros);
    }

    /** The eras that a client may be in: it must have said that it left those before. */
    List<Era> possible(int from, long moment) {
        List<Era> eras = new ArrayList<>();
        for (Era era : history.eras()) {
            if (era.index == from || (era.index > from && mayHaveEntered(era, moment))) {
                eras.add(era);
            }
        }
        return eras;
    }

    /** Whether the client can know of this era: it began before, and the client has said so or has just connected. */
    private boolean mayHaveEntered(Era era, long moment) {
        long began = began(era);
        return began <= moment + SLACK
                && (began <= connected + SLACK
                        || resyncs.stream().anyMatch(x -> x.number(1) > began - SLACK && x.number(1) < moment + LATE));
    }

    /** Whether history was replaced at a time at which the client may not have noticed. */
    boolean unsettled(long from, long to) {
        for (Era era : history.eras()) {
            long began = began(era);
            boolean meanwhile = began >= from - SLACK && began <= to + SLACK;
            boolean unnoticed = began < from
                    && began > connected - SLACK
                    && resyncs.stream().noneMatch(x -> x.number(1) > began && x.number(1) < from - SLACK / 10);
            if (era.index > 0 && (meanwhile || unnoticed)) {
                return true;
            }
        }
        return false;
    }
}
