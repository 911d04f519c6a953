// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import io.configmanager.StoreException;
import io.configmanager.VersionConflictException;
import io.configmanager.WriteOptions;
import io.configmanager.spring.InMemory;
import io.configmanager.spring.autoconfigure.SwitchableStore;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** The table of meters in docs/operating.md is what an application has: nothing less, nothing more, nothing of many values. */
class ConfigMetersDocumentationTest {

    private static final Duration LONG = Duration.ofSeconds(30);
    private static final Pattern QUOTED = Pattern.compile("`([^`]+)`");

    @TempDir
    private Path directory;

    private final SwitchableStore store = new SwitchableStore();
    private final ApplicationContextRunner runner = InMemory.runner(
            store::store,
            MetricsAutoConfiguration.class,
            CompositeMeterRegistryAutoConfiguration.class,
            ConfigMetricsAutoConfiguration.class);

    /** One line of the table. */
    private record Documented(String type, Map<String, Set<String>> tags) {}

    @Test
    void theTableIsWhatThereIs() throws IOException {
        Map<String, Documented> table = table();
        runner.withBean(MeterRegistry.class, SimpleMeterRegistry::new)
                .withPropertyValues(
                        "config.outbox.enabled=true",
                        "config.outbox.directory=" + directory,
                        "config.maintenance-interval=100ms",
                        "config.cache.maximum-entries=1",
                        "config.fleet.enabled=true",
                        "config.fleet.interval=1s")
                .run(context -> {
                    useEverything(context.getBean(ConfigManager.class), "");
                    Config large = context.getBean(ConfigManager.class).namespace("large");
                    large.commit(batch -> batch.set("a", 1).set("b", 2));
                    await().atMost(LONG).until(() -> {
                        large.find(ConfigFilter.ALL, 1, null);
                        return operations(context.getBean(MeterRegistry.class))
                                .containsAll(Set.of("list", "maintain", "report", "fleet"));
                    });
                    Map<String, String> types = new TreeMap<>();
                    Map<String, Map<String, Set<String>>> tags = new HashMap<>();
                    for (Meter meter : ours(context.getBean(MeterRegistry.class))) {
                        Meter.Id id = meter.getId();
                        assertThat(id.getDescription()).as(id.getName()).isNotBlank();
                        types.put(id.getName(), typeOf(id));
                        Map<String, Set<String>> known = tags.computeIfAbsent(id.getName(), name -> new TreeMap<>());
                        for (Tag tag : id.getTags()) {
                            known.computeIfAbsent(tag.getKey(), key -> new TreeSet<>())
                                    .add(tag.getValue());
                        }
                    }
                    Map<String, String> documented = new TreeMap<>();
                    table.forEach((name, line) -> documented.put(name, line.type()));
                    assertThat(types).isEqualTo(documented);
                    table.forEach((name, line) -> {
                        assertThat(tags.get(name).keySet())
                                .as(name)
                                .isEqualTo(line.tags().keySet());
                        line.tags()
                                .forEach((key, values) -> assertThat(values)
                                        .as("%s of %s", key, name)
                                        .containsAll(tags.get(name).get(key)));
                    });
                    assertThat(tags.get("config.store.operations").get("operation"))
                            .as("what is documented can happen")
                            .isEqualTo(
                                    table.get("config.store.operations").tags().get("operation"));
                    assertThat(tags.get("config.store.operations").get("outcome"))
                            .isEqualTo(Set.of("success", "conflict", "failure"));
                });
    }

    @Test
    void manyNamespacesAndKeysMakeNoMoreMeters() {
        runner.withBean(MeterRegistry.class, SimpleMeterRegistry::new).run(context -> {
            MeterRegistry registry = context.getBean(MeterRegistry.class);
            int before = ours(registry).size() - storeTimers(registry);
            for (int i = 0; i < 20; i++) {
                useEverything(context.getBean(ConfigManager.class), "tenant-" + i);
            }
            assertThat(ours(registry)).hasSize(before + storeTimers(registry));
            assertThat(storeTimers(registry))
                    .as("10 operations with 3 outcomes")
                    .isBetween(4, 30);
        });
    }

