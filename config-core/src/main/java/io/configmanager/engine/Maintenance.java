// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigException;
import io.configmanager.WatchState;
import io.configmanager.store.ConfigStore;
import java.time.Duration;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes the boot snapshot and calls the store's housekeeping, now and then while the watch is live, on a thread of its own. */
final class Maintenance implements Runnable {

    private static final Logger log = LoggerFactory.getLogger(Maintenance.class);

    private final ConfigStore store;
    private final Runnable save;
    private final StatusTracker status;
    private final Duration interval;
    private final Pause pause;
    private final RandomGenerator random;
    private volatile boolean stopping;

    /** @param save writes the boot snapshot; must not throw */
    Maintenance(
            ConfigStore store,
            Runnable save,
            StatusTracker status,
            Duration interval,
            Pause pause,
            RandomGenerator random) {
        this.store = store;
        this.save = save;
        this.status = status;
        this.interval = interval;
        this.pause = pause;
        this.random = random;
    }

    @Override
    public void run() {
        while (!stopping) {
            try {
                turn();
            } catch (InterruptedException e) {
                log.debug("Interrupted; going on", e);
            }
        }
    }

    void stop() {
        stopping = true;
    }

    void turn() throws InterruptedException {
        pause.await(Duration.ofNanos((long) (interval.toNanos() * random.nextDouble(0.8, 1.2))));
        if (stopping || status.state() != WatchState.LIVE) {
            return;
        }
        save.run();
        try {
            store.maintain();
        } catch (ConfigException e) {
            log.debug("Housekeeping failed; it will be tried again", e);
        } catch (RuntimeException | Error e) {
            log.warn("Housekeeping failed; it will be tried again", e);
        }
    }
}
