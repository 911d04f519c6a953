// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.observability;

import io.micrometer.core.instrument.Meter;
import io.micrometer.prometheusmetrics.PrometheusNamingConvention;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.Yaml;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The files of this sample and the page that they belong to. */
final class Documents {

    static final Path PROMETHEUS = Path.of("prometheus");

    private static final Pattern METER = Pattern.compile("\\| `([a-z.]+)` \\| (gauge|counter|timer)(, [a-z]+)? \\|.*");
    private static final Pattern METRIC = Pattern.compile("\\b(?:config|cache)_[a-z_]+");
    private static final Pattern LABELS = Pattern.compile("\\{[^}]*}");

    private Documents() {}

    /** A panel of the dashboard that shows data. */
    record Panel(String title, JsonNode json) {

        List<String> expressions() {
            List<String> expressions = new ArrayList<>();
            json.get("targets")
                    .forEach(target -> expressions.add(target.get("expr").stringValue()));
            return expressions;
        }
    }

    static JsonNode dashboard() {
        return JsonMapper.shared().readTree(text(Path.of("grafana/dashboard.json")));
    }

    static List<Panel> panels() {
        List<Panel> panels = new ArrayList<>();
        dashboard()
                .get("panels")
                .forEach(panel -> panels.add(new Panel(panel.get("title").stringValue(), panel)));
        return panels;
    }

    /** Rules by the name of their alert. */
    static Map<String, Map<String, Object>> alerts() {
        Map<String, Map<String, Object>> alerts = new LinkedHashMap<>();
        for (Map<String, Object> group : list(yaml(PROMETHEUS.resolve("alerts.yml")), "groups")) {
            list(group, "rules").forEach(rule -> alerts.put((String) rule.get("alert"), rule));
        }
        return alerts;
    }

    static Map<String, Object> yaml(Path file) {
        return new Yaml().load(text(file));
    }

    @SuppressWarnings("unchecked")
    static List<Map<String, Object>> list(Map<String, Object> of, String key) {
        return (List<Map<String, Object>>) of.get(key);
    }

    static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String operating() {
        return text(Path.of("../../docs/operating.md"));
    }

    /** The names that the documented meters have in Prometheus. */
    static Set<String> documentedMetrics() {
        PrometheusNamingConvention naming = new PrometheusNamingConvention();
        Set<String> names = new TreeSet<>();
        operating().lines().map(METER::matcher).filter(Matcher::matches).forEach(line -> {
            Meter.Type type = Meter.Type.valueOf(line.group(2).toUpperCase(Locale.ROOT));
            String more = line.group(3) == null ? "" : line.group(3).substring(2);
            String name = naming.name(line.group(1), type, type == Meter.Type.TIMER || more.isEmpty() ? null : more);
            if (type == Meter.Type.TIMER) {
                names.addAll(List.of(name + "_count", name + "_sum", name + "_max"));
                if (more.equals("histogram")) {
                    names.add(name + "_bucket");
                }
            } else {
                names.add(type == Meter.Type.COUNTER ? name + "_total" : name);
            }
        });
        return names;
    }

    /** The metrics of this library in an expression. */
    static Set<String> metrics(String expression) {
        Set<String> names = new TreeSet<>();
        METRIC.matcher(LABELS.matcher(expression).replaceAll("")).results().forEach(match -> names.add(match.group()));
        return names;
    }
}
