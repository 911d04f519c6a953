// SPDX-License-Identifier: Apache-2.0
package io.configmanager.value;

import io.configmanager.ConfigValueException;
import io.configmanager.Subscription;
import io.configmanager.Watcher;
import io.configmanager.WatcherStateException;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A watcher over anything that can say what is new and gives a {@link Signal} when something is: the waiting, the turns,
 * filters and pipes.
 */
public abstract class AbstractWatcher<T> implements Watcher<T> {

    private static final Logger log = LoggerFactory.getLogger(AbstractWatcher.class);

    private final Signal signal;
    private final Control control;

    /** What a watcher and its filtered forms have in common. */
    private static final class Control {
        final AtomicBoolean taking = new AtomicBoolean();
        final AtomicLong cancels = new AtomicLong();
        volatile @Nullable String closed;

        Signal.@Nullable WakeUp wakeUp;
    }

    protected AbstractWatcher(Signal signal) {
        this.signal = signal;
        this.control = new Control();
    }

    private AbstractWatcher(AbstractWatcher<?> same) {
        this.signal = same.signal;
        this.control = same.control;
    }

    /**
     * What is new and was not returned before, without waiting; null if nothing is. One thread at a time. What it throws is
     * thrown by the call that takes, and must not come again at the next.
     */
    protected abstract @Nullable T next();

    /** After how many calls of {@link #next} everything that is known now was returned, at most. */
    protected abstract int atHand();

    /** Whether the filters let this pass. */
    boolean accepts(T found) {
        return true;
    }

    /** What {@link #next} returned last was not taken: returns it again next time, or what is newer by then. */
    protected abstract void putBack();

    /** What {@link #next} returned last was pushed to whom it was for, who is done with it and may want no more now. */
    protected void delivered() {}

    /** Why nothing can come any more, though nobody has closed this; null if something can. */
    protected @Nullable String ended() {
        return null;
    }

    /** Called once, when this closes. */
    protected void closed() {}

    @Override
    public final T get() throws InterruptedException {
        return Objects.requireNonNull(take(Long.MAX_VALUE));
    }

    @Override
    public final Optional<T> get(Duration timeout) throws InterruptedException {
        return Optional.ofNullable(take(Math.max(0, TimeUnit.NANOSECONDS.convert(timeout))));
    }

    @Override
    public final Optional<T> poll() {
        beginTurn();
        try {
            // Counted, because what comes meanwhile may go on for ever.
            for (int known = atHand(); known > 0; known--) {
                requireOpen();
                T found = next();
                if (found == null) {
                    break;
                }
                if (accepts(found)) {
                    return Optional.of(found);
                }
            }
            requireOpen();
            return Optional.empty();
        } finally {
            endTurn();
        }
    }

    /** As {@link #poll()}, without what cannot be read; empty also when this is closed. */
    final Optional<T> pollReadable() {
        while (!isClosed()) {
            try {
                return poll();
            } catch (ConfigValueException e) {
                log.warn("Left out: {}", e.getMessage());
            } catch (WatcherStateException e) {
                if (!isClosed()) {
                    throw e;
                }
            }
        }
        return Optional.empty();
    }

    private @Nullable T take(long nanos) throws InterruptedException {
        beginTurn();
        try {
            long cancelled = control.cancels.get();
            long start = System.nanoTime();
            int known = atHand();
            while (true) {
                long since = signal.given();
                requireOpen();
                T found = next();
                if (found != null && accepts(found)) {
                    return found;
                }
                if (control.cancels.get() != cancelled) {
                    throw new CancellationException("Cancelled while waiting");
                }
                long left = nanos - (System.nanoTime() - start);
                known--;
                if (found == null) {
                    if (left <= 0) {
                        return null;
                    }
                    signal.await(since, left);
                } else if (left <= 0 && known <= 0) {
                    return null;
                }
            }
        } finally {
            endTurn();
        }
    }

    private void beginTurn() {
        if (!control.taking.compareAndSet(false, true)) {
            throw new WatcherStateException(
                    "Another thread is taking from this watcher; a watcher is for one consumer, so open one for each");
        }
    }

    private void endTurn() {
        control.taking.set(false);
    }

    private void requireOpen() {
        if (isClosed()) {
            throw new WatcherStateException(String.valueOf(control.closed));
        }
    }

    final boolean isClosed() {
        if (control.closed == null) {
            String reason = ended();
            if (reason != null) {
                close(reason);
            }
        }
        return control.closed != null;
    }

    @Override
    public final Watcher<T> filter(Predicate<? super T> predicate) {
        AbstractWatcher<T> all = this;
        return new AbstractWatcher<>(this) {
            @Override
            protected @Nullable T next() {
                return all.next();
            }

            @Override
            protected int atHand() {
                return all.atHand();
            }

            @Override
            boolean accepts(T found) {
                return all.accepts(found) && predicate.test(found);
            }

            @Override
            protected void putBack() {
                all.putBack();
            }

            @Override
            protected @Nullable String ended() {
                return all.ended();
            }

            @Override
            protected void closed() {
                all.closed();
            }
        };
    }

    @Override
    public final Subscription pipe(BlockingQueue<? super T> queue, Executor executor) {
        return new Pipe<>(this, queue::offer, executor).start();
    }

    @Override
    public final Subscription pipe(Consumer<? super T> consumer, Executor executor) {
        return new Pipe<T>(
                        this,
                        item -> {
                            consumer.accept(item);
                            return true;
                        },
                        executor)
                .start();
    }

    @Override
    public final void onReady(Runnable action) {
        Signal.WakeUp wakeUp = new Signal.WakeUp(action);
        synchronized (control) {
            if (control.wakeUp != null) {
                signal.remove(control.wakeUp);
            }
            control.wakeUp = wakeUp;
            if (control.closed == null) {
                signal.add(wakeUp);
            }
        }
        wakeUp.run();
    }

    @Override
    public final void cancel() {
        control.cancels.incrementAndGet();
        signal.giveToWaiting();
    }

    @Override
    public final void close() {
        close("The watcher is closed");
    }

    /** Closes with the reason that later calls give. */
    private void close(String reason) {
        Signal.WakeUp wakeUp;
        synchronized (control) {
            if (control.closed != null) {
                return;
            }
            control.closed = reason;
            wakeUp = control.wakeUp;
            if (wakeUp != null) {
                signal.remove(wakeUp);
            }
        }
        closed();
        signal.giveToWaiting();
        if (wakeUp != null) {
            wakeUp.run();
        }
    }
}