    @Test
    void propagationHasBucketsOfSensibleNumberAndRange() {
        runner.withBean(PrometheusMeterRegistry.class, () -> new PrometheusMeterRegistry(PrometheusConfig.DEFAULT))
                .run(context -> {
                    String scrape =
                            context.getBean(PrometheusMeterRegistry.class).scrape();
                    List<Double> bounds = new ArrayList<>();
                    Pattern.compile("config_propagation_seconds_bucket\\{le=\"([0-9.E-]+)\"}")
                            .matcher(scrape)
                            .results()
                            .map(match -> Double.valueOf(match.group(1)))
                            .forEach(bounds::add);
                    assertThat(bounds).isSorted().hasSizeBetween(20, 80);
                    assertThat(bounds.get(0)).isEqualTo(0.001);
                    assertThat(bounds.get(bounds.size() - 1)).isEqualTo(30);
                    assertThat(scrape).contains("config_propagation_seconds_bucket{le=\"+Inf\"}");
                    assertThat(scrape.lines().filter(line -> line.startsWith("config_")))
                            .as("lines of one scrape")
                            .hasSizeLessThan(150);
                });
    }

    private void useEverything(ConfigManager manager, String namespace) {
        Config config = manager.namespace(namespace);
        config.set("k", 1);
        config.get("k", Integer.class);
        config.latest("k");
        config.history("k", 1, null);
        manager.storedNamespaces(1, null);
        assertThatThrownBy(() -> config.set("k", 2, WriteOptions.createOnly()))
                .isInstanceOf(VersionConflictException.class);
        store.goAway();
        assertThatThrownBy(() -> config.history("k", 1, null)).isInstanceOf(StoreException.class);
        store.comeBack();
        await().atMost(LONG).until(() -> manager.sync(LONG));
    }

    private static List<Meter> ours(MeterRegistry registry) {
        return registry.getMeters().stream()
                .filter(meter -> meter.getId().getName().startsWith("config.")
                        || "config".equals(meter.getId().getTag("cache")))
                .toList();
    }

    private static Set<String> operations(MeterRegistry registry) {
        return registry.find("config.store.operations").meters().stream()
                .map(meter -> meter.getId().getTag("operation"))
                .collect(Collectors.toSet());
    }

    private static int storeTimers(MeterRegistry registry) {
        return registry.find("config.store.operations").meters().size();
    }

    private static String typeOf(Meter.Id id) {
        String type = id.getType().name().toLowerCase(Locale.ROOT);
        boolean histogram = id.getName().equals("config.propagation");
        String unit = id.getType() == Meter.Type.TIMER ? null : id.getBaseUnit();
        return type + (histogram ? ", histogram" : "") + (unit == null ? "" : ", " + unit);
    }

    private static Map<String, Documented> table() throws IOException {
        Map<String, Documented> table = new TreeMap<>();
        String page = Files.readString(Path.of("../docs/operating.md"));
        for (String line :
                page.split("\n## Metrics\n")[1].split("\n## ")[0].lines().toList()) {
            if (line.startsWith("| `")) {
                String[] cells = line.split("\\|", -1);
                assertThat(cells).as(line).hasSize(7);
                assertThat(cells[4]).as("meaning of %s", cells[1]).isNotBlank();
                Documented before =
                        table.put(quoted(cells[1]).get(0), new Documented(cells[2].strip(), tags(cells[3])));
                assertThat(before).as("documented twice: %s", cells[1]).isNull();
            }
        }
        return table;
    }

    /** {@code `a`: `x`, `y`; `b`, `c`: `z`} */
    private static Map<String, Set<String>> tags(String cell) {
        Map<String, Set<String>> tags = new TreeMap<>();
        for (String part : cell.split(";")) {
            String[] sides = part.split(":");
            if (sides.length == 2) {
                quoted(sides[0]).forEach(key -> tags.put(key, new HashSet<>(quoted(sides[1]))));
            }
        }
        return tags;
    }

    private static List<String> quoted(String text) {
        return QUOTED.matcher(text)
                .results()
                .map((MatchResult match) -> match.group(1))
                .toList();
    }
}
