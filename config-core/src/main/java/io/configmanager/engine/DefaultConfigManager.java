// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.CacheStats;
import io.configmanager.Config;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigHealth;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigNames;
import io.configmanager.ConfigObserver;
import io.configmanager.Fleet;
import io.configmanager.ManagerStateException;
import io.configmanager.NamespaceStatus;
import io.configmanager.Outbox;
import io.configmanager.Page;
import io.configmanager.QueuedWrite;
import io.configmanager.StoreException;
import io.configmanager.SubscriptionStats;
import io.configmanager.WatchState;
import io.configmanager.WatchStatus;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import io.configmanager.engine.Reconciler.Ticket;
import io.configmanager.outbox.DiskOutbox;
import io.configmanager.outbox.OutboxSettings;
import io.configmanager.outbox.Surroundings;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Cursors;
import io.configmanager.store.Position;
import io.configmanager.store.Snapshot;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The manager: holds the parts together and owns their threads. */
final class DefaultConfigManager implements ConfigManager {

    private static final Logger log = LoggerFactory.getLogger(DefaultConfigManager.class);
    private static final Duration CLOSE_TIMEOUT = Duration.ofMillis(1700);
    private static final int LOAD_ATTEMPTS = 5;

    private enum Phase {
        NEW,
        CONNECTED,
        CLOSED
    }

    final ConfigStore store;
    final Codecs codecs;
    final StoreClock storeClock;
    final Reconciler reconciler;
    final ConfigObserver observer;
    final Lanes lanes;
    final Dispatcher dispatcher;
    final Writes writes;
    final KeyLoads loads = new KeyLoads();
    final LongAdder hits = new LongAdder();
    final LongAdder misses = new LongAdder();

    private final ConfigManagerBuilder settings;
    private final StatusTracker status;
    private final Map<String, DefaultConfig> configs = new ConcurrentHashMap<>();
    private final ReentrantLock lifecycle = new ReentrantLock();
    private volatile Phase phase = Phase.NEW;
    private volatile @Nullable Running running;

    /** Where the boot snapshot was, while nothing else is known. */
    private volatile @Nullable Position bootPosition;

    DefaultConfigManager(ConfigManagerBuilder settings) {
        this.settings = settings;
        this.observer = new Observers(settings.observers);
        this.store = new ObservedStore(settings.store, observer);
        this.codecs = new Codecs(settings.defaultCodec, settings.codecs, settings.maximumValueBytes);
        this.storeClock = new StoreClock(InstantSource.system().instant(), System::nanoTime);
        this.reconciler = new Reconciler(codecs, settings.maximumEntries, observer);
        this.status = new StatusTracker(InstantSource.system(), System::nanoTime, settings.stableAfter);
        this.lanes = new Lanes(settings.listenerExecutor);
        this.dispatcher = new Dispatcher(settings.appliers, observer, System::nanoTime);
        this.writes = new Writes(
                store,
                reconciler,
                operation -> config(operation.namespace()).known(operation.key()),
                this::position,
                status::isAway);
        settings.namespaces.forEach(name -> reconciler.activate(config(name).cache()));
    }

    @Override
    public void connect() {
        lifecycle.lock();
        try {
            if (phase == Phase.CONNECTED) {
                return;
            }
            if (phase == Phase.CLOSED) {
                throw new ManagerStateException("The manager is closed");
            }
            DiskOutbox outbox = openOutbox();
            try {
                connect(outbox);
            } finally {
                if (phase != Phase.CONNECTED && outbox != null) {
                    writes.useOutbox(null);
                    outbox.close();
                }
            }
        } finally {
            lifecycle.unlock();
        }
    }

    private void connect(@Nullable DiskOutbox outbox) {
        writes.useOutbox(outbox);
        Running started = start(outbox);
        try {
            boolean untilPermanentFailure = settings.startupPolicy != StartupPolicy.DEFAULTS;
            String problem = awaitLive(settings.startupTimeout, untilPermanentFailure) ? null : goOnWithoutStore();
            if (problem != null) {
                throw notLive(problem);
            }
            running = started;
            phase = Phase.CONNECTED;
        } finally {
            if (phase != Phase.CONNECTED) {
                started.stop();
            }
        }
        if (outbox != null) {
            outbox.start();
        }
    }

    private ManagerStateException notLive(String problem) {
        Throwable cause = status.lastFailure();
        return new ManagerStateException(
                status.state() == WatchState.STOPPED
                        ? "The manager was closed while it was connecting"
                        : "Configuration from " + store.description() + " is not live"
                                + (cause == null ? " after " + settings.startupTimeout : ": " + cause.getMessage())
                                + problem,
                cause);
    }

    /** By the startup policy; yields what stands against it, for the end of a message, or null if values are served now. */
    private @Nullable String goOnWithoutStore() {
        if (Thread.currentThread().isInterrupted()) {
            return ": interrupted while it was connecting";
        }
        if (status.state() == WatchState.STOPPED || settings.startupPolicy == StartupPolicy.FAIL) {
            return "";
        }
        return settings.startupPolicy == StartupPolicy.DEFAULTS ? null : serveBootSnapshot();
    }

