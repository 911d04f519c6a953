// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A run with a fresh seed each time, because a seed that always passes finds nothing. What it prints tells how to repeat the
 * plan: {@code -Drobustness.seed=…}. The records of a run that violates something stay.
 */
class ShortRunTest {

    /** What a short run on a busy machine may have nothing of: it has few commits on MongoDB. */
    private static final EnumSet<Invariant> LUCKY =
            EnumSet.of(Invariant.I7, Invariant.I8, Invariant.I10, Invariant.I14);

    /** Each build runs on both; {@code -Drobustness.stores=POSTGRES} says otherwise. */
    static Stream<Arguments> stores() {
        return Stream.of(System.getProperty("robustness.stores", "POSTGRES,MONGO")
                        .split(","))
                .map(Store::valueOf)
                .map(store -> Arguments.of(store, store == Store.MONGO ? 26L : 36L));
    }

    @ParameterizedTest
    @MethodSource("stores")
    void everyInvariantHolds(Store store, long usually) throws Exception {
        long seed = Long.getLong("robustness.seed", ThreadLocalRandom.current().nextLong(1_000_000));
        long seconds = Long.getLong("robustness.seconds", usually);
        String title = store + ", seed " + seed + ", " + seconds + " s of load";
        System.out.println("Robustness: " + title);
        Path all = Files.createDirectories(Path.of("target", "robustness")).toAbsolutePath();
        Path directory = Files.createTempDirectory(all, store + "-seed-" + seed + "-");
        new Run(new Settings(store, seed, Duration.ofSeconds(seconds)), directory).execute();

        Findings findings = Checker.check(Records.read(directory));
        List<String> report = Report.markdown(title, findings);
        Files.write(directory.resolve("report.md"), report);
        assertThat(findings.violations()).as(String.join("\n", report)).isEmpty();
        if (store == Store.POSTGRES) {
            assertThat(findings.numbers()).containsKeys("queued writes applied", "queued writes CONFLICT");
        }
        Set<Invariant> judged = store == Store.MONGO ? EnumSet.complementOf(LUCKY) : EnumSet.allOf(Invariant.class);
        for (Invariant invariant : judged) {
            assertThat(findings.judgements(invariant))
                    .as("how often %s was judged", invariant)
                    .isPositive();
        }
    }
}
