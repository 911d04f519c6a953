// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.Config;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigException;
import io.configmanager.ConfigManager;
import io.configmanager.WatchStatus;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** Looks at a manager from outside, all the time: its views and status in one thread, single keys in another. */
final class Sampler implements Runnable {

    private static final long STATUS_GAP_NANOS = 50_000_000;
    private static final long GAP_NANOS = 8_000_000;
    private static final long READ_GAP_NANOS = 1_000_000;

    private final ConfigManager manager;
    private final Publications publications;
    private final Recorder recorder;
    private volatile boolean stopping;

    Sampler(ConfigManager manager, Publications publications, Recorder recorder) {
        this.manager = manager;
        this.publications = publications;
        this.recorder = recorder;
    }

    @Override
    public void run() {
        long nextStatus = System.nanoTime();
        while (!stopping) {
            if (System.nanoTime() - nextStatus >= 0) {
                nextStatus = System.nanoTime() + STATUS_GAP_NANOS;
                status();
            }
            for (String namespace : Keys.NAMESPACES) {
                try {
                    publications.view(namespace, "sampled");
                } catch (ConfigException e) {
                    // Not in memory yet.
                }
            }
            LockSupport.parkNanos(GAP_NANOS);
        }
    }

    /** Reads every key again and again, and records what it finds changed. */
    void readAlways() {
        Map<String, String> last = new HashMap<>();
        List<String> keys = Keys.all();
        while (!stopping) {
            for (String namespace : Keys.NAMESPACES) {
                Config config = manager.namespace(namespace);
                for (String key : keys) {
                    try {
                        long start = System.nanoTime();
                        Optional<ConfigEntry> entry = config.entry(key);
                        String found = entry.map(e -> e.version() + "\t" + e.revision())
                                .orElse("0\t0");
                        if (!found.equals(last.put(namespace + '|' + key, found))) {
                            recorder.write("D", start, System.nanoTime(), namespace, key, found);
                        }
                    } catch (ConfigException e) {
                        // Not in memory yet.
                    }
                }
            }
            LockSupport.parkNanos(READ_GAP_NANOS);
        }
    }

    boolean shows(String namespace, String key, String value) {
        try {
            return manager.namespace(namespace)
                    .view()
                    .entry(key)
                    .filter(entry -> entry.value().replace("\"", "").equals(value))
                    .isPresent();
        } catch (ConfigException e) {
            // Not in memory yet.
            return false;
        }
    }

    void stop() {
        stopping = true;
    }

    /** The status first: what it proves must then be in the view, which is taken after it. */
    private void status() {
        try {
            long start = System.nanoTime();
            WatchStatus status = manager.watchStatus();
            long revision = publications.view(Keys.NAMESPACES.get(0), "status");
            recorder.write(
                    "S",
                    start,
                    System.nanoTime(),
                    status.state(),
                    status.staleness() == null ? -1 : status.staleness().toNanos(),
                    revision,
                    status.consecutiveFailures(),
                    status.pushAvailable());
        } catch (ConfigException e) {
            // Closed.
        }
    }
}
