// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What the figures were measured on. */
final class Machine {

    private static final List<String> LIBRARIES = List.of(
            "postgresql",
            "HikariCP",
            "spring-boot",
            "spring-core",
            "jetcd-core",
            "spring-cloud-context",
            "spring-cloud-config-server",
            "spring-cloud-config-client",
            "archaius2-core",
            "avaje-config",
            "launchdarkly-java-server-sdk",
            "togglz-core",
            "caffeine");

    private Machine() {}

    static void describe(Figures figures) throws IOException {
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        figures.machine(
                "machine",
                String.format(
                        Locale.ROOT,
                        "%d cores (%s), %d GB, %s",
                        system.getAvailableProcessors(),
                        line(Path.of("/proc/cpuinfo"), "model name", system.getArch()),
                        Math.round(system.getTotalMemorySize() / 1e9),
                        line(Path.of("/etc/os-release"), "PRETTY_NAME", system.getName())));
        figures.machine("java", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
        figures.machine("load", String.format(Locale.ROOT, "%.1f", system.getSystemLoadAverage()));
        figures.machine("libraries", libraries());
    }

    static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    /** The jars that this program's jar brings along. */
    static List<Path> jars() throws IOException {
        Path own = Path.of(ManagementFactory.getRuntimeMXBean().getClassPath()).toAbsolutePath();
        try (JarFile jar = new JarFile(own.toFile())) {
            String listed = jar.getManifest().getMainAttributes().getValue("Class-Path");
            return Stream.of(listed.split(" ")).map(own::resolveSibling).toList();
        }
    }

    private static String libraries() throws IOException {
        List<String> names =
                jars().stream().map(jar -> jar.getFileName().toString()).toList();
        return LIBRARIES.stream()
                .flatMap(library -> names.stream()
                        .filter(name -> name.matches(library + "-[0-9].*\\.jar"))
                        .map(name ->
                                library + " " + name.substring(library.length() + 1, name.length() - ".jar".length())))
                .collect(Collectors.joining(", "));
    }

    /** The text after the first {@code name:} or {@code name=} of a file; the default where there is no such file. */
    private static String line(Path file, String name, String otherwise) throws IOException {
        if (!Files.exists(file)) {
            return otherwise;
        }
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> line.startsWith(name))
                    .map(line -> line.replaceFirst("^[^:=]*[:=]", "")
                            .replace("\"", "")
                            .strip())
                    .findFirst()
                    .orElse(otherwise);
        }
    }
}
