// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.History.Era;
import io.configmanager.samples.robustness.Records.Line;
import io.configmanager.samples.robustness.Timeline.Interval;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Judges how a client behaves: resyncs (I14), attempts and noise (I15), its end (I16), and when it calls itself stale (I12). */
final class BehaviourCheck {

    private static final long WINDOW = TimeUnit.SECONDS.toNanos(5);
    private static final int ATTEMPTS_PER_WINDOW = 60;
    private static final long BUSY_STOP = TimeUnit.SECONDS.toNanos(1);
    private static final Set<String> REPLACEMENTS = Set.of("LINEAGE", "RESTORE", "REWIND");

    private final Observed client;
    private final Findings findings;

    BehaviourCheck(Observed client) {
        this.client = client;
        this.findings = client.findings;
    }

    /** @param killed whether it was ended by force, and so could not close */
    void check(List<String> log, boolean killed) {
        resyncs();
        lineages();
        attempts();
        noise(log);
        stop(killed);
        staleInTime();
    }

    private void resyncs() {
        int replaced = 0;
        for (Line resync : client.resyncs) {
            String reason = resync.text(3);
            long moment = resync.number(1);
            findings.count("resyncs " + reason);
            findings.judged(Invariant.I14);
            if (reason.equals("history_replaced")) {
                replaced++;
                long known = client.history.eras().stream()
                        .filter(era -> era.index > 0
                                && client.began(era) > client.begin - Observed.SLACK
                                && client.began(era) < moment)
                        .count();
                if (replaced > known) {
                    client.violated(
                            Invariant.I14,
                            "said for the " + replaced + ". time that history was replaced, of " + known);
                }
            } else if (!reason.equals("compacted") || client.history.compactions() == 0) {
                client.violated(Invariant.I14, "resynced without a cause: " + reason);
            }
        }
        for (Era era : client.history.eras()) {
            long began = client.began(era);
            boolean concerned = era.index > 0
                    && began > client.connected + Observed.SLACK
                    && began < client.end - Checker.CONVERGENCE - TimeUnit.SECONDS.toNanos(8);
            if (concerned && !stillStands(era)) {
                findings.judged(Invariant.I14);
                if (client.resyncs.stream().noneMatch(resync -> resync.number(1) > began)) {
                    client.violated(Invariant.I14, "did not notice that history was replaced at " + era.baseRevision);
                }
            }
        }
    }

