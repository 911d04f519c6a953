// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.metrics;

import io.configmanager.ConfigManager;
import io.configmanager.Outbox;
import io.configmanager.OutboxStats;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.function.ToDoubleFunction;

/** What the outbox says of itself when asked. */
record ConfigOutboxMetrics(ConfigManager manager, InstantSource clock) implements MeterBinder {

    private static final double MILLIS_PER_SECOND = 1e3;

    @Override
    public void bindTo(MeterRegistry registry) {
        gauge(registry, "config.outbox.pending", "writes", "Writes that will be applied", OutboxStats::pending);
        gauge(
                registry,
                "config.outbox.conflicts",
                "writes",
                "Writes that another change has overtaken, which wait for a decision",
                OutboxStats::conflicts);
        gauge(
                registry,
                "config.outbox.dead",
                "writes",
                "Writes that the store does not accept, which wait for a decision",
                OutboxStats::dead);
        gauge(
                registry,
                "config.outbox.expired",
                "writes",
                "Writes whose deadline has passed, which wait for a decision",
                OutboxStats::expired);
        gauge(registry, "config.outbox.bytes", "bytes", "Size of the outbox on disk", OutboxStats::bytes);
        gauge(
                registry,
                "config.outbox.oldest.age",
                "seconds",
                "How long the oldest pending write has been waiting; 0 if none is",
                this::oldestAge);
        FunctionCounter.builder("config.outbox.replayed", manager, m -> value(m, OutboxStats::replayed))
                .description("Writes that were applied from the outbox")
                .register(registry);
    }

    private void gauge(
            MeterRegistry registry, String name, String unit, String description, ToDoubleFunction<OutboxStats> value) {
        Gauge.builder(name, manager, m -> value(m, value))
                .description(description)
                .baseUnit(unit)
                .register(registry);
    }

    private double oldestAge(OutboxStats stats) {
        Instant oldest = stats.oldest();
        return oldest == null
                ? 0
                : Math.max(0, Duration.between(oldest, clock.instant()).toMillis() / MILLIS_PER_SECOND);
    }

    private static double value(ConfigManager manager, ToDoubleFunction<OutboxStats> value) {
        return manager.outbox().map(Outbox::stats).map(value::applyAsDouble).orElse(Double.NaN);
    }
}
