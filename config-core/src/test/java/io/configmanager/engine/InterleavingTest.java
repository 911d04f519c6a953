// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
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
        options(5, 100).check(BacklogOperations.class);
    }

    @Test
    void aValueAndItsWatchersBehaveAsIfOneThreadUsedThem() {
        options(10, 150).check(ValueOperations.class);
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

        private final Backlog backlog = new Backlog(ConfigFilter.keys("a", "b"), new Signal(), true, true, () -> 0);
        private long revision = 1;

        public BacklogOperations() {
            backlog.start(List.of(Rows.entry("a", "0", 1)), 0, 1);
        }

        @Operation(nonParallelGroup = "watch")
        public void offer(@Param(name = "value") int value) {
            revision++;
            ConfigChange a = ConfigChange.between(null, Rows.entry("a", String.valueOf(value), revision));
            ConfigChange b = new ConfigChange(ConfigChange.Kind.DELETE, "b", null, null);
            backlog.offer(new ConfigChangeSet("", 0, revision, false, List.of(a, b)));
        }

        @Operation(nonParallelGroup = "watch")
        public void failed() {
            backlog.failed(new StoreException("expected", true, null));
        }

        @Operation(nonParallelGroup = "watch")
        public void recovered() {
            backlog.recovered();
        }

        @Operation(nonParallelGroup = "consumer")
        public String poll() {
            News news = backlog.poll();
            if (news instanceof Change change) {
                String value = change.entry() == null ? "" : change.entry().value();
                return change.key() + " " + change.kind() + value + " " + change.revision() + " " + change.collapsed();
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
