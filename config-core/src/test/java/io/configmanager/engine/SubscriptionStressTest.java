// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.StoreException;
import io.configmanager.Watcher;
import io.configmanager.engine.Backlog.Change;
import io.configmanager.engine.Backlog.News;
import io.configmanager.value.Value;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Producers and consumers on real threads, in many short rounds, because it is at the end of a round that losses show. */
class SubscriptionStressTest {

    private static final int ROUNDS = 2_000;
    private static final Duration LONG = Duration.ofSeconds(10);
    private static final StoreException OUTAGE = new StoreException("expected", true, null);

    private final ExecutorService threads = Executors.newCachedThreadPool();

    @AfterEach
    void stop() {
        threads.shutdownNow();
    }

    @Test
    void ev3TheLastSetIsNeverLostWhoeverSets() throws Exception {
        for (int round = 0; round < 5 * ROUNDS; round++) {
            Value<Integer> value = new Value<>();
            Watcher<Integer> watcher = value.watch();
            CountDownLatch start = new CountDownLatch(1);
            List<Future<Void>> setters = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                int own = i;
                setters.add(threads.submit(() -> {
                    start.await();
                    for (int j = 0; j < 3; j++) {
                        value.set(10 * j + own);
                    }
                    return null;
                }));
            }
            start.countDown();
            int last = -1;
            while (!setters.stream().allMatch(Future::isDone)) {
                last = watcher.poll().orElse(last);
            }
            last = watcher.poll().orElse(last);
            assertThat(value.get()).as("round %s", round).contains(last);
        }
    }

    @Test
    void ev2WhoWaitsIsWokenByEverySet() throws Exception {
        Value<Integer> there = new Value<>();
        Value<Integer> back = new Value<>();
        Watcher<Integer> thereWatcher = there.watch();
        Watcher<Integer> backWatcher = back.watch();
        Future<Void> echo = threads.submit(() -> {
            for (int i = 0; i < 5 * ROUNDS; i++) {
                back.set(thereWatcher.get(LONG).orElseThrow());
            }
            return null;
        });
        for (int i = 0; i < 5 * ROUNDS; i++) {
            there.set(i);
            assertThat(backWatcher.get(LONG)).contains(i);
        }
        echo.get(10, TimeUnit.SECONDS);
    }

    @Test
    void ld16NoChangeIsLostAndNoneGoesBackWhateverIsPutBackMeanwhile() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            Backlog backlog = new Backlog(ConfigFilter.ALL, true, true, () -> 0, all -> {});
            backlog.start(List.of(), 0, 0);
            Random chance = new Random(round);
            Map<String, Long> told = new HashMap<>();
            boolean[] fails = new boolean[1];
            Future<Void> watch = threads.submit(() -> {
                for (long revision = 1; revision <= 60; revision++) {
                    String key = "k" + revision % 3;
                    ConfigEntry entry = Rows.entry(key, String.valueOf(revision), revision);
                    backlog.offer(
                            new ConfigChangeSet("", 0, revision, false, List.of(ConfigChange.between(null, entry))));
                    if (revision % 10 == 0) {
                        backlog.failed(OUTAGE);
                    } else if (revision % 10 == 5) {
                        backlog.recovered();
                    }
                }
                backlog.recovered();
                return null;
            });
            while (!watch.isDone()) {
                consume(backlog, chance, told, fails);
            }
            watch.get();
            while (consume(backlog, chance, told, fails)) {
                // Until there is nothing left.
            }
            assertThat(told).as("round %s", round).isEqualTo(Map.of("k0", 60L, "k1", 58L, "k2", 59L));
            assertThat(fails[0]).as("round %s", round).isFalse();
        }
    }

    private static boolean consume(Backlog backlog, Random chance, Map<String, Long> told, boolean[] fails) {
        News news = backlog.poll();
        if (news == null) {
            return false;
        }
        if (chance.nextInt(3) == 0) {
            backlog.putBack();
        } else if (news instanceof Change change) {
            Long before = told.put(change.key(), change.revision());
            assertThat(before == null || before < change.revision()).isTrue();
        } else {
            assertThat(fails[0]).isEqualTo(news instanceof Backlog.Recovered);
            fails[0] = !fails[0];
        }
        return true;
    }
}
