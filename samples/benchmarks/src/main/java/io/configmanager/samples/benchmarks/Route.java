// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.sql.SQLException;

/** A way of a value from a writer to a receiver that is not the writer. */
interface Route extends AutoCloseable {

    /** Whose way it is, as the report calls it. */
    String who();

    /** Writes a number and returns when the write is confirmed. */
    void send(long number) throws Exception;

    /** Waits until the number is usable where it is received; answers {@link System#nanoTime()} of then. */
    long received(long number) throws InterruptedException;

    @Override
    void close() throws SQLException;
}
