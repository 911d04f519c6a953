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
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PlanTest {

    private static Plan plan(long seed) {
        return plan(Store.POSTGRES, seed);
    }

    private static Plan plan(Store store, long seed) {
        return new Plan(new Settings(store, seed, Duration.ofSeconds(45)));
    }

    @Test
    void aSeedIsAPlan() {
        assertThat(plan(7).text()).isEqualTo(plan(7).text()).isNotEqualTo(plan(8).text());
    }

    @ParameterizedTest
    @EnumSource
    void aShortRunHasNearlyEveryFault(Store store) {
        long all = Stream.of(FaultKind.values())
                .filter(kind -> kind.concerns(store))
                .count();
        for (long seed = 0; seed < 50; seed++) {
            Set<FaultKind> kinds = EnumSet.noneOf(FaultKind.class);
            for (int lane = 0; lane <= Settings.CLIENTS; lane++) {
                plan(store, seed).faults(lane).forEach(fault -> kinds.add(fault.kind()));
            }
            assertThat(kinds).as("seed %s", seed).hasSizeGreaterThanOrEqualTo((int) all - 1);
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
        for (int writer = 0; writer < Settings.OPERATORS; writer++) {
            plan(1).statements(writer)
                    .forEach(step -> assertThat(tags.add(step.tag())).isTrue());
            plan(1).edits(writer)
                    .forEach(step -> assertThat(tags.add(step.tag())).isTrue());
        }
    }
}
