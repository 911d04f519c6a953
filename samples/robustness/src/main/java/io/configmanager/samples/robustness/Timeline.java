// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.Records.Line;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** When what happened to whom; translates the wall clock of the server into the monotonic one of the records. */
final class Timeline {

    /** A fault from start to end; lane 0 meets everybody. */
    record Interval(long start, long end, int lane, String kind) {}

    private final TreeMap<Long, Long> monotonicByWall = new TreeMap<>();
    private final List<Interval> faults = new ArrayList<>();
    private boolean clockWentBack;

    Timeline(List<Line> run) {
        long last = Long.MIN_VALUE;
        for (Line line : run) {
            switch (line.kind()) {
                case "W" -> {
                    clockWentBack |= line.number(2) < last;
                    last = line.number(2);
                    monotonicByWall.put(line.number(2), line.number(1));
                }
                case "T" ->
                    faults.add(new Interval(line.number(1), line.number(2), (int) line.number(3), line.text(4)));
                default -> {}
            }
        }
    }

    /** The server's times order nothing if somebody set the clock back. */
    boolean clockWentBack() {
        return clockWentBack;
    }

    List<Interval> faults() {
        return faults;
    }

    long monotonic(long wallMicros) {
        Map.Entry<Long, Long> near = monotonicByWall.floorEntry(wallMicros);
        if (near == null) {
            near = monotonicByWall.firstEntry();
        }
        return near.getValue() + TimeUnit.MICROSECONDS.toNanos(wallMicros - near.getKey());
    }

    /** Since when nothing has been broken for this client; far in the future if something is now. */
    long healthySince(int lane, long moment) {
        long since = Long.MIN_VALUE;
        for (Interval fault : faults) {
            if ((fault.lane() == 0 || fault.lane() == lane) && fault.start() <= moment) {
                if (fault.end() >= moment) {
                    return Long.MAX_VALUE;
                }
                since = Math.max(since, fault.end());
            }
        }
        return since;
    }

    /** Whether something of this kind happened to the client in this time. */
    boolean met(int lane, long from, long to) {
        return faults.stream()
                .anyMatch(fault ->
                        (fault.lane() == 0 || fault.lane() == lane) && fault.start() <= to && fault.end() >= from);
    }
}
