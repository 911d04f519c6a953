// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.metrics;

import io.configmanager.ConfigManager;
import io.configmanager.spring.ConfigBindings;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What the manager and the injected values say of themselves when asked. */
record ConfigWatchMetrics(ConfigManager manager, @Nullable ConfigBindings bindings) implements MeterBinder {

    private static final double NANOS_PER_SECOND = 1e9;

    @Override
    public void bindTo(MeterRegistry registry) {
        Gauge.builder("config.watch.connected", manager, m -> m.watchStatus().connected() ? 1 : 0)
                .description("Whether the watch has a connection to the store")
                .register(registry);
        Gauge.builder("config.watch.failures", manager, m -> m.watchStatus().consecutiveFailures())
                .description("Failures of the watch in a row")
                .register(registry);
        Gauge.builder("config.watch.staleness", manager, ConfigWatchMetrics::staleness)
                .description("Upper bound of the age of what is in memory; NaN before the first success")
                .baseUnit("seconds")
                .register(registry);
        Gauge.builder("config.revision.applied", manager, m -> m.watchStatus().revision())
                .description("Everything up to this revision is shown by this instance")
                .register(registry);
        Gauge.builder(
                        "config.subscriptions.open",
                        manager,
                        m -> m.subscriptionStats().open())
                .description("Listeners, notifications, watchers and publishers")
                .register(registry);
        Gauge.builder(
                        "config.subscriptions.behind",
                        manager,
                        m -> m.subscriptionStats().behind())
                .description("Subscriptions for which something waits")
                .register(registry);
        Gauge.builder(
                        "config.subscriptions.lag",
                        manager,
                        m -> seconds(m.subscriptionStats().lag()))
                .description("How long the oldest change has been waiting for a slow listener, consumer or queue")
                .baseUnit("seconds")
                .register(registry);
        FunctionCounter.builder(
                        "config.subscriptions.coalesced",
                        manager,
                        m -> m.subscriptionStats().coalesced())
                .description("Change sets that were merged because a listener was slow")
                .register(registry);
        FunctionCounter.builder("config.binding.errors", this, ConfigWatchMetrics::bindingErrors)
                .description("Values that an injected field, parameter or typed group could not take")
                .register(registry);
        Gauge.builder(
                        "config.binding.targets",
                        this,
                        metrics -> metrics.bindings == null ? 0 : metrics.bindings.targets())
                .description("Living objects that follow a key or a prefix")
                .register(registry);
    }

    private static double staleness(ConfigManager manager) {
        Duration staleness = manager.watchStatus().staleness();
        return staleness == null ? Double.NaN : seconds(staleness);
    }

    private static double seconds(Duration duration) {
        return duration.toNanos() / NANOS_PER_SECOND;
    }

    private double bindingErrors() {
        return bindings == null ? 0 : bindings.errors();
    }
}
