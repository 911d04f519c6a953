// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** When what arrived: told by any thread, asked by one. */
final class Arrivals {

    private final BlockingQueue<long[]> told = new LinkedBlockingQueue<>();
    private final Map<Long, Long> known = new HashMap<>();

    void arrived(long number) {
        told.add(new long[] {number, System.nanoTime()});
    }

    /** Waits for it; answers {@link System#nanoTime()} of then. */
    long await(long number) throws InterruptedException {
        Long at = known.get(number);
        while (at == null) {
            long[] arrival = told.poll(60, TimeUnit.SECONDS);
            if (arrival == null) {
                throw new IllegalStateException(number + " did not arrive within a minute");
            }
            known.putIfAbsent(arrival[0], arrival[1]);
            at = known.get(number);
        }
        return at;
    }
}
