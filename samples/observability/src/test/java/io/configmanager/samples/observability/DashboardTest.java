// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.observability;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What grafana/dashboard.json must have; its schema is checked by hand, see README.md. */
class DashboardTest {

    private static final Pattern VARIABLE = Pattern.compile("\\$\\{?([A-Za-z_]+)");
    private static final Set<String> OF_GRAFANA = Set.of("__rate_interval");

    @Test
    void everyPanelSaysWhatItShows() {
        assertThat(Documents.panels()).hasSizeGreaterThan(20).allSatisfy(panel -> {
            assertThat(panel.title()).isNotBlank();
            assertThat(panel.json().get("description").stringValue())
                    .as(panel.title())
                    .hasSizeGreaterThan(30);
            assertThat(panel.json().at("/fieldConfig/defaults/unit").stringValue())
                    .as(panel.title())
                    .isNotBlank();
            assertThat(panel.expressions()).as(panel.title()).isNotEmpty();
        });
        assertThat(Documents.panels()).extracting(Documents.Panel::title).doesNotHaveDuplicates();
    }

    @Test
    void expressionsUseDocumentedMetersOnly() {
        Set<String> used = new TreeSet<>();
        for (Documents.Panel panel : Documents.panels()) {
            for (String expression : panel.expressions()) {
                assertThat(Documents.metrics(expression)).as(expression).isNotEmpty();
                used.addAll(Documents.metrics(expression));
            }
        }
        assertThat(Documents.documentedMetrics()).containsAll(used);
        assertThat(used)
                .as("the questions of whoever is on call")
                .contains(
                        "config_watch_connected",
                        "config_watch_staleness_seconds",
                        "config_propagation_seconds_bucket",
                        "config_watch_events_total",
                        "cache_gets_total",
                        "cache_size",
                        "config_store_operations_seconds_sum",
                        "config_watch_reconnects_total",
                        "config_watch_hints_missed_total",
                        "config_outbox_pending_writes",
                        "config_binding_errors_total",
                        "config_values_rejected_total",
                        "config_revision_applied");
    }

    @Test
    void itIsImportableAsItIs() {
        JsonNode dashboard = Documents.dashboard();
        assertThat(dashboard.get("uid").stringValue()).isEqualTo("config-manager");
        Set<String> variables = new HashSet<>(OF_GRAFANA);
        dashboard
                .at("/templating/list")
                .forEach(variable -> variables.add(variable.get("name").stringValue()));
        assertThat(variables).contains("datasource", "job", "instance");
        VARIABLE.matcher(dashboard.toString())
                .results()
                .map(match -> match.group(1))
                .filter(name -> !name.equals("__all"))
                .forEach(name -> assertThat(variables).contains(name));
        for (Documents.Panel panel : Documents.panels()) {
            panel.json()
                    .get("targets")
                    .forEach(target -> assertThat(target.at("/datasource/uid").stringValue())
                            .isEqualTo("${datasource}"));
        }
    }

    @Test
    void panelsHaveAPlaceOfTheirOwn() {
        Set<String> cells = new HashSet<>();
        Set<Integer> ids = new HashSet<>();
        for (Documents.Panel panel : Documents.panels()) {
            assertThat(ids.add(panel.json().get("id").intValue())).isTrue();
            JsonNode place = panel.json().get("gridPos");
            assertThat(place.get("x").intValue() + place.get("w").intValue()).isLessThanOrEqualTo(24);
            for (int x = 0; x < place.get("w").intValue(); x++) {
                for (int y = 0; y < place.get("h").intValue(); y++) {
                    String cell = (place.get("x").intValue() + x) + " "
                            + (place.get("y").intValue() + y);
                    assertThat(cells.add(cell)).as(panel.title()).isTrue();
                }
            }
        }
    }

    @Test
    @SuppressWarnings("unchecked")
    void composeMountsWhatIsThere() {
        Map<String, Map<String, Object>> services = (Map<String, Map<String, Object>>)
                Documents.yaml(Path.of("docker-compose.yml")).get("services");
        assertThat(services).containsOnlyKeys("postgres", "app-1", "app-2", "prometheus", "grafana");
        services.forEach((name, service) -> {
            for (String mount : (List<String>) service.getOrDefault("volumes", List.of())) {
                Path file = Path.of(mount.split(":")[0]);
                // The build makes it after the tests.
                assertThat(file.startsWith("./target") || Files.exists(file))
                        .as(mount)
                        .isTrue();
            }
        });
        assertThat(Documents.text(Path.of("docker-compose.yml"))).contains("/var/lib/grafana/dashboards/");
        assertThat(Documents.yaml(Path.of("grafana/provisioning/dashboards/config-manager.yml")))
                .containsKey("providers");
        assertThat(Documents.yaml(Path.of("grafana/provisioning/datasources/prometheus.yml")))
                .containsKey("datasources");
    }
}
