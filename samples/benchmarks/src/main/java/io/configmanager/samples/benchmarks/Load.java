// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.ConfigManager;
import io.configmanager.engine.ConfigManagerBuilder;
import java.time.Duration;
import java.util.function.Consumer;

/** Managers that measure themselves: how long they took to be live, what they hold, and when a change was applied. */
final class Load implements AutoCloseable {

    private final Arrivals arrivals = new Arrivals();
    final ConfigManager manager;
    final double connectMillis;
    private final long before;

    Load(Database database, Consumer<ConfigManagerBuilder> settings) {
        before = Heap.used();
        long start = System.nanoTime();
        ConfigManagerBuilder builder = ConfigManagerBuilder.forStore(database.newStore())
                .startup(ConfigManagerBuilder.StartupPolicy.FAIL, Duration.ofMinutes(2))
                .onApplied(changes -> arrivals.arrived(changes.revision()));
        settings.accept(builder);
        manager = builder.build();
        manager.connect();
        connectMillis = (System.nanoTime() - start) / 1e6;
    }

    /** What the heap has more than before it was made, in megabytes. */
    double megabytes() {
        return (Heap.used() - before) / 1e6;
    }

    /** Waits for a revision; answers when it was applied. */
    long applied(long revision) throws InterruptedException {
        return arrivals.await(revision);
    }

    @Override
    public void close() {
        manager.close();
    }
}
