// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigException;
import io.configmanager.WatchState;
import io.configmanager.store.ConfigStore;
import java.time.Duration;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes the boot snapshot and calls the store's housekeeping, now and then while the watch is live, and takes the turns of
 * the fleet; on a thread of its own.
 */
final class Maintenance implements Runnable {

    private static final Logger log = LoggerFactory.getLogger(Maintenance.class);

    private final ConfigStore store;
    private final Runnable save;
    private final @Nullable FleetMember fleet;
    private final StatusTracker status;
    private final Duration interval;
    private final Pause pause;
    private final RandomGenerator random;
    private final LongSupplier nanoTime;
    private long next;
    private volatile boolean stopping;

    /** @param save writes the boot snapshot; must not throw */
    Maintenance(
            ConfigStore store,
            Runnable save,
            @Nullable FleetMember fleet,
            StatusTracker status,
            Duration interval,
            Pause pause,
            RandomGenerator random,
            LongSupplier nanoTime) {
        this.store = store;
        this.save = save;
        this.fleet = fleet;
        this.status = status;
        this.interval = interval;
        this.pause = pause;
        this.random = random;
        this.nanoTime = nanoTime;
        schedule();
    }

    @Override
    public void run() {
        while (!stopping) {
            try {
                turn();
            } catch (InterruptedException e) {
                log.debug("Interrupted; going on", e);
            } catch (Throwable e) {
                log.error("Maintenance failed; it will be tried again", e);
            }
        }
        if (fleet != null) {
            fleet.leave();
        }
    }

    void stop() {
        stopping = true;
    }

    void turn() throws InterruptedException {
        long left = Math.max(0, next - nanoTime.getAsLong());
        pause.await(Duration.ofNanos(fleet == null ? left : Math.min(left, FleetMember.TICK.toNanos())));
        if (stopping) {
            return;
        }
        if (fleet != null) {
            fleet.turn();
        }
        if (nanoTime.getAsLong() - next < 0) {
            return;
        }
        try {
            if (status.state() == WatchState.LIVE) {
                save.run();
                maintain();
            }
        } finally {
            schedule();
        }
    }

    private void maintain() {
        try {
            store.maintain();
        } catch (ConfigException e) {
            log.debug("Housekeeping failed; it will be tried again", e);
        } catch (RuntimeException | Error e) {
            log.warn("Housekeeping failed; it will be tried again", e);
        }
    }

    private void schedule() {
        next = nanoTime.getAsLong() + (long) (interval.toNanos() * random.nextDouble(0.8, 1.2));
    }
}
