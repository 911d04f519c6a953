// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.History.Era;
import io.configmanager.samples.robustness.Records.Line;

/** Judges what was injected. */
final class InjectionCheck {

    private final Observed client;

    InjectionCheck(Observed client) {
        this.client = client;
    }

    /** @param converged whether the client lived until the end, so that everything must be injected by then */
    void check(boolean converged) {
        for (Line line : client.lines) {
            switch (line.kind()) {
                case "L" -> whole(line);
                case "H" -> heard(line);
                case "B" -> {
                    if (converged) {
                        end(line);
                    }
                }
                default -> {}
            }
        }
    }

    private void whole(Line line) {
        client.findings.judged(Invariant.I4);
        if (!line.text(2).equals(line.text(3))) {
            client.violated(Invariant.I4, "a typed group had a pair as " + line.text(2) + '|' + line.text(3));
        }
    }

    private void heard(Line line) {
        long revision = line.number(2);
        String key = line.text(3);
        for (int i = 5; i <= 6; i++) {
            String shown = line.text(i);
            client.findings.judged(Invariant.I17);
            if (!shown.equals(line.text(4)) && !isOfLater(key, revision, shown) && !replaced(line.number(1))) {
                client.violated(
                        Invariant.I17,
                        "a listener heard of " + key + " = " + line.text(4) + " at revision " + revision + ", but the "
                                + (i == 5 ? "field" : "typed group") + " had " + shown);
            }
        }
    }

    private boolean isOfLater(String key, long revision, String shown) {
        for (Era era : client.history.eras()) {
            for (long later = revision + 1; later <= era.lastRevision; later++) {
                if (era.state("", key, later).value().equals(shown)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** What is injected may be of another history than what was heard of. */
    private boolean replaced(long moment) {
        return client.resynced(moment - Observed.SLACK, moment + Observed.SLACK)
                || client.unsettled(moment - Observed.SLACK, moment);
    }

    private void end(Line line) {
        Era last = client.history.last();
        String stored = last.state("", line.text(2), last.lastRevision).value();
        for (int i = 3; i <= 4; i++) {
            client.findings.judged(Invariant.I17);
            if (!line.text(i).equals(stored)) {
                client.violated(
                        Invariant.I17,
                        "in the end the " + (i == 3 ? "field" : "typed group") + " of " + line.text(2) + " had "
                                + line.text(i) + ", but it is " + stored);
            }
        }
    }
}
