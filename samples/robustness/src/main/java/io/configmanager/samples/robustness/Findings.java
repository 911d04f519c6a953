// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What the checks found: violations, and numbers worth telling. */
final class Findings {

    private static final int SHOWN = 5;

    private final Map<Invariant, List<String>> violations = new EnumMap<>(Invariant.class);
    private final Map<Invariant, Integer> counts = new EnumMap<>(Invariant.class);
    private final Map<Invariant, Long> judged = new EnumMap<>(Invariant.class);
    private final Map<String, Long> numbers = new TreeMap<>();

    void violated(Invariant invariant, String how) {
        counts.merge(invariant, 1, Integer::sum);
        List<String> known = violations.computeIfAbsent(invariant, i -> new ArrayList<>());
        if (known.size() < SHOWN) {
            known.add(how);
        }
    }

    /** One more record was compared with what the invariant says. */
    void judged(Invariant invariant) {
        judged.merge(invariant, 1L, Long::sum);
    }

    void count(String what) {
        numbers.merge(what, 1L, Long::sum);
    }

    void largest(String what, long value) {
        numbers.merge(what, value, Math::max);
    }

    /** How often each invariant was violated; empty if all hold. */
    Map<Invariant, Integer> violations() {
        return counts;
    }

    List<String> examples(Invariant invariant) {
        return violations.getOrDefault(invariant, List.of());
    }

    long judgements(Invariant invariant) {
        return judged.getOrDefault(invariant, 0L);
    }

    Map<String, Long> numbers() {
        return numbers;
    }
}
