// SPDX-License-Identifier: Apache-2.0
package io.configmanager.value;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Tells watchers that there may be something new. Holds none of them, so that a forgotten watcher is garbage. */
public final class Signal {

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Set<Runnable> wakeUps = ConcurrentHashMap.newKeySet();
    private final AtomicLong given = new AtomicLong();

    /** There may be something new: wakes who waits. Quick, from any thread. */
    public void give() {
        giveToWaiting();
        wakeUps.forEach(Runnable::run);
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

    void add(Runnable wakeUp) {
        wakeUps.add(wakeUp);
    }

    void remove(Runnable wakeUp) {
        wakeUps.remove(wakeUp);
    }
}
