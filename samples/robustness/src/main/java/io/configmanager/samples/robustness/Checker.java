// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.History.Place;
import io.configmanager.samples.robustness.Records.Line;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** From records to findings; knows the invariants and what was recorded, but nothing of the product. */
final class Checker {

    /** A poll, a call that fails, the longest wait before the next attempt, and a busy machine. */
    static final long CONVERGENCE = Settings.longestPoll()
            .plus(Settings.CALL_TIMEOUT)
            .plus(Settings.LAST_RETRY.multipliedBy(2))
            .plus(Settings.BUSY)
            .toNanos();

    /** A poll and a call that gets no answer, on a busy machine. */
    static final long NOTICED = Settings.longestPoll()
            .plus(Settings.CALL_TIMEOUT)
            .plus(Settings.BUSY.dividedBy(2))
            .toNanos();

    private Checker() {}

    static Findings check(Records records) {
        Findings findings = new Findings();
        Timeline timeline = new Timeline(records.run());
        if (timeline.clockWentBack()) {
            findings.count("the wall clock was set back: commit order was not checked");
        }
        History history = new History(records.archive(), !timeline.clockWentBack(), findings);
        OperationCheck operations = new OperationCheck(history, findings);
        operations.collect(records.run());
        records.clients().values().forEach(operations::collect);
        operations.checkLog();
        operations.checkStatements(records.run(), timeline);
        new QueueCheck(history, timeline, findings, records.clients()).check();
        new FleetCheck(history, timeline, findings, records.clients()).check();
        Set<String> last = lastIncarnations(records);
        records.clients().forEach((name, lines) -> {
            Observed client = new Observed(name, lines, history, timeline, findings);
            boolean survived = last.contains(name);
            new ViewCheck(client, operations.acknowledged()).check();
            boolean converged = survived && converged(client, records.run());
            new ChangeCheck(client).check(converged);
            new FollowCheck(client).check(converged);
            new InjectionCheck(client).check(converged);
            operations.check(client);
            new BehaviourCheck(client).check(records.logs().getOrDefault(name, List.of()), killed(client));
        });
        timeline.faults().forEach(fault -> findings.count("faults " + fault.kind()));
        findings.largest(
                "revisions",
                history.eras().stream().mapToLong(era -> era.commits.size()).sum());
        findings.largest("eras", history.eras().size());
        findings.largest("incarnations of clients", records.clients().size());
        return findings;
    }

    /** Whether the client showed the last write of the run in every namespace, and in time. */
    private static boolean converged(Observed client, List<Line> run) {
        boolean all = true;
        for (Line finish : run) {
            if (!finish.kind().equals("G")) {
                continue;
            }
            long written = finish.number(2);
            Map<String, Long> shown = new HashMap<>();
            long last = 0;
            for (Place place : client.history.places(finish.text(3))) {
                last = place.revision();
            }
            for (Line line : client.lines) {
                if (line.kind().equals("V") && line.number(5) >= last && line.number(2) > finish.number(1)) {
                    shown.putIfAbsent(line.text(4), line.number(2));
                }
            }
            client.findings.judged(Invariant.I13);
            for (String namespace : Keys.NAMESPACES) {
                Long moment = shown.get(namespace);
                long took = moment == null ? Long.MAX_VALUE : moment - written;
                if (moment != null) {
                    client.findings.largest(
                            "worst convergence without notifications, ms", TimeUnit.NANOSECONDS.toMillis(took));
                }
                if (took > CONVERGENCE) {
                    all = false;
                    client.violated(
                            Invariant.I13,
                            moment == null
                                    ? "never showed the last write in '" + namespace + "'"
                                    : "showed the last write in '" + namespace + "' only after " + took / 1_000_000
                                            + " ms");
                }
            }
        }
        return all;
    }

    private static boolean killed(Observed client) {
        return client.timeline.faults().stream()
                .anyMatch(fault -> fault.kind().equals("KILL")
                        && fault.lane() == client.lane
                        && fault.end() > client.end - Observed.SLACK
                        && fault.start() < client.end + TimeUnit.SECONDS.toNanos(5));
    }

    private static Set<String> lastIncarnations(Records records) {
        Map<String, Integer> newest = new HashMap<>();
        for (String name : records.clients().keySet()) {
            int dot = name.indexOf('.');
            newest.merge(name.substring(0, dot), Integer.parseInt(name.substring(dot + 1)), Math::max);
        }
        Set<String> last = new HashSet<>();
        newest.forEach((client, incarnation) -> last.add(client + '.' + incarnation));
        return last;
    }
}
