// SPDX-License-Identifier: Apache-2.0
package io.configmanager.value;

import io.configmanager.Subscription;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongFunction;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves what a watcher has into a sink. No thread waits, neither for the watcher nor for a sink that is full: that one is
 * tried again after 1 ms, 2 ms, 4 ms … up to 64 ms, and what is newer by then replaces what it did not take.
 */
final class Pipe<T> implements Subscription {

    private static final Logger log = LoggerFactory.getLogger(Pipe.class);
    private static final long LONGEST_WAIT_MILLIS = 64;

    private final AbstractWatcher<T> watcher;
    private final Predicate<? super T> sink;
    private final SerialTask task;
    private final LongFunction<Executor> later;
    private final AtomicBoolean asksLater = new AtomicBoolean();
    private volatile long wait = 1;

    /** @param sink takes one item; false if it cannot now */
    Pipe(AbstractWatcher<T> watcher, Predicate<? super T> sink, Executor executor) {
        this(watcher, sink, executor, millis -> CompletableFuture.delayedExecutor(millis, TimeUnit.MILLISECONDS));
    }

    /** @param later an executor that runs what it is given after so many milliseconds */
    Pipe(AbstractWatcher<T> watcher, Predicate<? super T> sink, Executor executor, LongFunction<Executor> later) {
        this.watcher = watcher;
        this.sink = sink;
        this.task = new SerialTask(this::move, executor, this::refused);
        this.later = later;
    }

    Subscription start() {
        watcher.onReady(task);
        return this;
    }

    private void refused(Throwable e) {
        if (e instanceof RejectedExecutionException) {
            log.debug("The executor takes no more work", e);
            close();
        } else {
            // Such as no memory for a thread.
            log.error("What a watcher has cannot be moved now", e);
            askLater();
        }
    }

    /** Not once more for everything that comes meanwhile. */
    private void askLater() {
        if (asksLater.compareAndSet(false, true)) {
            long now = wait;
            wait = Math.min(2 * now, LONGEST_WAIT_MILLIS);
            later.apply(now).execute(() -> {
                asksLater.set(false);
                task.run();
            });
        }
    }

    private void move() {
        try {
            Optional<T> next = watcher.pollReadable();
            while (next.isPresent()) {
                if (!sink.test(next.get())) {
                    watcher.putBack();
                    askLater();
                    return;
                }
                wait = 1;
                next = watcher.pollReadable();
            }
        } catch (Throwable e) {
            log.error("What a watcher was piped into has failed, so the pipe ends", e);
            close();
        }
    }

    @Override
    public void close() {
        watcher.close();
    }
}
