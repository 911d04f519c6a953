// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;

/** Plots curves as SVG: small panels side by side, both axes logarithmic. */
final class Chart {

    private static final int WIDTH = 330;
    private static final int HEIGHT = 290;
    private static final int LEFT = 52;
    private static final int RIGHT = 14;
    private static final int TOP = 40;
    private static final int BOTTOM = 92;
    private static final int COLUMNS = 3;
    private static final String[] COLORS = {"#1f6feb", "#8c959f", "#d9730d", "#8250df", "#1a7f37"};

    /**
     * One plot.
     *
     * @param axis what grows along the horizontal axis
     * @param lines by name: the values at the sizes, all positive
     */
    record Panel(String title, String axis, Map<String, NavigableMap<Double, Double>> lines) {}

    private final StringBuilder svg = new StringBuilder();

    private Chart() {}

    static String svg(List<Panel> panels) {
        Chart chart = new Chart();
        int columns = Math.min(COLUMNS, panels.size());
        int width = WIDTH * columns;
        int height = HEIGHT * ((panels.size() + columns - 1) / columns);
        chart.add("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        chart.add("<!-- SPDX-License-Identifier: Apache-2.0 -->");
        chart.add(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\""
                        + " font-family=\"sans-serif\" font-size=\"11\" fill=\"#1f2328\">",
                width, height, width, height);
        chart.add("<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>", width, height);
        for (int i = 0; i < panels.size(); i++) {
            chart.add("<g transform=\"translate(%d %d)\">", WIDTH * (i % columns), HEIGHT * (i / columns));
            chart.panel(panels.get(i));
            chart.add("</g>");
        }
        chart.add("</svg>");
        return chart.svg.toString();
    }

    private void panel(Panel panel) {
        List<Double> sizes = new ArrayList<>();
        List<Double> values = new ArrayList<>();
        for (NavigableMap<Double, Double> line : panel.lines().values()) {
            sizes.addAll(line.keySet());
            values.addAll(line.values());
        }
        Scale x = new Scale(sizes, LEFT, WIDTH - RIGHT);
        Scale y = new Scale(values, HEIGHT - BOTTOM, TOP);
        text(12, 20, "start", "font-weight=\"bold\"", panel.title());
        for (int decade = x.first; decade <= x.last; decade++) {
            double at = x.at(Math.pow(10, decade));
            line(at, TOP, at, HEIGHT - BOTTOM);
            text(at, HEIGHT - BOTTOM + 14, "middle", "", label(decade));
        }
        for (int decade = y.first; decade <= y.last; decade++) {
            double at = y.at(Math.pow(10, decade));
            line(LEFT, at, WIDTH - RIGHT, at);
            text(LEFT - 5, at + 4, "end", "", label(decade));
        }
        text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - BOTTOM + 30, "middle", "fill=\"#59636e\"", panel.axis());
        int index = 0;
        for (var line : panel.lines().entrySet()) {
            String color = COLORS[index % COLORS.length];
            StringBuilder points = new StringBuilder();
            for (var point : line.getValue().entrySet()) {
                String position = String.format(Locale.ROOT, "%.1f", x.at(point.getKey()));
                String height = String.format(Locale.ROOT, "%.1f", y.at(point.getValue()));
                points.append(position).append(',').append(height).append(' ');
                add("<circle cx=\"%s\" cy=\"%s\" r=\"3\" fill=\"%s\"/>", position, height, color);
            }
            add(
                    "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>",
                    points.toString().strip(), color);
            int legend = HEIGHT - BOTTOM + 46 + 14 * index;
            add("<rect x=\"%d\" y=\"%d\" width=\"10\" height=\"10\" fill=\"%s\"/>", LEFT, legend - 9, color);
            text(LEFT + 15, legend, "start", "", line.getKey());
            index++;
        }
    }

    private void line(double x1, double y1, double x2, double y2) {
        add("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#d1d9e0\"/>", x1, y1, x2, y2);
    }

    private void text(double x, double y, String anchor, String more, String text) {
        add(
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>%s</text>",
                x,
                y,
                anchor,
                more,
                text.replace("&", "&amp;").replace("<", "&lt;").replace("`", ""));
    }

    @SuppressWarnings("AnnotateFormatMethod")
    private void add(String line, Object... values) {
        svg.append(values.length == 0 ? line : String.format(Locale.ROOT, line, values))
                .append('\n');
    }

    private static String label(int decade) {
        if (decade < 0) {
            return "0." + "0".repeat(-decade - 1) + "1";
        }
        String[] units = {"", "k", "M", "G"};
        return "1" + "0".repeat(decade % 3) + units[Math.min(decade / 3, units.length - 1)];
    }

    /** Whole decades that hold all values, over a way of pixels. */
    private static final class Scale {

        private final int first;
        private final int last;
        private final double from;
        private final double to;

        Scale(List<Double> values, double from, double to) {
            double least = values.stream().mapToDouble(Math::log10).min().orElse(0);
            double most = values.stream().mapToDouble(Math::log10).max().orElse(1);
            this.first = (int) Math.floor(least);
            this.last = Math.max(first + 1, (int) Math.ceil(most));
            this.from = from;
            this.to = to;
        }

        double at(double value) {
            return from + (to - from) * (Math.log10(value) - first) / (last - first);
        }
    }
}
