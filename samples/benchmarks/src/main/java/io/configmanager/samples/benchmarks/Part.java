// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

/** One topic of the report, run in a JVM of its own. */
@FunctionalInterface
interface Part {

    /** @param quick whether it is only to be seen that it works: small sizes, few repetitions */
    void run(Figures figures, boolean quick) throws Exception;
}
