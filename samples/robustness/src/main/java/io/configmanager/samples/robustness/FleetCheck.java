// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.Records.Line;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Judges what instances tell of each other (I18). All records are of one clock, so what an instance shows after somebody has
 * read its report must not be older than the report. Where history was replaced meanwhile, numbers say nothing.
 */
final class FleetCheck {

    /** How long what follows is compared. */
    private static final long AFTERWARDS = TimeUnit.SECONDS.toNanos(2);

    private final Map<String, List<Line>> clients;
    private final List<Long> replacements;
    private final Findings findings;

    /** What each client showed, by the time from which on it was looked at. */
    private final Map<String, NavigableMap<Long, Line>> views = new HashMap<>();

    FleetCheck(History history, Timeline timeline, Findings findings, Map<String, List<Line>> clients) {
        this.clients = clients;
        this.findings = findings;
        this.replacements = history.eras().stream()
                .filter(era -> era.index > 0)
                .map(era -> timeline.monotonic(era.startMicros))
                .toList();
        clients.forEach((name, lines) -> {
            NavigableMap<Long, Line> shown = new TreeMap<>();
            lines.stream().filter(line -> line.kind().equals("V")).forEach(line -> shown.put(line.number(1), line));
            views.put(name, shown);
        });
    }

    void check() {
        clients.forEach((observer, lines) -> {
            Map<String, Line> last = new HashMap<>();
            for (Line line : lines) {
                if (line.kind().equals("FR")) {
                    reported(line, last.put(line.text(3), line));
                } else if (line.kind().equals("FA")) {
                    awaited(observer, line);
                }
            }
        });
    }

    private void reported(Line line, @Nullable Line before) {
        String name = line.text(3);
        long revision = line.number(4);
        if (!ofThisHistory(line)) {
            findings.count("reports of another history");
            return;
        }
        requireShown(name, revision, line, "it had said to have applied " + revision);
        if (before != null
                && ofThisHistory(before)
                && before.number(4) > revision
                && settled(before.number(1), line.number(2))) {
            findings.violated(
                    Invariant.I18,
                    "client " + name + ": said to have applied " + revision + " after " + before.number(4));
        }
    }

    private void awaited(String observer, Line line) {
        long revision = line.number(4);
        boolean all = Boolean.parseBoolean(line.text(5));
        findings.count(all ? "fleets that had applied a revision" : "fleets that had not");
        if (!all && line.text(3).equals("final")) {
            findings.violated(
                    Invariant.I18,
                    "client " + observer + ": in the end, not all have said to have applied " + revision);
        }
        if (!all) {
            return;
        }
        long took = line.number(2) - line.number(1);
        for (String counted : line.items(6)) {
            int colon = counted.indexOf(':');
            long age = Long.parseLong(counted.substring(colon + 1));
            if (age + took < Settings.FLEET_EXPIRY.toNanos()) {
                requireShown(
                        counted.substring(0, colon),
                        revision,
                        line,
                        observer + " was told that all have applied " + revision);
            }
        }
    }

    /** What the client shows after the end of the record is not older. */
    private void requireShown(String name, long revision, Line line, String because) {
        long end = line.number(2);
        NavigableMap<Long, Line> shown = views.getOrDefault(name, new TreeMap<>());
        for (Line view : shown.subMap(end, false, end + AFTERWARDS, true).values()) {
            if (!settled(line.number(1), view.number(2))) {
                return;
            }
            findings.judged(Invariant.I18);
            if (view.number(5) < revision) {
                findings.violated(
                        Invariant.I18,
                        "client " + name + ": showed revision " + view.text(5) + " of '" + view.text(4) + "', "
                                + (view.number(1) - end) / 1_000_000 + " ms after " + because);
                return;
            }
        }
    }

    private static boolean ofThisHistory(Line report) {
        return Boolean.parseBoolean(report.text(5));
    }

    /** Whether history was not replaced in this time. */
    private boolean settled(long from, long to) {
        return replacements.stream()
                .noneMatch(moment -> moment >= from - Observed.SLACK && moment <= to + Observed.SLACK);
    }
}
