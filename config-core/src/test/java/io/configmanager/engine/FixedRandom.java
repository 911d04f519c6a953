// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import java.util.random.RandomGenerator;

/** Always the same point of any range, from 0 (inclusive) to 1 (exclusive). */
record FixedRandom(double point) implements RandomGenerator {

    @Override
    public double nextDouble(double origin, double bound) {
        return origin + point * (bound - origin);
    }

    @Override
    public long nextLong() {
        throw new UnsupportedOperationException();
    }
}
