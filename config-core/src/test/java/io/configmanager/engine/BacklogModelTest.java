// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.KeyState.Kind;
import io.configmanager.StoreException;
import io.configmanager.engine.Backlog.Change;
import io.configmanager.engine.Backlog.Failed;
import io.configmanager.engine.Backlog.News;
import io.configmanager.engine.Backlog.Recovered;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * A backlog against a model: a history of what was true when, a watch that tells of it later and in order, and a consumer
 * that applies what it takes, unless it refuses and puts it back, after anything else may have happened. What the consumer
 * is told must have been true, must be news to it, and at the end it must know exactly what is true.
 *
 * <p>Replay one seed with {@code -Dmodel.seed=17}; run more of them with {@code -Dmodel.runs=100000}.
 */
class BacklogModelTest {

    private static final int RUNS = 10_000;
    private static final int STEPS = 60;
    private static final List<String> KEYS = List.of("app/a", "app/b", "app/c", "other");
    private static final StoreException OUTAGE = new StoreException("expected", true, null);

    @Test
    void ld16AConsumerThatAppliesWhatItTakesEndsWithTheNewestStateAndIsNeverToldNonsense() {
        Long only = Long.getLong("model.seed");
        long first = only == null ? 1 : only;
        long last = only == null ? Integer.getInteger("model.runs", RUNS) : only;
        for (long seed = first; seed <= last; seed++) {
            new Model(seed).run();
        }
    }

    private static final class Model {

        private final long seed;
        private final Random random;
        private final ConfigFilter filter;
        private final Backlog backlog;
        private final List<String> trace = new ArrayList<>();

        private final Map<String, ConfigEntry> truth = new TreeMap<>();
        /** What was true at each point of each history. */
        private final Map<List<Long>, Map<String, ConfigEntry>> history = new HashMap<>();

        private final Deque<Runnable> untold = new ArrayDeque<>();
        private long epoch;
        private long revision = 10;
        private boolean failing;
        private boolean started;

        private final Map<String, ConfigEntry> known = new TreeMap<>();
        private final Map<String, List<Long>> toldAt = new HashMap<>();
        private final Set<String> heardOf = new HashSet<>();
        private boolean believesInFailure;
        private @Nullable News taken;

        Model(long seed) {
            this.seed = seed;
            this.random = new Random(seed);
            this.filter = List.of(
                            ConfigFilter.ALL,
                            ConfigFilter.prefix("app"),
                            ConfigFilter.keys("app/a"),
                            ConfigFilter.keys("app/a", "app/b", "other"))
                    .get(random.nextInt(4));
            this.backlog = new Backlog(filter, true, true, () -> 0, all -> {});
            for (String key : KEYS) {
                if (random.nextBoolean()) {
                    truth.put(key, entry(key));
                }
            }
            remember();
        }

        void run() {
            try {
                for (int step = 0; step < STEPS; step++) {
                    step();
                }
                finish();
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError(
                        "seed " + seed + ", " + filter + ": " + e.getMessage() + "\n  " + String.join("\n  ", trace),
                        e);
            }
        }

        private void step() {
            int dice = random.nextInt(100);
            if (dice < 30) {
                commit();
            } else if (dice < 55) {
                tell();
            } else if (dice < 60) {
                start();
            } else if (dice < 63) {
                replaceHistory();
            } else if (dice < 68) {
                failing = !failing;
                boolean fails = failing;
                untold.add(() -> {
                    trace.add(fails ? "told failed" : "told recovered");
                    if (fails) {
                        backlog.failed(OUTAGE);
                    } else {
                        backlog.recovered();
                    }
                });
            } else {
                consume();
            }
        }

        private void commit() {
            revision++;
            List<ConfigChange> changes = new ArrayList<>();
            for (String key : KEYS) {
                if (random.nextInt(3) == 0) {
                    change(key, random.nextInt(3) == 0 ? null : entry(key), changes);
                }
            }
            publish(changes, false);
        }

        private void replaceHistory() {
            epoch++;
            revision = random.nextInt((int) revision + 1);
            truth.replaceAll((key, entry) -> Rows.entry(key, entry.value(), Math.min(entry.revision(), revision)));
            List<ConfigChange> changes = new ArrayList<>();
            for (String key : KEYS) {
                int dice = random.nextInt(4);
                if (dice < 2) {
                    change(key, dice == 0 ? null : entry(key), changes);
                }
            }
            publish(changes, true);
        }

        private void change(String key, @Nullable ConfigEntry after, List<ConfigChange> changes) {
            ConfigEntry before = after == null ? truth.remove(key) : truth.put(key, after);
            if (before != null || after != null) {
                changes.add(ConfigChange.between(before, after));
            } else if (random.nextBoolean()) {
                // On demand nobody knows whether there was anything to delete.
                changes.add(new ConfigChange(ConfigChange.Kind.DELETE, key, null, null));
            }
        }

