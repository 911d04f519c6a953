// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.samples.benchmarks.Figures.Figure;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Figures as Markdown tables and as panels of a chart. */
final class Tables {

    private Tables() {}

    /** What was measured once: a row for each thing, a column for each one who does it. */
    static String plain(Figures figures) {
        Set<String> whats = figures.whats(false);
        Set<String> whos = figures.all().stream()
                .filter(figure -> figure.at() == 0)
                .map(Figure::who)
                .collect(Collectors.toCollection(LinkedHashSet::new));
        boolean ratio = whos.contains(Figures.OURS) && whos.contains(Figures.BARE);
        List<String> header = new ArrayList<>(List.of("what"));
        header.addAll(whos);
        if (ratio) {
            header.add("ours / bare");
        }
        StringBuilder table = new StringBuilder(header(header, 1));
        for (String what : whats) {
            List<String> cells = new ArrayList<>(List.of(what));
            whos.forEach(who -> cells.add(number(figures.find(what, who, 0))));
            if (ratio) {
                OptionalDouble ours = figures.find(what, Figures.OURS, 0);
                OptionalDouble bare = figures.find(what, Figures.BARE, 0);
                cells.add(ours.isPresent() && bare.isPresent() ? number(ours.getAsDouble() / bare.getAsDouble()) : "");
            }
            table.append(row(cells));
        }
        return table.toString();
    }

    /** What was measured along curves: a row for each thing and who does it, a column for each size. */
    static String curves(Figures figures) {
        Map<String, Set<String>> byAxis = new LinkedHashMap<>();
        for (String what : figures.whats(true)) {
            byAxis.computeIfAbsent(axis(figures, what), axis -> new LinkedHashSet<>())
                    .add(what);
        }
        StringBuilder text = new StringBuilder();
        byAxis.forEach((axis, whats) -> {
            TreeSet<Double> sizes = figures.all().stream()
                    .filter(figure -> figure.at() != 0 && whats.contains(figure.what()))
                    .map(Figure::at)
                    .collect(Collectors.toCollection(TreeSet::new));
            List<String> header = new ArrayList<>(List.of(axis, "who"));
            sizes.forEach(size -> header.add(number(size)));
            text.append(text.isEmpty() ? "" : "\n").append(header(header, 2));
            for (String what : whats) {
                for (String who : lines(figures, what).keySet()) {
                    List<String> cells = new ArrayList<>(List.of(what, who));
                    sizes.forEach(size -> cells.add(number(figures.find(what, who, size))));
                    text.append(row(cells));
                }
            }
        });
        return text.toString();
    }

    /** A panel for each thing that was measured at several sizes; a value that is not positive has no place there. */
    static List<Chart.Panel> panels(Figures figures) {
        List<Chart.Panel> panels = new ArrayList<>();
        for (String what : figures.whats(true)) {
            Map<String, NavigableMap<Double, Double>> lines = lines(figures, what);
            lines.values().forEach(line -> line.values().removeIf(value -> value <= 0));
            if (lines.values().stream().anyMatch(line -> line.size() > 1)) {
                panels.add(new Chart.Panel(what, axis(figures, what), lines));
            }
        }
        return panels;
    }

    static String header(List<String> names, int texts) {
        StringBuilder rule = new StringBuilder("|");
        for (int i = 0; i < names.size(); i++) {
            rule.append(i < texts ? " --- |" : " ---: |");
        }
        return row(names) + rule + "\n";
    }

    static String row(List<String> cells) {
        return "| " + String.join(" | ", cells) + " |\n";
    }

    static String number(OptionalDouble value) {
        return value.isPresent() ? number(value.getAsDouble()) : "";
    }

    /** Three digits that count, or all before the point. */
    static String number(double value) {
        double size = Math.abs(value);
        if (size < 0.005) {
            return "0";
        }
        boolean whole = value == Math.rint(value);
        String format = size >= 100 || (whole && size >= 1) ? "%,.0f" : size >= 10 ? "%.1f" : "%.2f";
        return String.format(Locale.ROOT, format, value);
    }

    /** Ours first, so that it has the same color everywhere. */
    private static Map<String, NavigableMap<Double, Double>> lines(Figures figures, String what) {
        Map<String, NavigableMap<Double, Double>> lines = new LinkedHashMap<>();
        lines.put(Figures.OURS, new TreeMap<>());
        for (Figure figure : figures.all()) {
            if (figure.at() != 0 && figure.what().equals(what)) {
                lines.computeIfAbsent(figure.who(), who -> new TreeMap<>()).put(figure.at(), figure.value());
            }
        }
        lines.values().removeIf(NavigableMap::isEmpty);
        return lines;
    }

    private static String axis(Figures figures, String what) {
        return switch (figures.part()) {
            case "reconnect" ->
                what.startsWith(Reconnect.BY_ENTRIES) ? "entries that exist" : "entries changed while away";
            case "subscriptions" -> "listeners";
            default -> figures.part();
        };
    }
}
