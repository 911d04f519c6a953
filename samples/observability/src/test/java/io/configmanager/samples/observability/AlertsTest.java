// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.observability;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The alert rules, without a server. */
class AlertsTest {

    @Test
    @SuppressWarnings("unchecked")
    void everyAlertSaysWhatIsWrongAndWhatToDo() {
        assertThat(Documents.alerts()).hasSizeGreaterThan(11);
        Documents.alerts().forEach((name, rule) -> {
            assertThat((Map<String, String>) rule.get("labels")).as(name).containsKey("severity");
            Map<String, String> annotations = (Map<String, String>) rule.get("annotations");
            assertThat(annotations).as(name).containsOnlyKeys("summary", "description", "runbook_url");
            assertThat(annotations.values()).as(name).noneMatch(String::isBlank);
            assertThat(annotations.get("runbook_url")).isEqualTo("docs/operating.md#" + name.toLowerCase(Locale.ROOT));
            assertThat(Documents.operating()).as(name).contains("\n### " + name + "\n");
        });
    }

    @Test
    void expressionsUseDocumentedMetersOnly() {
        Documents.alerts().forEach((name, rule) -> {
            Set<String> metrics = Documents.metrics((String) rule.get("expr"));
            assertThat(metrics).as(name).isNotEmpty();
            assertThat(Documents.documentedMetrics()).as(name).containsAll(metrics);
        });
    }

    @Test
    void everyAlertIsTestedSilentAndLoud() {
        Set<String> silent = new TreeSet<>();
        Set<String> loud = new TreeSet<>();
        for (Map<String, Object> test :
                Documents.list(Documents.yaml(Documents.PROMETHEUS.resolve("alerts_test.yml")), "tests")) {
            for (Map<String, Object> check : Documents.list(test, "alert_rule_test")) {
                ((List<?>) check.get("exp_alerts"))
                        .stream()
                                .findAny()
                                .ifPresentOrElse(
                                        any -> loud.add((String) check.get("alertname")),
                                        () -> silent.add((String) check.get("alertname")));
            }
        }
        assertThat(silent).isEqualTo(new TreeSet<>(Documents.alerts().keySet()));
        assertThat(loud).isEqualTo(silent);
    }
}