    private @Nullable String serveBootSnapshot() {
        BootSnapshotFile file = settings.bootSnapshot;
        if (file == null || status.lastErrorIsPermanent()) {
            return "";
        }
        BootSnapshotFile.Found found = file.read();
        found.refusals().forEach(reason -> log.warn("Refused: the boot snapshot {}", reason));
        BootSnapshot snapshot = found.snapshot();
        bootPosition = snapshot == null ? null : snapshot.position();
        if (snapshot == null) {
            return found.refusals().isEmpty()
                    ? "; there is no boot snapshot " + file
                    : "; the boot snapshot " + String.join(", ", found.refusals());
        }
        if (reconciler.serve(snapshot, name -> config(name).cache())
                && status.servingBootSnapshot(snapshot.provedAt())) {
            log.warn(
                    "{} does not answer: serving {} entries of the boot snapshot {}, proved current at {}",
                    store.description(),
                    snapshot.size(),
                    file,
                    snapshot.provedAt());
        }
        return null;
    }

    @Override
    public void close() {
        // An interrupt must not keep it from waiting for its threads, nor from writing the boot snapshot.
        boolean interrupted = Thread.interrupted();
        try {
            closeUninterrupted();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void closeUninterrupted() {
        // First, and without the lock, so that a connect that still waits gives up.
        status.stopped();
        reconciler.close();
        long deadline;
        lifecycle.lock();
        try {
            if (phase == Phase.CLOSED) {
                return;
            }
            phase = Phase.CLOSED;
            DiskOutbox outbox = writes.outbox();
            if (outbox != null) {
                outbox.stop();
            }
            deadline = System.nanoTime() + CLOSE_TIMEOUT.toNanos();
            dispatcher.close();
            lanes.close();
            Running last = running;
            running = null;
            if (last != null) {
                last.stop();
            }
            try {
                store.close();
                if (last != null) {
                    last.end(deadline);
                }
            } finally {
                if (outbox != null) {
                    outbox.close();
                }
            }
        } finally {
            lifecycle.unlock();
        }
        // Without the lock, which another listener may want for the same.
        lanes.awaitLeft(deadline);
    }

    @Override
    public Config namespace(String name) {
        return config(name);
    }

    private DefaultConfig config(String name) {
        DefaultConfig known = configs.get(name);
        if (known != null) {
            return known;
        }
        ConfigNames.requireNamespace(name);
        return configs.computeIfAbsent(name, n -> new DefaultConfig(this, reconciler.newCache(n)));
    }

    @Override
    public Optional<ConfigEntry> refresh(String namespace, String key) {
        return namespace(namespace).latest(key);
    }

    @Override
    public boolean awaitRevision(long revision, Duration timeout) {
        requireConnected();
        try {
            return reconciler.await(revision, timeout);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public boolean sync(Duration timeout) {
        requireConnected();
        return awaitRevision(store.snapshot(Set.of(), 1).position().revision(), timeout);
    }

    @Override
    public Page<String> storedNamespaces(int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        requireConnected();
        return store.namespaces(limit, cursor);
    }

    @Override
    public List<NamespaceStatus> activeNamespaces() {
        List<NamespaceStatus> all = new ArrayList<>();
        for (NamespaceCache cache : reconciler.active()) {
            if (cache.loaded()) {
                CacheState state = cache.state();
                all.add(new NamespaceStatus(
                        cache.namespace(),
                        state.onDemand == null ? NamespaceStatus.Loading.PRELOADED : NamespaceStatus.Loading.ON_DEMAND,
                        state.size(),
                        reconciler.applied(),
                        cache.rejected()));
            }
        }
        all.sort(Comparator.comparing(NamespaceStatus::name));
        return List.copyOf(all);
    }

    @Override
    public ConfigHealth health() {
        if (phase != Phase.CONNECTED) {
            return new ConfigHealth(
                    ConfigHealth.Status.CLOSED,
                    store.description(),
                    phase == Phase.CLOSED ? "the manager is closed" : "the manager is not connected");
        }
        WatchStatus watch = watchStatus();
        Duration staleness = watch.staleness();
        boolean outOfGrace = staleness == null || staleness.compareTo(settings.gracePeriod) > 0;
        if (watch.consecutiveFailures() >= settings.failureThreshold && outOfGrace) {
            return new ConfigHealth(
                    ConfigHealth.Status.DOWN,
                    store.description(),
                    watch.consecutiveFailures() + " failures in a row, the last one: " + watch.lastError());
        }
        return new ConfigHealth(ConfigHealth.Status.UP, store.description(), null);
    }

    @Override
    public CacheStats cacheStats() {
        long size = 0;
        for (NamespaceCache cache : reconciler.active()) {
            size += cache.state().size();
        }
        return new CacheStats(size, hits.sum(), misses.sum(), reconciler.evictions());
    }

    @Override
    public WatchStatus watchStatus() {
        return status.status(reconciler.applied());
    }

    @Override
    public SubscriptionStats subscriptionStats() {
        return dispatcher.stats();
    }

    @Override
    public Optional<Outbox> outbox() {
        return phase == Phase.CONNECTED ? Optional.ofNullable(writes.outbox()) : Optional.empty();
    }

    @Override
    public Fleet fleet() {
        if (settings.fleet == null) {
            throw new ManagerStateException(
                    "This manager is not part of the fleet: set config.fleet.enabled=true, or call fleet(…) of its builder");
        }
        Running now = running;
        FleetMember fleet = now == null ? null : now.fleet();
        if (fleet == null) {
            throw notConnected();
        }
        return fleet;
    }

    private @Nullable DiskOutbox openOutbox() {
        OutboxSettings wanted = settings.outbox;
        if (wanted == null) {
            return null;
        }
        try {
            return DiskOutbox.open(wanted, new Surroundings() {
                @Override
                public CommitResult commit(Commit commit) {
                    return writes.commit(commit);
                }

                @Override
                public boolean isOfAnotherHistory(Position position) {
                    Running now = running;
                    if (now == null) {
                        throw new StoreException("The manager is closed", true, null);
                    }
                    return now.loop().isOfAnotherHistory(position);
                }

                @Override
                public void pending(String namespace, String key, QueuedWrite.@Nullable Change pending) {
                    Slot slot = pending == null ? null : new Slot(pending.entry(), 0, null);
                    reconciler.pending(config(namespace).cache(), key, slot);
                }
            });
        } catch (IOException e) {
            throw new ManagerStateException(
                    "The outbox in " + wanted.directory() + " cannot be used: " + e.getMessage(), e);
        }
    }

    /** Where this instance is in the store's history; null if it has not been anywhere. */
    private @Nullable Position position() {
        Running now = running;
        Position reached = now == null ? null : now.loop().reached();
        return reached == null ? bootPosition : reached;
    }

    void requireConnected() {
        if (phase != Phase.CONNECTED) {
            throw notConnected();
        }
    }

    /** The state to read a namespace from, loaded if this is its first use. */
    CacheState readable(NamespaceCache cache) {
        if (phase != Phase.CONNECTED) {
            throw notConnected();
        }
        CacheState state = cache.state();
        return state.loaded ? state : firstUse(cache);
    }

    private CacheState firstUse(NamespaceCache cache) {
        reconciler.activate(cache);
        Throwable failure = status.lastFailure();
        try {
            // Stale may mean no more than that the feed's connection was cut a moment ago.
            WatchState watch = status.state();
            if (cache.loadableByCaller() && (watch == WatchState.LIVE || watch == WatchState.STALE)) {
                load(cache);
            }
        } catch (StoreException e) {
            failure = e;
        }
        if (!cache.loaded()) {
            if (settings.startupPolicy != StartupPolicy.DEFAULTS) {
                String reason = failure == null ? "it is being loaded" : String.valueOf(failure.getMessage());
                throw new StoreException(
                        "Namespace '" + cache.namespace() + "' is not in memory yet: " + reason, true, failure);
            }
            reconciler.serveEmpty(cache);
        }
        return cache.state();
    }

    /**
     * Loads a namespace on the caller's thread; several callers load it once. While the watch is stale only one caller tries
     * and the others go on without: they must not queue up for a store that is away.
     */
    private void load(NamespaceCache cache) {
        if (status.state() == WatchState.LIVE) {
            cache.loading().lock();
        } else if (!cache.loading().tryLock()) {
            return;
        }
        try {
            for (int attempt = 0; attempt < LOAD_ATTEMPTS && cache.loadableByCaller(); attempt++) {
                Ticket ticket = reconciler.startLoading(cache);
                try {
                    long start = System.nanoTime();
                    Snapshot snapshot = store.snapshot(Set.of(cache.namespace()), settings.maximumEntries);
                    storeClock.observed(snapshot.storeTime(), start);
                    reconciler.finishLoading(cache, ticket, snapshot);
                } finally {
                    reconciler.stopLoading(cache);
                }
            }
        } finally {
            cache.loading().unlock();
        }
    }

    private ManagerStateException notConnected() {
        return new ManagerStateException(
                phase == Phase.CLOSED ? "The manager is closed" : "The manager is not connected: call connect() first");
    }

    private Running start(@Nullable DiskOutbox outbox) {
        status.starting();
        return new Running(
                settings,
                store,
                reconciler,
                status,
                storeClock,
                outbox == null ? dispatcher : new StoreReturns(dispatcher, outbox::storeIsBack, outbox::storeIsThere),
                observer);
    }

    private boolean awaitLive(Duration timeout, boolean untilPermanentFailure) {
        try {
            return status.awaitLive(timeout, untilPermanentFailure);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public String toString() {
        return "ConfigManager[" + Objects.toString(phase) + ", " + store.description() + "]";
    }
}
