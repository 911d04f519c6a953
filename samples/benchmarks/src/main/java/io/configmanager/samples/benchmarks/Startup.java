// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.springframework.util.FileSystemUtils;

/** What the starter adds to the start of an application with a database and an empty store. */
final class Startup implements Part {

    static final String TIME = "JVM started → ready, ms";
    static final String PLAIN = "without";
    private static final String CPU = "… CPU time of it, ms";
    private static final String UNCHECKED = "ours, `initialize-schema=never`";
    static final String CLOUD = "with the client of Spring Cloud Config";

    /** Jars of an application with a {@code DataSource}, of our starter, and of Spring Cloud's; by how they begin. */
    private static final String BASE = "HikariCP|commons-logging|jakarta.annotation-api|jspecify|jul-to-slf4j|log4j-"
            + "|logback-|micrometer-|postgresql-|slf4j-api|snakeyaml-[0-9]|spring-(aop|beans|context|core|expression|jdbc|tx)-"
            + "|spring-boot-([0-9]|autoconfigure-|jdbc-|persistence-|sql-|transaction-)";

    private static final String OURS = "config-|jackson-annotations-|jackson-(core|databind)-3";
    private static final String OF_CLOUD = "spring-cloud-(commons|config-client|context|starter)-|spring-web-"
            + "|spring-security-crypto-|bcprov-|httpc|jackson-annotations-|jackson-(core|databind)-3";

    /** One kind of application. */
    private record Variant(
            String who, String jars, List<String> arguments, String expected, Samples samples, Samples cpu) {

        Variant(String who, String jars, List<String> arguments, String expected) {
            this(who, jars, arguments, expected, new Samples(), new Samples());
        }
    }

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        int rounds = quick ? 2 : 15;
        Path classes = onlyTheApplication();
        try (Database database = Database.start(figures);
                ConfigServer server = new ConfigServer()) {
            List<String> common = List.of(
                    "--spring.datasource.url=" + Database.url(database.port()), "--spring.main.banner-mode=off");
            List<Variant> variants = List.of(
                    new Variant(PLAIN, BASE, common, "ready false false "),
                    new Variant(
                            Figures.OURS,
                            BASE + "|" + OURS,
                            with(common, "--config.store.postgres.initialize-schema=always"),
                            "ready true false "),
                    new Variant(UNCHECKED, BASE + "|" + OURS, common, "ready true false "),
                    new Variant(
                            CLOUD,
                            BASE + "|" + OF_CLOUD,
                            with(
                                    with(common, server.clientArguments()),
                                    "--spring.cloud.compatibility-verifier.enabled=false"),
                            "ready false true "));
            for (int round = -1; round < rounds; round++) {
                for (Variant variant : variants) {
                    start(classes, variant, round >= 0);
                }
            }
            for (Variant variant : variants) {
                figures.add(TIME, variant.who(), variant.samples().millis(50));
            }
            for (Variant variant : variants) {
                figures.add(CPU, variant.who(), variant.cpu().millis(50));
            }
            figures.note(
                    "Medians of " + rounds + " starts each, in turns. The application has a `DataSource` and uses it"
                            + " once; no web server, no actuator. With the starter come also Jackson, the check of the schema"
                            + " and the connection that listens.");
        } finally {
            FileSystemUtils.deleteRecursively(classes);
        }
    }

    private static List<String> with(List<String> arguments, String... more) {
        List<String> all = new ArrayList<>(arguments);
        all.addAll(List.of(more));
        return all;
    }

    private static void start(Path classes, Variant variant, boolean counts) throws IOException, InterruptedException {
        String jars = Machine.jars().stream()
                .filter(jar -> jar.getFileName().toString().matches("(" + variant.jars() + ").*"))
                .map(Path::toString)
                .collect(Collectors.joining(File.pathSeparator));
        List<String> command = new ArrayList<>(List.of(
                Machine.java(), "-cp", classes + File.pathSeparator + jars, StartupApplication.class.getName()));
        command.addAll(variant.arguments());
        long begin = System.nanoTime();
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        long ready = 0;
        long cpu = 0;
        StringBuilder output = new StringBuilder();
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                output.append(line).append('\n');
                if (line.startsWith(variant.expected())) {
                    ready = System.nanoTime();
                    cpu = Long.parseLong(line.substring(variant.expected().length()));
                }
            }
        }
        if (process.waitFor() != 0 || ready == 0) {
            throw new IllegalStateException("The application " + variant.who() + " did not start:\n" + output);
        }
        if (counts) {
            variant.samples().add(ready - begin);
            variant.cpu().add(cpu);
        }
    }

    /** A directory with the application's class alone, because this program's jar brings every library along. */
    private static Path onlyTheApplication() throws IOException {
        String name = StartupApplication.class.getName().replace('.', '/') + ".class";
        Path directory = Files.createTempDirectory("benchmark-application");
        Path target = directory.resolve(name);
        Files.createDirectories(target.getParent());
        try (InputStream source = Startup.class.getClassLoader().getResourceAsStream(name)) {
            if (source == null) {
                throw new IllegalStateException(name + " is not on the class path");
            }
            Files.copy(source, target);
        }
        return directory;
    }
}
