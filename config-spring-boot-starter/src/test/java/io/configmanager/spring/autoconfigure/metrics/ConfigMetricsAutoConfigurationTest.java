// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.spring.InMemory;
import io.configmanager.spring.autoconfigure.SwitchableStore;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import org.junit.jupiter.api.Test;
import org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration;
import org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

class ConfigMetricsAutoConfigurationTest {

    private final SwitchableStore store = new SwitchableStore();
    private final ApplicationContextRunner runner = InMemory.runner(
                    store::store,
                    MetricsAutoConfiguration.class,
                    CompositeMeterRegistryAutoConfiguration.class,
                    ConfigMetricsAutoConfiguration.class)
            .withPropertyValues("config.watch.last-retry=100ms");

    private ApplicationContextRunner withPrometheus() {
        return runner.withBean(
                PrometheusMeterRegistry.class, () -> new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
    }

    @Test
    void everyMeterExistsFromTheStart() {
        withPrometheus().run(context -> {
            String cache = "{cache=\"config\",cache_manager=\"config\",name=\"config\"";
            assertThat(scrape(context.getBean(PrometheusMeterRegistry.class)))
                    .contains("cache_gets_total" + cache + ",result=\"hit\"} ")
                    .contains("cache_gets_total" + cache + ",result=\"miss\"} ")
                    .contains("cache_size" + cache + "} ")
                    .contains("cache_evictions_total" + cache + "} 0.0")
                    .contains("cache_puts_total" + cache + "} 0.0")
                    .contains("\nconfig_watch_connected 1.0")
                    .contains("\nconfig_watch_failures 0.0")
                    .contains("\nconfig_watch_reconnects_total 0.0")
                    .contains("\nconfig_watch_events_total 0.0")
                    .contains("\nconfig_watch_staleness_seconds ")
                    .contains("\nconfig_watch_hints_missed_total 0.0")
                    .contains("\nconfig_watch_resyncs_total{reason=\"compacted\"} 0.0")
                    .contains("\nconfig_watch_resyncs_total{reason=\"history_replaced\"} 0.0")
                    .contains("\nconfig_propagation_seconds_count 0")
                    .contains("\nconfig_propagation_seconds_bucket{le=\"")
                    .contains("\nconfig_store_operations_seconds_count{operation=\"openFeed\",outcome=\"success\"} 1")
                    .contains("\nconfig_binding_errors_total 0.0")
                    .contains("\nconfig_binding_targets 0.0")
                    .contains("\nconfig_values_rejected_total 0.0")
                    .contains("\nconfig_listener_errors_total 0.0")
                    .contains("\nconfig_subscriptions_open 0.0")
                    .contains("\nconfig_subscriptions_behind 0.0")
                    .contains("\nconfig_subscriptions_lag_seconds 0.0")
                    .contains("\nconfig_subscriptions_coalesced_total 0.0");
        });
    }

    @Test
    void metersFollowWhatHappens() {
        withPrometheus().run(context -> {
            PrometheusMeterRegistry registry = context.getBean(PrometheusMeterRegistry.class);
            Config config = context.getBean(Config.class);
            config.listen(io.configmanager.ConfigFilter.ALL, changes -> {
                throw new IllegalStateException("listener");
            });
            config.set("x", 1);
            config.get("x", Integer.class);
            await().untilAsserted(() -> assertThat(scrape(registry))
                    .contains("\nconfig_watch_events_total 1.0")
                    .contains("\nconfig_propagation_seconds_count 1")
                    .contains("\nconfig_listener_errors_total 1.0")
                    // This one and that of the events of the context.
                    .contains("\nconfig_subscriptions_open 2.0")
                    .contains("\nconfig_store_operations_seconds_count{operation=\"commit\",outcome=\"success\"} 1"));
            store.goAway();
            await().untilAsserted(() -> assertThat(scrape(registry)).contains("\nconfig_watch_connected 0.0"));
            store.comeBack();
            await().untilAsserted(() -> assertThat(scrape(registry))
                    .contains("\nconfig_watch_connected 1.0")
                    .contains("\nconfig_watch_reconnects_total 1.0"));
        });
    }

    @Test
    void backsOff() {
        runner.run(context -> assertThat(context).hasSingleBean(ConfigCacheMetrics.class));
        withPrometheus()
                .withPropertyValues("config.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(ConfigEventMetrics.class));
        InMemory.runner(store::store, ConfigMetricsAutoConfiguration.class)
                .withClassLoader(new FilteredClassLoader(MeterRegistry.class))
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean("configEventMetrics"));
    }

    private static String scrape(PrometheusMeterRegistry registry) {
        return registry.scrape();
    }
}
