// SPDX-License-Identifier: Apache-2.0
package io.configmanager.value;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.Watcher;
import io.configmanager.WatcherStateException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;

/**
 * A value and its watchers against a model that numbers every set: a watcher returns the newest value if it is newer than
 * what it took last and its filter lets it pass, else nothing.
 *
 * <p>Replay one seed with {@code -Dmodel.seed=17}; run more of them with {@code -Dmodel.runs=100000}.
 */
class ValueModelTest {

    private static final int RUNS = 10_000;
    private static final int STEPS = 40;

    @Test
    void ev3AndEv4EveryWatcherReturnsTheNewestThatItHasNotReturnedYet() throws Exception {
        Long only = Long.getLong("model.seed");
        long first = only == null ? 1 : only;
        long last = only == null ? Integer.getInteger("model.runs", RUNS) : only;
        for (long seed = first; seed <= last; seed++) {
            List<String> trace = new ArrayList<>();
            try {
                run(new Random(seed), trace);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError(
                        "seed " + seed + ": " + e.getMessage() + "\n  " + String.join("\n  ", trace), e);
            }
        }
    }

    private static final class Followed {

        AbstractWatcher<Integer> watcher;
        IntPredicate filter = value -> true;
        int seen;
        int seenBefore;
        boolean returned;
        boolean closed;
    }

    private static void run(Random random, List<String> trace) throws InterruptedException {
        Value<Integer> value = new Value<>();
        List<Followed> all = new ArrayList<>();
        int number = 0;
        int newest = 0;
        for (int step = 0; step < STEPS; step++) {
            int dice = random.nextInt(10);
            if (dice < 3) {
                newest = random.nextInt(4);
                number++;
                trace.add("set " + newest);
                value.set(newest);
                assertThat(value.get()).contains(newest);
                continue;
            }
            if (dice == 3 || all.isEmpty()) {
                trace.add("watch");
                Followed followed = new Followed();
                followed.watcher = (AbstractWatcher<Integer>) value.watch();
                all.add(followed);
                continue;
            }
            int index = random.nextInt(all.size());
            Followed followed = all.get(index);
            Watcher<Integer> watcher = followed.watcher;
            trace.add(index + ": " + dice);
            if (followed.closed) {
                assertThatThrownBy(watcher::poll).isInstanceOf(WatcherStateException.class);
            } else if (dice == 4 && !followed.returned) {
                int odd = random.nextInt(2);
                IntPredicate before = followed.filter;
                followed.watcher = (AbstractWatcher<Integer>) watcher.filter(each -> each % 2 == odd);
                followed.filter = each -> before.test(each) && each % 2 == odd;
            } else if (dice == 5 && random.nextInt(4) == 0) {
                followed.closed = true;
                watcher.close();
            } else if (dice == 6) {
                watcher.cancel();
            } else if (dice == 7 && followed.returned) {
                followed.watcher.putBack();
                followed.seen = followed.seenBefore;
                followed.returned = false;
            } else {
                Optional<Integer> taken = dice == 8 ? watcher.get(Duration.ZERO) : watcher.poll();
                boolean isNew = number > followed.seen;
                boolean passes = isNew && followed.filter.test(newest);
                assertThat(taken).isEqualTo(passes ? Optional.of(newest) : Optional.empty());
                if (isNew) {
                    followed.seenBefore = followed.seen;
                    followed.seen = number;
                }
                followed.returned = passes;
            }
        }
    }
}
