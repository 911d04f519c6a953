// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.observability;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Prometheus' own tool says of the files. */
class PromtoolTest {

    @Test
    void configurationAndRulesAreValid() throws IOException, InterruptedException {
        assertThat(Prometheus.promtool("check", "config", "prometheus.yml")).contains("SUCCESS");
        assertThat(Prometheus.promtool("check", "rules", "alerts.yml"))
                .contains(Documents.alerts().size() + " rules found");
    }

    @Test
    void alertsFireWhenTheyShouldAndNotBefore() throws IOException, InterruptedException {
        assertThat(Prometheus.promtool("test", "rules", "alerts_test.yml")).contains("SUCCESS");
    }

    @Test
    void expressionsOfTheDashboardAreValid(@TempDir Path directory) throws IOException, InterruptedException {
        List<String> expressions = Documents.panels().stream()
                .flatMap(panel -> panel.expressions().stream())
                .map(expression -> expression.replace("$__rate_interval", "1m"))
                .toList();
        StringBuilder rules = new StringBuilder("groups:\n  - name: dashboard\n    rules:\n");
        for (int i = 0; i < expressions.size(); i++) {
            rules.append("      - record: dashboard:%d\n        expr: '%s'\n"
                    .formatted(i, expressions.get(i).replace("'", "''")));
        }
        Path file = Files.writeString(directory.resolve("dashboard.yml"), rules);
        assertThat(Prometheus.promtool("check", "rules", file.toString()))
                .contains(expressions.size() + " rules found");
    }
}
