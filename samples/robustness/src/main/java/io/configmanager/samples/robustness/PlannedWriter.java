// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.Plan.Step;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Does each step of a plan when its time has come. */
abstract class PlannedWriter<K> implements Runnable {

    private static final Duration TOO_LATE = Duration.ofSeconds(2);

    private final List<Step<K>> steps;
    private final long loadStart;
    private volatile boolean stopping;

    PlannedWriter(List<Step<K>> steps, long loadStart) {
        this.steps = steps;
        this.loadStart = loadStart;
    }

    abstract void perform(Step<K> step);

    @Override
    public void run() {
        long begin = System.nanoTime();
        for (Step<K> step : steps) {
            long at = loadStart + TimeUnit.MILLISECONDS.toNanos(step.at());
            // What an earlier incarnation may have begun is not done again.
            if (at < begin || System.nanoTime() - at > TOO_LATE.toNanos()) {
                continue;
            }
            Clock.awaitNanos(at);
            if (stopping) {
                return;
            }
            perform(step);
        }
    }

    void stop() {
        stopping = true;
    }
}
