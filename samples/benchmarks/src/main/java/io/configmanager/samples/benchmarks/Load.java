// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.ConfigManager;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.ConfigStore;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** A manager, measured: how long it took to be live, what it holds, and how it follows a change. */
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

    /** How long a change of a key takes from before its commit until it is applied here; the median of a hundred. */
    double changeMillis(ConfigStore writer, String[] namespaces, String key) throws InterruptedException {
        Samples samples = new Samples();
        for (int i = -20; i < 100; i++) {
            String namespace = namespaces[Math.floorMod(i, namespaces.length)];
            long start = System.nanoTime();
            long revision = writer.commit(Database.commit(namespace, key, i)).revision();
            long applied = arrivals.await(revision);
            if (i >= 0) {
                samples.add(applied - start);
            }
            LockSupport.parkNanos(2_000_000);
        }
        return samples.millis(50);
    }

    @Override
    public void close() {
        manager.close();
    }
}
