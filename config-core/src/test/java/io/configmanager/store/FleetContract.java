// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.FleetInstance;
import io.configmanager.FleetStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** What instances tell of themselves. */
abstract class FleetContract extends FeedContract {

    private static final Duration LONG = Duration.ofMinutes(10);
    private static final Instant STARTED = Instant.parse("2026-01-02T03:04:05.678Z");

    /** Makes what was told look this much older, by the store's clock. */
    protected abstract void ageReports(Duration by);

    @Nested
    class Fleet {

        private final String id = UUID.randomUUID().toString();
        private final String id2 = UUID.randomUUID().toString();

        @BeforeEach
        void noneIsLeft() {
            ageReports(LONG.multipliedBy(2));
        }

        private InstanceReport report(String of, long number, String name, Position applied, Duration expiry) {
            return new InstanceReport(of, number, name, applied, true, 0, STARTED, expiry);
        }

        private FleetInstance only() {
            List<FleetInstance> instances = store.fleet().instances();
            assertThat(instances).hasSize(1);
            return instances.get(0);
        }

        @Test
        void nobodyIsThere() {
            commit(put("k", "1"));

            FleetStatus fleet = store.fleet();

            assertThat(fleet.instances()).isEmpty();
            assertThat(fleet.revision()).isEqualTo(head().revision());
            assertThat(fleet.lineage()).isNotBlank();
        }

        @Test
        void whatAnInstanceTellsIsSeenByOthers() {
            commit(put("k", "1"));
            Position applied = head();
            store.report(new InstanceReport(id, 1, "näme with 'quotes'", applied, false, 3, STARTED, LONG));
            commit(put("k", "2"));

            FleetStatus fleet = handle().fleet();

            FleetInstance seen = fleet.instances().get(0);
            assertThat(seen)
                    .usingRecursiveComparison()
                    .ignoringFields("age")
                    .isEqualTo(new FleetInstance(
                            id,
                            "näme with 'quotes'",
                            fleet.lineage(),
                            applied.revision(),
                            true,
                            false,
                            3,
                            STARTED,
                            Duration.ZERO));
            assertThat(seen.age()).isBetween(Duration.ZERO, PATIENCE);
            assertThat(fleet.instances()).hasSize(1);
            assertThat(fleet.revision()).isEqualTo(applied.revision() + 1);
            assertThat(seen.hasApplied(applied.revision())).isTrue();
            assertThat(seen.hasApplied(fleet.revision())).isFalse();
        }

        @Test
        void instancesComeByName() {
            Position applied = head();
            store.report(report(id, 1, "b", applied, LONG));
            store.report(report(id2, 1, "a", applied, LONG));

            assertThat(store.fleet().instances())
                    .extracting(FleetInstance::name)
                    .containsExactly("a", "b");
        }

        @Test
        void aNewerReportReplacesAnOlderOneAndNotTheOtherWayRound() {
            commit(put("k", "1"));
            Position first = head();
            commit(put("k", "2"));
            Position second = head();
            store.report(report(id, 2, "a", second, LONG));

            store.report(report(id, 1, "late", first, LONG));
            store.report(report(id, 2, "again", first, LONG));
            assertThat(only())
                    .extracting(FleetInstance::name, FleetInstance::revision)
                    .containsExactly("a", second.revision());

            store.report(report(id, 3, "a", first, LONG));
            assertThat(only().revision()).isEqualTo(first.revision());
        }

        @Test
        void aReportExpiresByTheStoresClock() {
            store.report(report(id, 1, "a", head(), LONG));
            ageReports(LONG.minusMinutes(1));
            assertThat(only().age()).isBetween(LONG.minusMinutes(1), LONG);

            ageReports(Duration.ofMinutes(1));
            assertThat(store.fleet().instances()).isEmpty();

            store.maintain();
            store.report(report(id, 2, "a", head(), LONG));
            assertThat(only().age()).isLessThan(PATIENCE);
        }

        @Test
        void aReportThatExpiresSoonIsGoneSoon() {
            store.report(report(id, 1, "a", head(), Duration.ofMillis(50)));
            patiently().until(() -> store.fleet().instances().isEmpty());
        }

        @Test
        void whoLeavesIsGoneAtOnce() {
            store.report(report(id, 1, "a", head(), LONG));
            store.report(report(id, 2, "a", head(), Duration.ZERO));

            assertThat(store.fleet().instances()).isEmpty();
        }

        @Test
        void aReplacedHistoryIsNotTheOneThatWasApplied() {
            commit(put("k", "1"));
            Position before = head();
            store.report(report(id, 1, "a", before, LONG));

            replaceHistory();

            FleetStatus fleet = store.fleet();
            assertThat(only().ofThisHistory()).isFalse();
            assertThat(only().lineage()).isNotEqualTo(fleet.lineage());
            assertThat(only().hasApplied(before.revision())).isFalse();
            store.report(report(id, 2, "a", head(), LONG));
            assertThat(only().hasApplied(before.revision())).isTrue();
        }

        /** As after a fail-over that lost a revision, whose number another one then got. */
        @Test
        void aRevisionOfTheSameNumberThatIsAnotherOneWasNotApplied() {
            commit(put("k", "1"));
            Position one = head();
            commit(put("k", "2"));
            Position two = head();
            commit(put("k", "3"));
            store.report(report(id, 1, "a", new Position(two.revision(), one.token()), LONG));
            assertThat(only().ofThisHistory()).isFalse();

            store.report(report(id, 2, "a", two, LONG));
            assertThat(only().ofThisHistory()).isTrue();
        }

        @Test
        void aReportIsNoChange() throws Exception {
            commit(put("k", "1"));
            FeedReader reader = reader();
            Future<Boolean> waiting = inBackground(() -> {
                reader.readUntil(() -> !reader.changeSets.isEmpty());
                return true;
            });
            long before = head().revision();
            for (int i = 1; i <= 50; i++) {
                store.report(report(id, i, "a", head(), LONG));
            }
            assertWaiting(waiting);
            assertThat(head().revision()).isEqualTo(before);
            assertThat(store.fleet().revision()).isEqualTo(before);

            commit(put("k", "2"));
            assertThat(result(waiting)).isTrue();
            assertThat(reader.revisions()).containsExactly(before + 1);
            store.report(report(id, 51, "a", reader.position(), LONG));
            assertThat(only().hasApplied(before + 1))
                    .as("the position of a feed says what was applied")
                    .isTrue();
        }
    }
}
