// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.configmanager.outbox.FaultyDisk.Step;
import io.configmanager.outbox.Journal.Record;
import io.configmanager.outbox.Journal.Settings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/**
 * A journal on a disk that fails, loses its power and whose process is killed, against a list of what was acknowledged. After
 * each recovery the state of the operations must be that of all acknowledged calls, of none that was refused, and of any of
 * those that nobody knows the end of, each as a whole. {@code docs/testing.md} lists the lines that were broken to try it.
 */
class JournalModelTest {

    private static final int RUNS = 2_000;
    private static final int LIVES = 5;
    private static final int MOST_STEPS = 20;
    private static final long SEGMENT_BYTES = 250;
    private static final Path BASE = Path.of("/outbox");

    private final Logger log = (Logger) LoggerFactory.getLogger("io.configmanager.outbox");
    private final Level level = log.getLevel();

    @BeforeEach
    void quiet() {
        log.setLevel(Level.OFF);
    }

    @AfterEach
    void loud() {
        log.setLevel(level);
    }

    @Test
    void whatWasAcknowledgedIsThereAndWhatWasRefusedIsNot() throws IOException {
        Long only = Long.getLong("model.seed");
        long first = only == null ? 1 : only;
        long last = only == null ? Integer.getInteger("model.runs", RUNS) : only;
        for (long seed = first; seed <= last; seed++) {
            try {
                new Model(seed).run();
            } catch (RuntimeException | AssertionError e) {
                fail("Seed " + seed + ": replay it with -Dmodel.seed=" + seed, e);
            }
        }
    }

    /** A call that did not come back, was refused but perhaps not forgotten, or could wait. */
    private record Open(List<Record> records, boolean lazy, boolean onlyAfterPowerCut) {}

    private static final class Model {
        private final Random random;
        private final MemoryDisk memory = new MemoryDisk();
        private final Disk disk = new FaultyDisk(memory, this::before);

        /** The unfinished operations that must be there, and the calls since then that may be there or not. */
        private Map<Long, String> state = new TreeMap<>();

        private List<Open> open = new ArrayList<>();
        private long nextSequence = 1;
        private int nextText;
        private int stepsUntilDeath;
        private double faultRate;

        // Faults of the current call.
        private boolean forceFailed;
        private boolean truncateFailed;

        /** Files that may show what will never be on disk. A system that lives on may tell that as if it were. */
        private final Set<Path> deceiving = new HashSet<>();

        Model(long seed) {
            random = new Random(seed);
        }

        void run() throws IOException {
            for (int life = 0; life < LIVES; life++) {
                live();
                boolean powerCut = !deceiving.isEmpty() || random.nextBoolean();
                deceiving.clear();
                if (powerCut) {
                    memory.powerCut(random);
                } else {
                    memory.kill();
                }
                recovered(powerCut);
            }
            Journal journal = claim();
            for (long sequence : state.keySet()) {
                journal.append(List.of(JournalTest.done(sequence)));
            }
            journal.close();
            assertThat(memory.list(BASE.resolve("0"))).isEmpty();
        }

        private void live() {
            faultRate = random.nextInt(3) == 0 ? 0.15 : 0;
            stepsUntilDeath = random.nextBoolean() ? random.nextInt(60) : Integer.MAX_VALUE;
            try {
                Journal journal = claim();
                assertThat(live(journal)).isEqualTo(state);
                int steps = random.nextInt(MOST_STEPS);
                for (int i = 0; i < steps && stepsUntilDeath > 0; i++) {
                    step(journal);
                }
                if (random.nextInt(3) == 0) {
                    faultRate = 0;
                    journal.close();
                    if (stepsUntilDeath > 0) {
                        acknowledged(List.of());
                    }
                }
                stepsUntilDeath = 0;
                journal.close();
            } catch (IOException e) {
                assertThat(stepsUntilDeath <= 0 || faultRate > 0)
                        .as(e.toString())
                        .isTrue();
            }
            faultRate = 0;
            stepsUntilDeath = Integer.MAX_VALUE;
        }

        private void step(Journal journal) throws IOException {
            if (open.size() > 7) {
                faultRate = 0;
            } else if (random.nextInt(4) == 0) {
                Record value = anything();
                journal.appendLazily(value);
                open.add(new Open(List.of(value), true, false));
                settle(journal);
                return;
            }
            List<Record> records = new ArrayList<>();
            for (int left = 1 + random.nextInt(3); left > 0; left--) {
                records.add(anything());
            }
            forceFailed = false;
            truncateFailed = false;
            try {
                journal.append(records);
                acknowledged(records);
            } catch (IOException e) {
                if (stepsUntilDeath <= 0 || truncateFailed) {
                    open.add(new Open(records, false, false));
                } else if (forceFailed) {
                    open.add(new Open(records, false, true));
                }
            }
            settle(journal);
        }

        /** Waits until nothing is left to do for the journal's thread, so that a seed does the same again. */
        private static void settle(Journal journal) throws IOException {
            journal.orphans();
        }

        private void acknowledged(List<Record> records) {
            open.stream().filter(Open::lazy).forEach(call -> apply(state, call.records()));
            apply(state, records);
            open.clear();
        }

        private static void apply(Map<Long, String> state, List<Record> records) {
            for (Record value : records) {
                if (value.type() == Journal.LIVE) {
                    state.put(value.sequence(), new String(value.payload(), StandardCharsets.UTF_8));
                } else {
                    state.remove(value.sequence());
                }
            }
        }

        /** A new operation, or a new state or the end of an old one. */
        private Record anything() {
            String text = nextText++ + "x".repeat(random.nextInt(40));
            if (nextSequence < 4 || random.nextInt(3) == 0) {
                return JournalTest.live(nextSequence++, text);
            }
            long sequence = 1 + random.nextLong(nextSequence - 1);
            return random.nextInt(3) == 0 ? JournalTest.live(sequence, text) : JournalTest.done(sequence);
        }

        private void recovered(boolean powerCut) throws IOException {
            Journal journal = claim();
            Map<Long, String> found = live(journal);
            settle(journal);
            journal.close();
            List<Map<Long, String>> allowed = new ArrayList<>();
            for (int chosen = 0; chosen < 1 << open.size(); chosen++) {
                Map<Long, String> candidate = new TreeMap<>(state);
                for (int i = 0; i < open.size(); i++) {
                    if ((chosen >> i & 1) != 0 && (powerCut || !open.get(i).onlyAfterPowerCut())) {
                        apply(candidate, open.get(i).records());
                    }
                }
                allowed.add(candidate);
            }
            assertThat(allowed).contains(found);
            state = found;
            open = new ArrayList<>();
        }

        private static Map<Long, String> live(Journal journal) {
            assertThat(journal.problems()).allMatch(problem -> problem.contains("unfinished append"));
            Map<Long, String> live = new TreeMap<>();
            apply(live, journal.recovered());
            return live;
        }

        private Journal claim() throws IOException {
            return Journal.claim(BASE, new Settings("model", SEGMENT_BYTES), disk);
        }

        private void before(Step step, Path path) throws IOException {
            boolean fails = stepsUntilDeath-- <= 0 || random.nextDouble() < faultRate;
            if (step == Step.FORCE && fails) {
                memory.drop(path);
                deceiving.add(path);
                forceFailed = true;
            } else if (step == Step.TRUNCATE && fails) {
                truncateFailed = true;
            } else if (step == Step.TRUNCATE) {
                deceiving.remove(path);
            }
            if (fails) {
                throw new IOException(step + " fails");
            }
        }
    }
}
