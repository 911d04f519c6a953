// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.util.Arrays;

/** Measured times and their percentiles. */
final class Samples {

    private long[] nanos = new long[64];
    private int size;

    void add(long sample) {
        if (size == nanos.length) {
            nanos = Arrays.copyOf(nanos, size * 2);
        }
        nanos[size++] = sample;
    }

    double millis(int percent) {
        long[] sorted = Arrays.copyOf(nanos, size);
        Arrays.sort(sorted);
        return sorted[Math.min(size - 1, size * percent / 100)] / 1e6;
    }
}
