// SPDX-License-Identifier: Apache-2.0
package io.configmanager.value;

import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** Runs the same work on an executor whenever it is asked to, never twice at once, and once more if asked meanwhile. */
final class SerialTask implements Runnable {

    private final Runnable work;
    private final Executor executor;
    private final Consumer<? super Throwable> refused;
    private final AtomicInteger asked = new AtomicInteger();

    /** @param refused called instead of the work, on the asking thread, if the executor does not take it; must not throw */
    SerialTask(Runnable work, Executor executor, Consumer<? super Throwable> refused) {
        this.work = work;
        this.executor = executor;
        this.refused = refused;
    }

    /** An executor that has refused is asked again by the next call. */
    @Override
    public void run() {
        if (asked.getAndIncrement() > 0) {
            return;
        }
        try {
            executor.execute(this::drain);
        } catch (RuntimeException | Error e) {
            // Before the next may ask, so that neither overlaps the work; those who asked meanwhile have asked for this
            // one.
            refused.accept(e);
            asked.set(0);
        }
    }

    private void drain() {
        int done = asked.get();
        do {
            work.run();
            done = asked.addAndGet(-done);
        } while (done > 0);
    }
}
