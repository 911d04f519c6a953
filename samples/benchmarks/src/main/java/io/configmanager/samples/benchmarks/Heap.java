// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

/** How much of the heap is in use. */
final class Heap {

    private Heap() {}

    /** After collecting until nothing more is found. */
    static long used() {
        Runtime runtime = Runtime.getRuntime();
        long before = Long.MAX_VALUE;
        for (int i = 0; i < 10; i++) {
            System.gc();
            long now = runtime.totalMemory() - runtime.freeMemory();
            if (before - now < 10_000) {
                return now;
            }
            before = now;
        }
        return before;
    }
}
