// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.util.ArrayList;
import java.util.List;

/** What a run found, as Markdown. */
final class Report {

    private Report() {}

    static List<String> markdown(String title, Findings findings) {
        List<String> lines = new ArrayList<>();
        lines.add(title + ": "
                + (findings.violations().isEmpty()
                        ? "**no violation**."
                        : "**"
                                + findings.violations().values().stream()
                                        .mapToInt(n -> n)
                                        .sum() + " violations**."));
        lines.add("");
        lines.add("Settings: " + Settings.describe() + ".");
        lines.add("");
        lines.add("| what | number |");
        lines.add("| --- | ---: |");
        findings.numbers()
                .forEach((what, number) -> lines.add("| " + what + " | " + String.format("%,d", number) + " |"));
        lines.add("");
        lines.add("| invariant | judged | violated |");
        lines.add("| --- | ---: | ---: |");
        for (Invariant invariant : Invariant.values()) {
            lines.add("| " + invariant + " " + invariant.promise + " | "
                    + String.format("%,d", findings.judgements(invariant)) + " | "
                    + findings.violations().getOrDefault(invariant, 0) + " |");
        }
        for (Invariant invariant : findings.violations().keySet()) {
            lines.add("");
            lines.add(invariant + ", for example:");
            lines.add("");
            findings.examples(invariant).forEach(example -> lines.add("- " + example));
        }
        return lines;
    }
}
