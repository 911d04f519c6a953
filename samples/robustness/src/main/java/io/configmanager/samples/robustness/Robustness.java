// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/** Runs the oracle and judges what it recorded; ends with 1 if an invariant was violated. */
public final class Robustness {

    private static final Set<String> OPTIONS = Set.of("store", "minutes", "seconds", "seed", "directory", "check");

    private Robustness() {}

    /**
     * {@code --store postgres} or {@code mongo}, {@code --minutes N} or {@code --seconds N} of load (45 s), {@code --seed S} (a random one), {@code --directory D} for the
     * records (a temporary one), or {@code --check D} to judge kept records again.
     */
    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = options(arguments);
        Path kept = options.containsKey("check") ? Path.of(options.get("check")) : null;
        String title = "Records in " + kept;
        if (kept == null) {
            long seconds = options.containsKey("minutes")
                    ? Math.round(60 * Double.parseDouble(options.get("minutes")))
                    : Long.parseLong(options.getOrDefault("seconds", "45"));
            String chosen = options.get("seed");
            long seed = chosen == null ? ThreadLocalRandom.current().nextLong(1_000_000) : Long.parseLong(chosen);
            String directory = options.get("directory");
            kept = directory == null ? Files.createTempDirectory("robustness-") : Path.of(directory);
            Store store =
                    Store.valueOf(options.getOrDefault("store", "postgres").toUpperCase(Locale.ROOT));
            System.out.println(store + ", seed " + seed + ", " + seconds + " s, records in " + kept);
            title = store + ", seed " + seed + ", " + seconds + " s of load";
            new Run(new Settings(store, seed, Duration.ofSeconds(seconds)), kept).execute();
        }
        Findings findings = Checker.check(Records.read(kept));
        Path report = kept.resolve("report.md");
        Files.write(report, Report.markdown(title, findings));
        Files.readAllLines(report).forEach(System.out::println);
        System.out.println("violated: " + findings.violations().keySet());
        System.exit(findings.violations().isEmpty() ? 0 : 1);
    }

    private static Map<String, String> options(String[] arguments) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i < arguments.length; i += 2) {
            String name = arguments[i].replaceFirst("^--", "");
            if (!OPTIONS.contains(name) || i + 1 == arguments.length) {
                throw new IllegalArgumentException(
                        "Options are " + OPTIONS + ", each with a value; not " + arguments[i]);
            }
            options.put(name, arguments[i + 1]);
        }
        return options;
    }
}
