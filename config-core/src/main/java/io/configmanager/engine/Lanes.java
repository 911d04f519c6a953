// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The threads on which subscribers run: at most 32 of its own, none while nothing happens, or those of an executor that
 * was given. Knows when the last of them has left.
 */
final class Lanes implements Executor {

    private static final int MOST_THREADS = 32;

    private final Executor executor;
    private final @Nullable ThreadPoolExecutor own;
    private final Set<Thread> inside = ConcurrentHashMap.newKeySet();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition left = lock.newCondition();
    private volatile boolean closed;

    /** @param given runs the subscribers instead of threads of this; not closed by this */
    Lanes(@Nullable Executor given) {
        own = given == null ? pool() : null;
        executor = own == null ? Objects.requireNonNull(given) : own;
    }

    private static ThreadPoolExecutor pool() {
        ThreadPoolExecutor pool = new ThreadPoolExecutor(
                MOST_THREADS, MOST_THREADS, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                    Thread thread = new Thread(task, "config-listener");
                    thread.setDaemon(true);
                    return thread;
                });
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    @Override
    public void execute(Runnable task) {
        if (closed) {
            throw new RejectedExecutionException("The manager is closed");
        }
        executor.execute(() -> run(task));
    }

    private void run(Runnable task) {
        boolean entered = inside.add(Thread.currentThread());
        try {
            task.run();
        } finally {
            if (entered) {
                inside.remove(Thread.currentThread());
            }
            if (closed) {
                signalLeft();
            }
        }
    }

    /** Takes no more work. */
    void close() {
        closed = true;
        if (own != null) {
            own.shutdown();
        }
    }

    /** Waits until nobody is inside, and interrupts who is still there at the deadline. Not from inside: returns at once. */
    void awaitLeft(long deadlineNanos) {
        if (inside.contains(Thread.currentThread())) {
            return;
        }
        lock.lock();
        try {
            while (!inside.isEmpty()) {
                if (left.awaitNanos(deadlineNanos - System.nanoTime()) <= 0) {
                    inside.forEach(Thread::interrupt);
                    return;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
    }

    private void signalLeft() {
        lock.lock();
        try {
            left.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
