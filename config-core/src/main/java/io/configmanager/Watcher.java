// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Follows something that changes, for one consumer: the newest, never a log. Who is slow misses what lay between and always
 * gets the last; nobody goes back to an older one.
 *
 * <p>One thread at a time may take; {@link #cancel()} and {@link #close()} may be called from any. A watcher that nobody
 * holds any more costs nothing, closed or not.
 *
 * <p>The idea of a value with watchers that coalesce is that of Monogon's event values.
 *
 * @param <T> what is followed
 */
public interface Watcher<T> extends AutoCloseable {

    /**
     * The newest that this watcher has not returned yet; waits for it if there is none.
     *
     * @throws WatcherStateException if this is closed, also while waiting, or another thread is taking
     * @throws java.util.concurrent.CancellationException if {@link #cancel()} was called while this waited
     * @throws ConfigValueException if what is new cannot be read; the next call goes on after it
     */
    T get() throws InterruptedException;

    /** As {@link #get()}, but waits no longer than the timeout and is empty then. Nothing is lost by a timeout. */
    Optional<T> get(Duration timeout) throws InterruptedException;

    /**
     * As {@link #get()}, but never waits: empty when everything known now was returned. Called until it is empty, it
     * returns the backlog, all that is there, and says that this was all.
     */
    Optional<T> poll();

    /**
     * The same watcher without what does not match: that is taken and forgotten silently. Filters add up. Use either this
     * watcher or the returned one; closing one closes both.
     */
    Watcher<T> filter(Predicate<? super T> predicate);

    /**
     * Moves everything into the queue, on the executor, until the subscription is closed. A full queue is tried again
     * within 100 ms and then gets the newest. Nobody else may take from this watcher any more.
     */
    Subscription pipe(BlockingQueue<? super T> queue, Executor executor);

    /** As {@link #pipe(BlockingQueue, Executor)}, one call at a time. A consumer that throws ends it. */
    Subscription pipe(Consumer<? super T> consumer, Executor executor);

    /**
     * Calls this, on whatever thread brings news, when {@link #poll()} may have something: now, and whenever that becomes
     * so. It must be quick and not take itself. Replaces the one before.
     */
    void onReady(Runnable wakeUp);

    /** Ends a {@link #get()} that is waiting at this moment; the watcher remains usable and misses nothing. */
    void cancel();

    /** Ends this for good. Idempotent. */
    @Override
    void close();
}
