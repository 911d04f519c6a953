// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.StoreException;
import io.configmanager.Watcher;
import io.configmanager.engine.Backlog.Change;
import io.configmanager.engine.Backlog.News;
import io.configmanager.value.Signal;
import io.configmanager.value.Value;
import java.util.List;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.junit.jupiter.api.Test;

/**
 * Lincheck runs the operations below in many interleavings, switching threads at every access to shared memory, and wants
 * each outcome to be that of some order of the operations one after the other.
 */
class InterleavingTest {

    @Test
    void aBacklogBehavesAsIfOneThreadUsedIt() {
        options(6, 100).check(BacklogOperations.class);
    }

    @Test
    void aValueAndItsWatchersBehaveAsIfOneThreadUsedThem() {
        options(4, 80).check(ValueOperations.class);
    }

    private static ModelCheckingOptions options(int scenarios, int interleavings) {
        return new ModelCheckingOptions()
                .iterations(scenarios)
                .invocationsPerIteration(interleavings)
                .threads(2)
                .actorsPerThread(3)
                .actorsBefore(1)
                .actorsAfter(2)
                .minimizeFailedScenario(false);
    }

    /** The watch thread on one side, the consumer on the other. */
    @Param(name = "value", gen = IntGen.class, conf = "1:3")
    public static class BacklogOperations {

        private static final StoreException OUTAGE = new StoreException("expected", true, null);
        private static final List<ConfigEntry> VALUES =
                List.of(Rows.entry("a", "1", 1), Rows.entry("a", "2", 1), Rows.entry("a", "3", 1));
        private static final ConfigEntry FIRST = Rows.entry("a", "0", 1);

        private final Backlog backlog = new Backlog(ConfigFilter.keys("a", "b"), new Signal(), true, true, () -> 0);
        private long revision = 1;

        public BacklogOperations() {
            backlog.start(List.of(FIRST), 0, 1);
        }

        @Operation(nonParallelGroup = "watch")
        public void offer(@Param(name = "value") int value) {
            revision++;
            ConfigChange change = new ConfigChange(ConfigChange.Kind.UPDATE, "a", null, VALUES.get(value - 1));
            backlog.offer(new ConfigChangeSet("", 0, revision, false, List.of(change)));
        }

        @Operation(nonParallelGroup = "watch")
        public void failed() {
            backlog.failed(OUTAGE);
        }

        @Operation(nonParallelGroup = "watch")
        public void recovered() {
            backlog.recovered();
        }

        @Operation(nonParallelGroup = "consumer")
        public String poll() {
            News news = backlog.poll();
            if (news instanceof Change change) {
                return change.key() + (change.entry() == null ? "-" : change.entry().value()) + change.revision() + "+"
                        + change.collapsed();
            }
            return news == null ? "nothing" : news.getClass().getSimpleName();
        }

        @Operation(nonParallelGroup = "consumer")
        public void putBack() {
            backlog.putBack();
        }
    }

    /** Two threads set; each watcher has one consumer. */
    @Param(name = "value", gen = IntGen.class, conf = "1:5")
    public static class ValueOperations {

        private final Value<Integer> value = new Value<>();
        private final Watcher<Integer> first = value.watch();
        private final Watcher<Integer> second = value.watch();

        @Operation
        public void set(@Param(name = "value") int next) {
            value.set(next);
        }

        @Operation
        public int get() {
            return value.get().orElse(0);
        }

        @Operation(nonParallelGroup = "first")
        public int pollFirst() {
            return first.poll().orElse(0);
        }

        @Operation(nonParallelGroup = "second")
        public int pollSecond() {
            return second.poll().orElse(0);
        }
    }
}