    /** Whether the newest revision that was shown before is one of the era as well, so that there is nothing to notice. */
    private boolean stillStands(Era era) {
        long revision = 0;
        for (Line line : client.lines) {
            if (line.kind().equals("V") && line.number(2) < client.began(era)) {
                revision = line.number(5);
            }
        }
        for (Era other : client.history.eras().subList(0, era.index)) {
            if (other.covers(revision) && era.continues(other, revision)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Nobody can have proved that nothing newer is missing without having met the new lineage, whatever else was broken. Judges
     * only what was proved before the next replacement, because a restore may bring the former lineage back.
     */
    private void lineages() {
        List<Interval> replacements = client.timeline.faults().stream()
                .filter(fault -> REPLACEMENTS.contains(fault.kind()))
                .toList();
        for (int i = 0; i < replacements.size(); i++) {
            Interval change = replacements.get(i);
            long next = i + 1 < replacements.size() ? replacements.get(i + 1).start() : Long.MAX_VALUE;
            if (!change.kind().equals("LINEAGE") || !wasLiveBefore(change.start())) {
                continue;
            }
            Line proof = firstProof(change.end() + ViewCheck.STALENESS_NANOS, next);
            if (proof != null) {
                findings.judged(Invariant.I14);
                boolean said = client.resyncs.stream()
                        .anyMatch(resync -> resync.text(3).equals("history_replaced")
                                && resync.number(1) >= change.start()
                                && resync.number(1) <= proof.number(2));
                if (!said) {
                    client.violated(
                            Invariant.I14,
                            "accepted another lineage at revision " + proof.text(5)
                                    + " without saying that history was replaced");
                }
            }
        }
    }

    private boolean wasLiveBefore(long moment) {
        return client.lines.stream()
                .anyMatch(line -> line.kind().equals("S") && line.text(3).equals("LIVE") && line.number(2) < moment);
    }

    /** The first status, recorded before a moment, that claims to hold everything until after another one. */
    private @Nullable Line firstProof(long after, long before) {
        for (Line line : client.lines) {
            boolean claims = line.kind().equals("S") && line.number(4) >= 0;
            if (claims && line.number(1) - line.number(4) > after && line.number(2) < before) {
                return line;
            }
        }
        return null;
    }

    private void attempts() {
        List<Long> attempts = new ArrayList<>();
        for (Line line : client.lines) {
            if (line.kind().equals("X")
                    && (line.text(2).equals("openFeed") || line.text(2).equals("snapshot"))) {
                attempts.add(line.number(1));
            } else if (line.kind().equals("X") && line.text(2).equals("reconnected")) {
                findings.count("reconnects");
            } else if (line.kind().equals("X") && line.text(2).equals("hints-missed")) {
                findings.count("safety polls that found what was not announced");
            }
        }
        findings.judged(Invariant.I15);
        for (int i = ATTEMPTS_PER_WINDOW; i < attempts.size(); i++) {
            if (attempts.get(i) - attempts.get(i - ATTEMPTS_PER_WINDOW) < WINDOW) {
                client.violated(Invariant.I15, ATTEMPTS_PER_WINDOW + " attempts to reach the store in 5 seconds");
                return;
            }
        }
    }

    private void noise(List<String> log) {
        long states = 0;
        for (String line : log) {
            // Each client has a listener that is slow and one that throws, and both are to be told of.
            boolean expected = line.contains("Lane - Listener");
            if (line.contains(" StatusTracker ") || line.contains(".StatusTracker - ")) {
                states++;
            } else if ((line.contains("] ERROR io.configmanager") && !expected)
                    || (line.contains("] WARN ") && line.contains(".engine.") && !expected)
                    || line.startsWith("Exception in thread")) {
                client.violated(Invariant.I15, "logged: " + Texts.line(line));
            }
        }
        long changes = client.lines.stream()
                .filter(line -> line.kind().equals("X") && line.text(2).equals("reconnected"))
                .count();
        findings.judged(Invariant.I15);
        if (states > 5 + 3 * (changes + 1)) {
            client.violated(Invariant.I15, states + " log lines for " + changes + " reconnects");
        }
    }

    private void stop(boolean killed) {
        Line stop = null;
        for (Line line : client.lines) {
            if (line.kind().equals("Z")) {
                stop = line;
            }
        }
        if (stop == null) {
            if (!killed) {
                client.violated(Invariant.I16, "never closed");
            }
            return;
        }
        findings.judged(Invariant.I16);
        long took = stop.number(2) - stop.number(1);
        findings.largest("longest close, ms", TimeUnit.NANOSECONDS.toMillis(took));
        if (took > Settings.STOP.toNanos() + BUSY_STOP) {
            client.violated(Invariant.I16, "took " + took / 1_000_000 + " ms to close");
        }
        if (!stop.text(4).isEmpty()) {
            client.violated(Invariant.I16, "left the threads " + stop.text(4));
        }
        if (stop.number(5) > 0) {
            client.violated(Invariant.I16, "left " + stop.text(5) + " connections of the feed");
        }
        if (!Boolean.parseBoolean(stop.text(6))) {
            client.violated(Invariant.I16, "left somebody waiting for a revision");
        }
    }

    /** When nothing passes any more and nothing says so, the next poll must find it out. */
    private void staleInTime() {
        for (Interval fault : client.timeline.faults()) {
            boolean concerned = fault.kind().equals("FREEZE")
                    && fault.lane() == client.lane
                    && fault.start() > client.connected + Observed.SLACK
                    && fault.end() < client.end
                    && fault.end() - fault.start() > Checker.NOTICED;
            if (concerned) {
                findings.judged(Invariant.I12);
                boolean noticed = client.lines.stream()
                        .anyMatch(line -> line.kind().equals("S")
                                && !line.text(3).equals("LIVE")
                                && line.number(1) >= fault.start()
                                && line.number(1) <= fault.start() + Checker.NOTICED);
                if (!noticed) {
                    client.violated(
                            Invariant.I12,
                            "still called itself live when nothing had passed for " + Checker.NOTICED / 1_000_000
                                    + " ms");
                }
            }
        }
    }
}
