// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.ConfigException;
import io.configmanager.ConfigManager;
import io.configmanager.Fleet;
import io.configmanager.FleetInstance;
import io.configmanager.FleetStatus;
import java.time.Duration;
import java.util.StringJoiner;
import java.util.concurrent.locks.LockSupport;

/** Looks at the fleet all the time, and waits for all of it, as somebody does who rolls out a change. */
final class FleetWatch implements Runnable {

    private static final long GAP_NANOS = 300_000_000;
    private static final Duration PATIENCE = Duration.ofMillis(800);

    private final ConfigManager manager;
    private final Recorder recorder;
    private volatile boolean stopping;

    FleetWatch(ConfigManager manager, Recorder recorder) {
        this.manager = manager;
        this.recorder = recorder;
    }

    @Override
    public void run() {
        while (!stopping) {
            awaitAll("now", PATIENCE);
            LockSupport.parkNanos(GAP_NANOS);
        }
    }

    /** Waits until all have applied what this one has, and records who was there before, as it was told. */
    void awaitAll(String when, Duration patience) {
        try {
            Fleet fleet = manager.fleet();
            long start = System.nanoTime();
            FleetStatus status = fleet.look();
            long looked = System.nanoTime();
            StringJoiner counted = new StringJoiner(";");
            for (FleetInstance each : status.instances()) {
                recorder.write("FR", start, looked, each.name(), each.revision(), each.ofThisHistory());
                counted.add(each.name() + ':' + each.age().toNanos());
            }
            long revision = manager.watchStatus().revision();
            boolean all = fleet.awaitApplied(revision, 1, patience);
            recorder.write("FA", start, System.nanoTime(), when, revision, all, counted);
        } catch (ConfigException e) {
            // The store is away, or the manager is closed.
        }
    }

    void stop() {
        stopping = true;
    }
}
