// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.StoreException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A feed on a log: waits until the store announces something or until it is time to look anyway, and reads what follows its
 * position. An announcement is only a reason to read, so one that is lost or late costs time and nothing else.
 */
public final class LogFeed implements Feed {

    /** The log of a store. Used by the thread of the feed; only {@link #interrupt()} comes from others, at any time. */
    public interface Log {

        /** Where the reader is; moves also when nothing happened. */
        Position position();

        /** Whether something is announced here, or only found by looking. */
        boolean pushAvailable();

        /**
         * Waits this long at most, not at all if it is negative.
         *
         * @return whether there is something to read
         */
        boolean await(long nanos) throws Exception;

        /**
         * Reads behind the position and moves it.
         *
         * @param told whether this read has a reason, or is only made because it is time to
         */
        Page read(boolean told) throws Exception;

        /** What its reader is told of what one of these methods threw. */
        RuntimeException translate(Exception failure);

        /** Ends the transport, so that a wait or a read ends too. Does not throw. */
        void interrupt();

        /** Called once, after {@link #interrupt()}, when nothing else here runs any more or ever will. */
        default void release() {}
    }

    /**
     * What was read.
     *
     * @param changeSets whole change sets after the position, in order
     * @param seesAllOf the moment up to which nothing else had happened, as {@link System#nanoTime()}; of no meaning if there
     *     is more
     * @param more whether the log goes on
     * @param storeTime the store's clock
     * @param hintsMissed as in {@link Batch}
     */
    public record Page(List<ChangeSet> changeSets, long seesAllOf, boolean more, Instant storeTime, int hintsMissed) {}

    private final Log log;
    private final StoreSettings settings;
    private final Set<? super LogFeed> open;
    private volatile boolean closed;

    /** Guarded by this. */
    private boolean polling;

    private boolean released;

    private boolean started;
    private boolean more;
    private boolean proved;
    private long provedAt;
    private long nextRead;
    private Instant storeTime = Instant.EPOCH;

    /** @param open the open feeds of the store, which has this one until it is closed; safe for any thread */
    public LogFeed(Log log, StoreSettings settings, Set<? super LogFeed> open) {
        this.log = log;
        this.settings = settings;
        this.open = open;
        open.add(this);
    }

    @Override
    public Batch poll(Duration timeout) {
        long end = System.nanoTime() + timeout.toNanos();
        setPolling(true);
        try {
            requireOpen();
            if (!started || more) {
                started = true;
                return read(true);
            }
            while (true) {
                boolean told = log.await(Math.min(end, nextRead) - System.nanoTime());
                requireOpen();
                if (told || System.nanoTime() - nextRead >= 0) {
                    Batch batch = read(told);
                    if (!batch.changeSets().isEmpty() || batch.hintsMissed() > 0 || more) {
                        return batch;
                    }
                }
                if (System.nanoTime() - end >= 0) {
                    return batch(List.of(), 0);
                }
            }
        } catch (Exception e) {
            boolean wasClosed = closed;
            close();
            throw wasClosed ? new StoreException("The feed is closed", false, null) : log.translate(e);
        } finally {
            setPolling(false);
        }
    }

    @Override
    public void close() {
        closed = true;
        open.remove(this);
        log.interrupt();
        releaseOnce();
    }

    private Batch read(boolean told) throws Exception {
        Page page = log.read(told);
        more = page.more();
        storeTime = page.storeTime();
        // What was proved once stays proved, whatever a later read saw of it.
        if (!more && (!proved || page.seesAllOf() - provedAt > 0)) {
            proved = true;
            provedAt = page.seesAllOf();
        }
        // Not all instances at the same moment.
        double factor = ThreadLocalRandom.current().nextDouble(0.8, 1.2);
        Duration interval = log.pushAvailable() ? settings.pollInterval() : settings.pollOnlyInterval();
        nextRead = System.nanoTime() + (long) (interval.toNanos() * factor);
        return batch(page.changeSets(), page.hintsMissed());
    }

    private Batch batch(List<ChangeSet> changeSets, int hintsMissed) {
        return new Batch(changeSets, log.position(), age(changeSets), storeTime, log.pushAvailable(), hintsMissed);
    }

    /** How old an answer may be that is given now. */
    private Duration age(List<ChangeSet> changeSets) {
        if (proved) {
            return Duration.ofNanos(System.nanoTime() - provedAt);
        }
        if (changeSets.isEmpty()) {
            return Duration.ZERO;
        }
        // Behind by more than a page: as old as the last change that was delivered.
        Duration behind = Duration.between(changeSets.get(changeSets.size() - 1).committedAt(), storeTime);
        return behind.isNegative() ? Duration.ZERO : behind;
    }

    private synchronized void setPolling(boolean now) {
        polling = now;
        if (!now && closed) {
            releaseOnce();
        }
    }

    private synchronized void releaseOnce() {
        if (!polling && !released) {
            released = true;
            log.release();
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new StoreException("The feed is closed", false, null);
        }
    }
}
