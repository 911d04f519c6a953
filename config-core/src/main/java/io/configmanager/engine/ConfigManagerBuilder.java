// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigNames;
import io.configmanager.ConfigObserver;
import io.configmanager.InvalidConfigException;
import io.configmanager.codec.Codec;
import io.configmanager.codec.JsonCodec;
import io.configmanager.outbox.OutboxSettings;
import io.configmanager.store.ConfigStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import javax.crypto.SecretKey;
import org.jspecify.annotations.Nullable;

/**
 * Builds a {@link ConfigManager} on a store. Every setting has a default that works; the manager owns the store and
 * closes it.
 */
public final class ConfigManagerBuilder {

    private static final Duration LONGEST = Duration.ofDays(365);

    final ConfigStore store;
    final Set<String> namespaces = new LinkedHashSet<>();
    final List<Codec> codecs = new ArrayList<>();
    final List<ConfigObserver> observers = new ArrayList<>();
    final List<Applier> appliers = new ArrayList<>();
    Codec defaultCodec = new JsonCodec();
    StartupPolicy startupPolicy = StartupPolicy.SNAPSHOT;
    Duration startupTimeout = Duration.ofSeconds(10);
    int maximumEntries = 250_000;
    int maximumValueBytes = 1024 * 1024;
    Duration pollTimeout = Duration.ofSeconds(1);
    Duration firstRetry = Duration.ofMillis(100);
    Duration lastRetry = Duration.ofSeconds(30);
    Duration stableAfter = Duration.ofSeconds(2);
    Duration maintenanceInterval = Duration.ofSeconds(5);
    int failureThreshold = 3;
    Duration gracePeriod = Duration.ZERO;

    @Nullable
    Executor listenerExecutor;

    @Nullable
    BootSnapshotFile bootSnapshot;

    @Nullable
    OutboxSettings outbox;

    FleetMember.@Nullable Settings fleet;

    String origin = "";

    private ConfigManagerBuilder(ConfigStore store) {
        this.store = store;
    }

    /** What {@link ConfigManager#connect()} does when the cache is not live within the startup timeout. */
    public enum StartupPolicy {
        /** Throw. A failure that no retry can mend, such as a missing table, throws at once. */
        FAIL,
        /**
         * Go on with the values of the boot snapshot, stale until the store is there; throw as {@link #FAIL} if there is no
         * usable one, or if the store is there and refuses.
         */
        SNAPSHOT,
        /** Go on without values, so that readers get their defaults, and become live as soon as the store is there. */
        DEFAULTS
    }

    /** What must follow before listeners run. Called on the watch thread: must be quick; what it throws is logged. */
    @FunctionalInterface
    public interface Applier extends Consumer<ConfigChangeSet> {

        /** A change set of an active namespace: the cache shows it, and no listener was told yet. */
        @Override
        void accept(ConfigChangeSet changes);

        /**
         * A namespace that is loaded on demand was compared with the store after its log was lost: keys that were not in memory
         * may have changed without a change set, so what follows such a key must read it again. If that fails with a
         * {@link io.configmanager.StoreException}, this is called again.
         */
        default void reloaded(String namespace) {}

        /** How many of its targets keep an older value now; told to the fleet. From any thread. */
        default int rejected() {
            return 0;
        }
    }

    public static ConfigManagerBuilder forStore(ConfigStore store) {
        return new ConfigManagerBuilder(store);
    }

    /** Namespaces to load when connecting; others are loaded at their first use. None by default. */
    public ConfigManagerBuilder preload(String... names) {
        for (String name : names) {
            namespaces.add(ConfigNames.requireNamespace(name));
        }
        return this;
    }

    /** The codec that writes values; {@link JsonCodec} by default. Values are read by the codec they name. */
    public ConfigManagerBuilder defaultCodec(Codec codec) {
        this.defaultCodec = codec;
        return this;
    }

    /** One more codec for values that name it. */
    public ConfigManagerBuilder codec(Codec codec) {
        codecs.add(codec);
        return this;
    }

    /** What to do when the store cannot be reached in time; by default the boot snapshot, if there is one, after 10 seconds. */
    public ConfigManagerBuilder startup(StartupPolicy policy, Duration timeout) {
        this.startupPolicy = policy;
        this.startupTimeout = positive("startup timeout", timeout);
        return this;
    }

    /**
     * Keeps the entries of active namespaces in a file, for a start without the store ({@link StartupPolicy#SNAPSHOT}): the
     * current generation and the one before, written after changes, at most once per maintenance interval, and when the
     * manager closes. None by default.
     *
     * @param directory where the file is, made if it is not there; for one application only
     * @param origin which store the values are of, without credentials; a file of another origin is refused
     * @param key an AES key that encrypts the file; null to write plain text, which only the owner may read
     */
    public ConfigManagerBuilder bootSnapshot(Path directory, String origin, @Nullable SecretKey key) {
        this.bootSnapshot = new BootSnapshotFile(directory, origin, key);
        this.origin = origin;
        return this;
    }

