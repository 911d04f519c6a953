// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.slf4j.LoggerFactory;

/**
 * Measures everything beside the bare driver and the peers, and writes {@code docs/performance.md} and its plots:
 *
 * <pre>
 * java -jar samples/benchmarks/target/benchmarks.jar [--quick] [part…]
 * </pre>
 *
 * Without a part it runs all of them, each in a JVM of its own. Every part leaves its figures in a file, and the page is
 * made of these files; so a part may be repeated alone, and {@code report} only makes the page. {@code --quick} shows
 * whether it all works, with sizes that prove nothing; its page stays among the build's files.
 */
public final class Main {

    private static final String CHILD = "--in-this-jvm";
    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm", Locale.ROOT);

    private Main() {}

    static Map<String, Supplier<Part>> parts() {
        Map<String, Supplier<Part>> parts = new LinkedHashMap<>();
        parts.put("reads", Reads::new);
        parts.put("propagation", Propagation::new);
        parts.put("writes", Writes::new);
        parts.put("outbox", QueuedWrites::new);
        parts.put("mongo-propagation", MongoPropagation::new);
        parts.put("mongo-writes", MongoWrites::new);
        parts.put("spring-cloud", SpringCloud::new);
        parts.put("reconnect", Reconnect::new);
        parts.put("threads", Threads::new);
        parts.put("torn", Torn::new);
        parts.put("injected", InjectedTargets::new);
        parts.put("startup", Startup::new);
        parts.put("entries", Entries::new);
        parts.put("namespaces", Namespaces::new);
        parts.put("subscriptions", Subscriptions::new);
        parts.put("watchers", Watchers::new);
        parts.put("instances", Instances::new);
        return parts;
    }

    public static void main(String[] arguments) throws Exception {
        List<String> names = new ArrayList<>(List.of(arguments));
        boolean quick = names.remove("--quick");
        boolean child = names.remove(CHILD);
        Path results = Path.of("samples/benchmarks/target", quick ? "quick" : "results");
        for (String name : names) {
            if (!parts().containsKey(name) && !name.equals("report")) {
                System.err.println("Unknown part " + name + "; there are " + parts().keySet() + " and report");
                System.exit(2);
            }
        }
        if (child) {
            runHere(names.get(0), quick, results);
            return;
        }
        Path page = Path.of("docs/performance.md");
        if (!Files.exists(page)) {
            System.err.println("Start it in the root of the project: there is no " + page + " here");
            System.exit(2);
        }
        List<String> failed = new ArrayList<>();
        for (String name : names.isEmpty() ? parts().keySet() : names) {
            if (parts().containsKey(name)) {
                Files.deleteIfExists(results.resolve(name + ".json"));
                if (!runInChild(name, quick)) {
                    failed.add(name);
                }
            }
        }
        new Report(results, quick).write(page);
        if (!failed.isEmpty()) {
            System.err.println("Failed: " + failed);
            System.exit(1);
        }
    }

    private static void runHere(String name, boolean quick, Path results) {
        Supplier<Part> part = parts().get(name);
        if (part == null) {
            throw new IllegalArgumentException(name);
        }
        int exit = 1;
        try {
            Figures figures =
                    new Figures(name, LocalDateTime.now(ZoneOffset.UTC).format(DATE), quick);
            Machine.describe(figures);
            part.get().run(figures, quick);
            figures.write(results.resolve(name + ".json"));
            exit = 0;
        } catch (Exception e) {
            LoggerFactory.getLogger(Main.class).error("The part {} failed", name, e);
        }
        // Peers leave threads behind that would keep the JVM.
        System.exit(exit);
    }

    private static boolean runInChild(String name, boolean quick) throws IOException, InterruptedException {
        long start = System.nanoTime();
        System.out.println(name + (quick ? " (quick)" : ""));
        List<String> command = new ArrayList<>(List.of(
                Machine.java(),
                "-Xmx4g",
                "-cp",
                ManagementFactory.getRuntimeMXBean().getClassPath(),
                Main.class.getName()));
        command.add(CHILD);
        if (quick) {
            command.add("--quick");
        }
        command.add(name);
        Process process = new ProcessBuilder(command).inheritIO().start();
        Thread stop = new Thread(process::destroy);
        Runtime.getRuntime().addShutdownHook(stop);
        int exit = process.waitFor();
        Runtime.getRuntime().removeShutdownHook(stop);
        System.out.printf(
                Locale.ROOT,
                "  %s in %d s%n",
                exit == 0 ? "done" : "FAILED",
                (System.nanoTime() - start) / 1_000_000_000);
        return exit == 0;
    }
}
