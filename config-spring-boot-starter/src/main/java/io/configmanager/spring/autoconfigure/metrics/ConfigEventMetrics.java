// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.metrics;

import io.configmanager.ConfigObserver;
import io.configmanager.VersionConflictException;
import io.configmanager.store.PositionLostException;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Counts and times what the library tells. It exists before any registry, so that the manager does not wait for one: counts
 * are never lost, and of times only those of a long start.
 */
final class ConfigEventMetrics implements ConfigObserver, MeterBinder {

    private static final String OTHER = "other";
    private static final int MOST_EARLY = 256;

    private final LongAdder reconnects = new LongAdder();
    private final LongAdder events = new LongAdder();
    private final LongAdder hintsMissed = new LongAdder();
    private final LongAdder rejected = new LongAdder();
    private final LongAdder listenerErrors = new LongAdder();
    private final Map<String, LongAdder> resyncs = new TreeMap<>();
    private final List<MeterRegistry> registries = new CopyOnWriteArrayList<>();
    private final Queue<Consumer<MeterRegistry>> early = new ArrayBlockingQueue<>(MOST_EARLY);

    ConfigEventMetrics() {
        for (PositionLostException.Reason reason : PositionLostException.Reason.values()) {
            resyncs.put(reason.name().toLowerCase(Locale.ROOT), new LongAdder());
        }
        resyncs.put("error", new LongAdder());
        resyncs.put(OTHER, new LongAdder());
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        propagation(registry);
        early.forEach(recording -> recording.accept(registry));
        early.clear();
        registries.add(registry);
        count(registry, "config.watch.reconnects", "Times the watch was live again after it had been lost", reconnects);
        count(registry, "config.watch.events", "Changes that the watch applied", events);
        count(
                registry,
                "config.watch.hints.missed",
                "Changes found by polling that no notification announced",
                hintsMissed);
        count(registry, "config.values.rejected", "Stored values that cannot be read", rejected);
        count(registry, "config.listener.errors", "Exceptions thrown by listeners", listenerErrors);
        resyncs.forEach((reason, count) -> FunctionCounter.builder("config.watch.resyncs", count, LongAdder::sum)
                .description("Times everything was loaded and compared anew")
                .tag("reason", reason)
                .register(registry));
    }

    /** Changes that went into the cache. */
    long applied() {
        return events.sum();
    }

    @Override
    public void reconnected() {
        reconnects.increment();
    }

    @Override
    public void applied(int changes) {
        events.add(changes);
    }

    @Override
    public void propagated(Duration delay) {
        record(registry -> propagation(registry).record(delay.isNegative() ? Duration.ZERO : delay));
    }

    @Override
    public void hintsMissed(int count) {
        hintsMissed.add(count);
    }

    @Override
    public void resynced(String reason) {
        LongAdder count = resyncs.get(reason);
        if (count == null) {
            count = resyncs.get(OTHER);
        }
        if (count != null) {
            count.increment();
        }
    }

    @Override
    public void rejected(String namespace, String key) {
        rejected.increment();
    }

    @Override
    public void listenerFailed() {
        listenerErrors.increment();
    }

    @Override
    public Ending storeCalling(String operation) {
        long start = System.nanoTime();
        return failure -> {
            Duration duration = Duration.ofNanos(System.nanoTime() - start);
            record(registry -> Timer.builder("config.store.operations")
                    .description("Calls of the store")
                    .tags("operation", operation, "outcome", outcome(failure))
                    .register(registry)
                    .record(duration));
        };
    }

    private static String outcome(@Nullable Throwable failure) {
        if (failure == null) {
            return "success";
        }
        return failure instanceof VersionConflictException ? "conflict" : "failure";
    }

    private void record(Consumer<MeterRegistry> recording) {
        if (registries.isEmpty()) {
            early.offer(recording);
        }
        registries.forEach(recording);
    }

    private static Timer propagation(MeterRegistry registry) {
        return Timer.builder("config.propagation")
                .description("Time from a commit in the store until the cache of this instance showed it")
                .publishPercentileHistogram()
                .minimumExpectedValue(Duration.ofMillis(1))
                .maximumExpectedValue(Duration.ofSeconds(30))
                .register(registry);
    }

    private static void count(MeterRegistry registry, String name, String description, LongAdder count) {
        FunctionCounter.builder(name, count, LongAdder::sum)
                .description(description)
                .register(registry);
    }
}
