// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.Fleet;
import io.configmanager.FleetInstance;
import io.configmanager.FleetStatus;
import io.configmanager.InvalidConfigException;
import io.configmanager.ManagerStateException;
import io.configmanager.StoreException;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.InstanceReport;
import io.configmanager.store.Position;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the store what this instance has applied, and looks at what the others have. One thread takes the turns, far from
 * the watch; what it needs to know it asks, so that nobody has to tell it.
 */
final class FleetMember implements Fleet {

    /** How long it may take until news are told, and so the least time between two reports. */
    static final Duration TICK = Duration.ofSeconds(1);

    private static final Logger log = LoggerFactory.getLogger(FleetMember.class);
    private static final Duration LOOK_GAP = Duration.ofMillis(200);

    /** What the builder was given. */
    record Settings(String name, Duration interval, Duration expiry) {}

    /**
     * What there is to tell.
     *
     * @param applied where the watch has come to: asked before anything else, so that it is never ahead of what is shown;
     *     null before it has come anywhere
     * @param epoch changes with the history
     */
    record Self(Supplier<@Nullable Position> applied, LongSupplier epoch, BooleanSupplier live, IntSupplier rejected) {}

    private record Told(long epoch, long revision, boolean live) {}

    private record Seen(FleetStatus status, List<FleetInstance> laggards) {}

    private final String id = UUID.randomUUID().toString();
    private final ConfigStore store;
    private final Settings settings;
    private final Self self;
    private final Supplier<Instant> storeTime;
    private final Pause pause;
    private final RandomGenerator random;
    private final LongSupplier nanoTime;
    private volatile @Nullable Seen seen;
    private @Nullable Instant startedAt;
    private @Nullable InstanceReport last;
    private @Nullable Told told;
    private long number;
    private long nextFull;
    private boolean failing;
    private boolean warned;

    FleetMember(
            ConfigStore store,
            Settings settings,
            Self self,
            Supplier<Instant> storeTime,
            Pause pause,
            RandomGenerator random,
            LongSupplier nanoTime) {
        this.store = store;
        this.settings = settings;
        this.self = self;
        this.storeTime = storeTime;
        this.pause = pause;
        this.random = random;
        this.nanoTime = nanoTime;
        this.nextFull = nanoTime.getAsLong();
    }

    /** Reports what is new, or that nothing is when the interval is over; then it also looks. Does not throw. */
    void turn() {
        Position applied = self.applied.get();
        if (applied == null) {
            return;
        }
        Told next = new Told(self.epoch.getAsLong(), applied.revision(), self.live.getAsBoolean());
        long now = nanoTime.getAsLong();
        boolean full = now - nextFull >= 0;
        // While the store is away there is nothing to win by asking it all the time.
        boolean news = !next.equals(told) && (next.live || !failing);
        if (!full && !news) {
            return;
        }
        if (full) {
            nextFull = now + (long) (settings.interval.toNanos() * random.nextDouble(0.8, 1.2));
        }
        try {
            report(applied, next.live, settings.expiry);
            told = next;
            failing = false;
            warned = false;
        } catch (RuntimeException | Error e) {
            failing = true;
            if (!warned && !(e instanceof StoreException away && away.isTransient())) {
                warned = true;
                log.warn("This instance cannot tell what it has applied, trying again: {}", e.getMessage());
            }
            log.debug("Cannot report to the fleet", e);
        }
        if (full || failing) {
            seen = failing ? null : see();
        }
    }

    private @Nullable Seen see() {
        try {
            FleetStatus status = look();
            Seen before = seen;
            return new Seen(
                    status,
                    before == null ? List.of() : status.without(Math.min(before.status.revision(), status.revision())));
        } catch (RuntimeException | Error e) {
            log.debug("Cannot look at the fleet", e);
            return null;
        }
    }

    /** Takes back what was told last, if the store was there then. Does not throw. */
    void leave() {
        InstanceReport known = last;
        if (known == null || failing) {
            return;
        }
        try {
            report(known.applied(), false, Duration.ZERO);
        } catch (RuntimeException | Error e) {
            log.debug("Cannot leave the fleet, which forgets this instance by itself", e);
        }
    }

    private void report(Position applied, boolean live, Duration expiry) {
        Instant since = startedAt == null ? storeTime.get() : startedAt;
        startedAt = since;
        InstanceReport report =
                new InstanceReport(id, ++number, settings.name, applied, live, self.rejected.getAsInt(), since, expiry);
        store.report(report);
        last = report;
    }

    @Override
    public FleetStatus look() {
        return store.fleet();
    }

    @Override
    public Optional<FleetStatus> lastLook() {
        return Optional.ofNullable(seen).map(Seen::status);
    }

    @Override
    public List<FleetInstance> laggards() {
        Seen known = seen;
        return known == null ? List.of() : known.laggards;
    }

    @Override
    public boolean awaitApplied(long revision, double share, Duration timeout) {
        if (!(share > 0 && share <= 1)) {
            throw new InvalidConfigException("Invalid share " + share + ": it must be more than 0 and at most 1");
        }
        long end = nanoTime.getAsLong() + Math.max(0, TimeUnit.NANOSECONDS.convert(timeout));
        try {
            while (true) {
                StoreException failure = null;
                try {
                    if (look().share(revision) >= share) {
                        return true;
                    }
                } catch (StoreException e) {
                    failure = e;
                }
                long left = end - nanoTime.getAsLong();
                if (failure != null && (left <= 0 || !failure.isTransient())) {
                    throw failure;
                }
                if (left <= 0) {
                    return false;
                }
                if (pause.await(Duration.ofNanos(Math.min(left, LOOK_GAP.toNanos())))) {
                    throw new ManagerStateException("The manager is closed");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
