// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.metrics;

import io.configmanager.ConfigManager;
import io.configmanager.Fleet;
import io.configmanager.FleetInstance;
import io.configmanager.FleetStatus;
import io.configmanager.ManagerStateException;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.function.ToDoubleFunction;

/** The fleet as this instance saw it last; NaN while it cannot see it. Every instance sees the same, so do not sum it up. */
record ConfigFleetMetrics(ConfigManager manager) implements MeterBinder {

    @Override
    public void bindTo(MeterRegistry registry) {
        gauge(registry, "live", true);
        gauge(registry, "stale", false);
        Gauge.builder(
                        "config.fleet.behind",
                        manager,
                        m -> seen(m, fleet -> fleet.laggards().size()))
                .description("Instances that have not applied what was stored an interval ago")
                .baseUnit("instances")
                .register(registry);
    }

    private void gauge(MeterRegistry registry, String state, boolean live) {
        Gauge.builder("config.fleet.instances", manager, m -> seen(m, fleet -> count(fleet, live)))
                .description("Instances that share the store")
                .baseUnit("instances")
                .tag("state", state)
                .register(registry);
    }

    private static double count(Fleet fleet, boolean live) {
        return fleet.lastLook().map(FleetStatus::instances).stream()
                .flatMap(instances -> instances.stream().map(FleetInstance::live))
                .filter(each -> each == live)
                .count();
    }

    private static double seen(ConfigManager manager, ToDoubleFunction<Fleet> value) {
        try {
            Fleet fleet = manager.fleet();
            return fleet.lastLook().isPresent() ? value.applyAsDouble(fleet) : Double.NaN;
        } catch (ManagerStateException e) {
            return Double.NaN;
        }
    }
}
