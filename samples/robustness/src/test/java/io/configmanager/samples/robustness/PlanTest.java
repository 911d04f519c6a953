// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.samples.robustness.Plan.Fault;
import io.configmanager.samples.robustness.Plan.FaultKind;
import java.time.Duration;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PlanTest {

    private static Plan plan(long seed) {
        return new Plan(new Settings(seed, Duration.ofSeconds(45)));
    }

    @Test
    void aSeedIsAPlan() {
        assertThat(plan(7).text()).isEqualTo(plan(7).text()).isNotEqualTo(plan(8).text());
    }

    @Test
    void aShortRunHasNearlyEveryFault() {
        for (long seed = 0; seed < 50; seed++) {
            Set<FaultKind> kinds = EnumSet.noneOf(FaultKind.class);
            for (int lane = 0; lane <= Settings.CLIENTS; lane++) {
                plan(seed).faults(lane).forEach(fault -> kinds.add(fault.kind()));
            }
            assertThat(kinds).as("seed %s", seed).hasSizeGreaterThanOrEqualTo(FaultKind.values().length - 1);
        }
    }

    @Test
    void theFaultsOfALaneFollowEachOther() {
        List<Fault> faults = plan(3).faults(1);
        for (int i = 1; i < faults.size(); i++) {
            assertThat(faults.get(i).at())
                    .isGreaterThan(faults.get(i - 1).at() + faults.get(i - 1).millis());
        }
    }

    @Test
    void aDumpComesBeforeTheFirstRestore() {
        for (long seed = 0; seed < 50; seed++) {
            List<FaultKind> kinds =
                    plan(seed).faults(0).stream().map(Fault::kind).toList();
            int restore = kinds.indexOf(FaultKind.RESTORE);
            assertThat(restore < 0 || kinds.indexOf(FaultKind.DUMP) < restore)
                    .as("seed %s: %s", seed, kinds)
                    .isTrue();
        }
    }

    @Test
    void noTwoOperationsHaveTheSameTag() {
        Set<String> tags = new HashSet<>();
        for (int client = 1; client <= Settings.CLIENTS; client++) {
            for (int writer = 0; writer < Settings.WRITERS_PER_CLIENT; writer++) {
                plan(1).calls(client, writer)
                        .forEach(step -> assertThat(tags.add(step.tag())).isTrue());
            }
        }
        for (int writer = 0; writer < Settings.SQL_WRITERS; writer++) {
            plan(1).statements(writer)
                    .forEach(step -> assertThat(tags.add(step.tag())).isTrue());
        }
    }
}