        private void publish(List<ConfigChange> changes, boolean resync) {
            remember();
            ConfigChangeSet set = new ConfigChangeSet("", epoch, revision, resync, changes);
            trace.add("commit e" + epoch + " r" + revision + " " + describe(changes));
            if (!changes.isEmpty()) {
                untold.add(() -> {
                    trace.add("told e" + set.epoch() + " r" + set.revision());
                    backlog.offer(set);
                });
            }
        }

        private void tell() {
            Runnable next = untold.poll();
            if (next != null) {
                next.run();
            }
        }

        private void start() {
            if (!started) {
                started = true;
                trace.add("start at e" + epoch + " r" + revision);
                backlog.start(
                        truth.values().stream()
                                .filter(entry -> filter.matches(entry.key()))
                                .toList(),
                        epoch,
                        revision);
            }
        }

        private void consume() {
            if (!started) {
                return;
            }
            if (taken != null && random.nextInt(3) == 0) {
                trace.add("put back");
                backlog.putBack();
                taken = null;
                return;
            }
            settle();
            taken = backlog.poll();
            trace.add("take " + taken);
        }

        /** What was taken and not put back counts. */
        private void settle() {
            if (taken instanceof Change change) {
                apply(change);
            } else if (taken instanceof Failed) {
                assertThat(believesInFailure).as("failed twice").isFalse();
                believesInFailure = true;
            } else if (taken instanceof Recovered) {
                assertThat(believesInFailure).as("recovered from nothing").isTrue();
                believesInFailure = false;
            }
            taken = null;
        }

        private void apply(Change change) {
            String key = change.key();
            assertThat(filter.matches(key)).as("filter").isTrue();
            List<Long> at = List.of(change.epoch(), change.revision());
            List<Long> before = toldAt.put(key, at);
            assertThat(before == null
                            || before.get(0) < at.get(0)
                            || (before.get(0).equals(at.get(0)) && before.get(1) < at.get(1)))
                    .as("never backwards: %s after %s", at, before)
                    .isTrue();
            assertThat(Objects.equals(history.get(at).get(key), change.entry()))
                    .as("true at %s", at)
                    .isTrue();
            ConfigEntry had = known.get(key);
            switch (change.kind()) {
                case PRESENT -> {
                    assertThat(had != null && had.sameContent(change.entry()))
                            .as("equal content twice in a row")
                            .isFalse();
                    known.put(key, change.entry());
                }
                case DELETED ->
                    assertThat(known.remove(key))
                            .as("deletion of what is not known")
                            .isNotNull();
                case ABSENT -> {
                    assertThat(filter).isInstanceOf(ConfigFilter.Keys.class);
                    assertThat(heardOf).as("absent only at first").doesNotContain(key);
                }
            }
            assertThat(change.kind() == Kind.PRESENT).isEqualTo(change.entry() != null);
            heardOf.add(key);
        }

        private void finish() {
            start();
            while (!untold.isEmpty()) {
                tell();
            }
            if (taken != null && random.nextBoolean()) {
                trace.add("put back");
                backlog.putBack();
                taken = null;
            }
            do {
                settle();
                taken = backlog.poll();
                trace.add("take " + taken);
            } while (taken != null);
            Predicate<ConfigEntry> meant = entry -> filter.matches(entry.key());
            assertThat(contents(known)).isEqualTo(contents(truth, meant));
            assertThat(believesInFailure).as("believes in failure").isEqualTo(failing);
            if (filter instanceof ConfigFilter.Keys named) {
                assertThat(heardOf).as("every named key was told of").containsAll(named.keys());
            }
        }

        private void remember() {
            history.put(List.of(epoch, revision), Map.copyOf(truth));
        }

        private ConfigEntry entry(String key) {
            return Rows.entry(key, String.valueOf(random.nextInt(2)), revision);
        }

        private static Map<String, String> contents(Map<String, ConfigEntry> entries) {
            return contents(entries, entry -> true);
        }

        private static Map<String, String> contents(Map<String, ConfigEntry> entries, Predicate<ConfigEntry> which) {
            Map<String, String> contents = new TreeMap<>();
            entries.values().stream().filter(which).forEach(entry -> contents.put(entry.key(), entry.value()));
            return contents;
        }

        private static String describe(List<ConfigChange> changes) {
            List<String> all = new ArrayList<>();
            for (ConfigChange change : changes) {
                ConfigEntry after = change.after();
                all.add(change.key() + (after == null ? " gone" : "=" + after.value()));
            }
            return all.toString();
        }
    }
}
