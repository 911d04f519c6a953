// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The threads on which subscribers run: at most 32 of its own, none while nothing happens, or those of an executor that
 * was given. Knows when the last of them has left.
 */
final class Lanes implements Executor {

    private static final Logger log = LoggerFactory.getLogger(Lanes.class);
    private static final int MOST_THREADS = 32;

    /** Needs no thread for handing over a task. */
    private static final Executor LATER = CompletableFuture.delayedExecutor(100, TimeUnit.MILLISECONDS, Runnable::run);

    private final Executor executor;
    private final @Nullable ThreadPoolExecutor own;
    private final Set<Thread> inside = ConcurrentHashMap.newKeySet();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition left = lock.newCondition();
    private final AtomicBoolean starved = new AtomicBoolean();
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
        try {
            executor.execute(() -> run(task));
            starved.set(false);
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            if (closed) {
                throw new RejectedExecutionException("The manager is closed", e);
            }
            // No room, no memory for a thread: nobody may lose what waits only because nothing newer comes.
            if (!starved.getAndSet(true)) {
                log.error("Subscribers cannot be run now; it is tried again", e);
            }
            LATER.execute(() -> again(task));
        }
    }

    private void again(Runnable task) {
        try {
            execute(task);
        } catch (RejectedExecutionException e) {
            // It only learns that this is the end.
            run(task);
        }
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

    /** Waits until nobody but the caller is inside, and interrupts who is still there at the deadline. */
    void awaitLeft(long deadlineNanos) {
        lock.lock();
        try {
            while (others().findAny().isPresent()) {
                if (left.awaitNanos(deadlineNanos - System.nanoTime()) <= 0) {
                    others().forEach(Thread::interrupt);
                    return;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
    }

    private Stream<Thread> others() {
        return inside.stream().filter(thread -> thread != Thread.currentThread());
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