    /**
     * Queues writes that cannot reach the store, durably, and applies them when it is back: see {@link
     * io.configmanager.WhenAway}. None by default. Two more threads.
     */
    public ConfigManagerBuilder outbox(OutboxSettings settings) {
        this.outbox = settings;
        return this;
    }

    /**
     * Tells the store what this instance has applied, and allows to look at what the others have: {@link
     * io.configmanager.Fleet}. Not done by default. No further thread, one small write in each interval and after changes.
     *
     * @param instance the name of this instance, for people; at most 255 characters
     * @param interval how often it reports when nothing happens, with a jitter of a fifth; 10 s is usual
     * @param expiry how long it counts after its last report, at least twice the interval
     */
    public ConfigManagerBuilder fleet(String instance, Duration interval, Duration expiry) {
        if (instance.isBlank() || instance.length() > 255 || instance.chars().anyMatch(Character::isISOControl)) {
            throw new InvalidConfigException(
                    "Invalid instance name: it must be printable text of at most 255 characters");
        }
        positive("fleet interval", interval);
        if (positive("fleet expiry", expiry).compareTo(interval.multipliedBy(2)) < 0) {
            throw new InvalidConfigException(
                    "Invalid fleet expiry " + expiry + ": it must be at least twice the interval " + interval);
        }
        this.fleet = new FleetMember.Settings(instance, interval, expiry);
        return this;
    }

    /** Most entries of one namespace to hold in memory; a larger one is loaded on demand. 250,000 by default. */
    public ConfigManagerBuilder maximumEntries(int entries) {
        if (entries < 1) {
            throw new InvalidConfigException("Invalid maximum entries " + entries + ": it must be positive");
        }
        this.maximumEntries = entries;
        return this;
    }

    /** Largest encoded value to write, in bytes of UTF-8; 1 MiB by default. */
    public ConfigManagerBuilder maximumValueBytes(int bytes) {
        if (bytes < 1) {
            throw new InvalidConfigException("Invalid maximum value size " + bytes + ": it must be positive");
        }
        this.maximumValueBytes = bytes;
        return this;
    }

    /** How long one poll of the feed may wait; 1 s by default. For tests that show that nobody waits for its end. */
    ConfigManagerBuilder pollTimeout(Duration timeout) {
        this.pollTimeout = timeout;
        return this;
    }

    /**
     * Waits between attempts to reach the store: from {@code first}, doubled up to {@code last}, each times a random
     * factor of 0.5 to 1.5; from the start again only after the watch was live for {@code stableAfter}. 100 ms, 30 s and
     * 2 s by default.
     */
    public ConfigManagerBuilder retry(Duration first, Duration last, Duration stableAfterLive) {
        this.firstRetry = positive("first retry", first);
        this.lastRetry = positive("last retry", last);
        this.stableAfter = positive("stable period", stableAfterLive);
        return this;
    }

    /** How often the store's housekeeping is called; 5 s by default, with a jitter of a fifth. */
    public ConfigManagerBuilder maintenanceInterval(Duration interval) {
        this.maintenanceInterval = positive("maintenance interval", interval);
        return this;
    }

    /**
     * When health is DOWN: after this many failures in a row (3 by default) and when no read has proved the cache
     * current for the grace period (none by default).
     */
    public ConfigManagerBuilder health(int failures, Duration grace) {
        if (failures < 1 || grace.isNegative()) {
            throw new InvalidConfigException("Invalid health settings: failures " + failures + ", grace " + grace);
        }
        this.failureThreshold = failures;
        this.gracePeriod = grace;
        return this;
    }

    /**
     * Runs listeners, notifications and publishers; not closed with the manager. By default at most 32 threads of its own,
     * none while nothing happens.
     */
    public ConfigManagerBuilder listenerExecutor(Executor executor) {
        this.listenerExecutor = executor;
        return this;
    }

    public ConfigManagerBuilder observer(ConfigObserver observer) {
        observers.add(observer);
        return this;
    }

    /** One more that follows what is applied; told in the order in which they were added. */
    public ConfigManagerBuilder onApplied(Applier applier) {
        appliers.add(applier);
        return this;
    }

    /** @throws InvalidConfigException if settings do not fit together, or not the store */
    public ConfigManager build() {
        Duration remembered = store.operationRetention();
        if (outbox != null && outbox.deadline().compareTo(remembered) > 0) {
            throw new InvalidConfigException("Invalid deadline " + outbox.deadline()
                    + " of the outbox: the store remembers"
                    + " commits for " + remembered + " only, and a write that was stored without an answer must be"
                    + " recognised when it is tried again");
        }
        return new DefaultConfigManager(this);
    }

    private static Duration positive(String what, Duration duration) {
        if (duration.isNegative() || duration.isZero() || duration.compareTo(LONGEST) > 0) {
            throw new InvalidConfigException("Invalid " + what + " " + duration + ": it must be positive and at most "
                    + LONGEST.toDays() + " days");
        }
        return duration;
    }
}
