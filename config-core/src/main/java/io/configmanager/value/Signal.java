// SPDX-License-Identifier: Apache-2.0
package io.configmanager.value;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells watchers that there may be something new. Holds none of them, so that a forgotten watcher is garbage. */
public final class Signal {

    private static final Logger log = LoggerFactory.getLogger(Signal.class);

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Set<WakeUp> wakeUps = ConcurrentHashMap.newKeySet();
    private final AtomicLong given = new AtomicLong();

    /** What one watcher wants to be called; no other one, even if two of them want the same. */
    static final class WakeUp {

        private final Runnable action;

        WakeUp(Runnable action) {
            this.action = action;
        }

        void run() {
            try {
                action.run();
            } catch (Throwable e) {
                // Whatever it is: who gives the signal, and the others who wait for it, must not suffer.
                log.error("A watcher could not be woken", e);
            }
        }
    }

    /** There may be something new: wakes who waits. Quick, from any thread. */
    public void give() {
        giveToWaiting();
        wakeUps.forEach(WakeUp::run);
    }

    void giveToWaiting() {
        lock.lock();
        try {
            given.incrementAndGet();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** How often this was given; taken before looking for news, it tells {@link #await} whether some came since. */
    long given() {
        return given.get();
    }

    /** Waits until this was given once more, or the time is over. */
    void await(long since, long nanos) throws InterruptedException {
        long left = nanos;
        lock.lockInterruptibly();
        try {
            while (given.get() == since && left > 0) {
                left = changed.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    void add(WakeUp wakeUp) {
        wakeUps.add(wakeUp);
    }

    void remove(WakeUp wakeUp) {
        wakeUps.remove(wakeUp);
    }
}
