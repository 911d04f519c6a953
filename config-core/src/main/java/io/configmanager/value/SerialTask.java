// SPDX-License-Identifier: Apache-2.0
package io.configmanager.value;

import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs the same work on an executor whenever it is asked to, never twice at once, and once more if asked meanwhile. */
final class SerialTask implements Runnable {

    private final Runnable work;
    private final Executor executor;
    private final AtomicInteger asked = new AtomicInteger();

    SerialTask(Runnable work, Executor executor) {
        this.work = work;
        this.executor = executor;
    }

    /** @throws RuntimeException of an executor that takes no work; the next call asks it again */
    @Override
    public void run() {
        if (asked.getAndIncrement() > 0) {
            return;
        }
        try {
            executor.execute(this::drain);
        } catch (RuntimeException | Error e) {
            asked.set(0);
            throw e;
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
