// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Renews the figures of the page: what stands between {@code <!-- begin NAME -->} and {@code <!-- end NAME -->}. All the
 * rest is written by hand and stays.
 */
final class Report {

    private static final Pattern REGION =
            Pattern.compile("(<!-- begin (\\S+) -->\n).*?(<!-- end \\2 -->)", Pattern.DOTALL);

    private final Path results;
    private final boolean quick;
    private final Map<String, Figures> parts = new LinkedHashMap<>();
    private final List<String> missing = new ArrayList<>();

    Report(Path results, boolean quick) {
        this.results = results;
        this.quick = quick;
        for (String name : Main.parts().keySet()) {
            Path file = results.resolve(name + ".json");
            if (Files.exists(file)) {
                parts.put(name, Figures.read(file));
            } else {
                missing.add(name);
            }
        }
    }

    /** Renews the page and its plots; what is quick or not whole goes beside the results instead. */
    void write(Path page) throws IOException {
        boolean publish = !quick && missing.isEmpty();
        Path target = publish ? page : results.resolve(page.getFileName());
        Path plots = target.resolveSibling("performance");
        Files.createDirectories(plots);
        StringBuilder text = new StringBuilder();
        Matcher region = REGION.matcher(Files.readString(page));
        while (region.find()) {
            String content = region.group(1) + "\n" + content(region.group(2), plots) + "\n" + region.group(3);
            region.appendReplacement(text, Matcher.quoteReplacement(content));
        }
        region.appendTail(text);
        Files.writeString(target, text);
        System.out.println("Wrote " + target + (missing.isEmpty() ? "" : "; not run: " + missing));
    }

    private String content(String name, Path plots) throws IOException {
        if (name.equals("run")) {
            return run();
        }
        if (name.equals("targets")) {
            return Targets.table(parts);
        }
        Figures figures = parts.get(name);
        if (figures == null) {
            return "Not run.\n";
        }
        StringBuilder text = new StringBuilder();
        if (name.equals("reads")) {
            text.append(reads(figures)).append('\n');
        }
        if (!figures.whats(false).isEmpty()) {
            text.append(Tables.plain(name.equals("reads") ? figures.without(Reads.NAMES.keySet()) : figures));
        }
        List<Chart.Panel> panels = Tables.panels(figures);
        if (!panels.isEmpty()) {
            Files.writeString(plots.resolve(name + ".svg"), Chart.svg(panels));
            text.append(text.isEmpty() ? "" : "\n").append("![").append(name).append("](performance/");
            text.append(name).append(".svg)\n\n").append(Tables.curves(figures));
        }
        figures.notes().forEach(note -> text.append('\n').append(note).append('\n'));
        return text.toString();
    }

    private String run() {
        List<String> dates = parts.values().stream().map(Figures::date).sorted().toList();
        Map<String, String> machine = new LinkedHashMap<>();
        parts.values().forEach(part -> machine.putAll(part.machine()));
        StringBuilder text = new StringBuilder();
        if (quick) {
            text.append("**A quick run, to see that everything works. Its figures mean nothing.**\n\n");
        }
        if (!dates.isEmpty()) {
            text.append("- run: parts started ").append(dates.get(0)).append(" to ");
            text.append(dates.get(dates.size() - 1)).append(" UTC; load when they started: ");
            text.append(String.join(
                    ", ",
                    parts.values().stream()
                            .map(part -> part.machine().getOrDefault("load", "?"))
                            .toList()));
            text.append('\n');
        }
        for (String name : List.of("machine", "java", "server", "mongo", "etcd", "libraries")) {
            text.append("- ").append(name).append(": ");
            text.append(machine.getOrDefault(name, "not there")).append('\n');
        }
        return text.toString();
    }

    private static String reads(Figures figures) {
        StringBuilder table = new StringBuilder(Tables.header(
                List.of("reads from memory", "ns per read", "bytes allocated", "ns per read, 2 threads"), 1));
        Reads.NAMES.forEach((method, name) -> {
            OptionalDouble time = figures.find(Reads.TIME, method, 0);
            if (time.isPresent()) {
                table.append(Tables.row(List.of(
                        name,
                        Tables.number(time) + " ± " + Tables.number(figures.find(Reads.ERROR, method, 0)),
                        Tables.number(figures.find(Reads.ALLOCATED, method, 0)),
                        Tables.number(figures.find(Reads.TIME_OF_TWO, method, 0)))));
            }
        });
        return table.toString();
    }
}
