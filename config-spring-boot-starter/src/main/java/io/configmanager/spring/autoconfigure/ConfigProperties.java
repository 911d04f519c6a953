// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.ConfigNames;
import io.configmanager.InvalidConfigException;
import io.configmanager.engine.ConfigManagerBuilder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.StringUtils;
import org.springframework.util.unit.DataSize;

/**
 * Everything under {@code config}. Defaults are those of the builders.
 *
 * @param enabled Whether live configuration is used; without it, every injected value is its default.
 * @param namespace Namespace of injected values that name none; loaded at the start.
 * @param namespaces Further namespaces to load at the start; others are loaded at their first use.
 * @param startup What happens when the store cannot be reached at the start.
 * @param snapshot The last known values on disk, for a start without the store.
 * @param outbox Writes that wait on disk while the store is away.
 * @param fleet What this instance tells others of itself.
 * @param logLevels Whether loggers follow the entries below logging/level.
 * @param store Where configuration is kept.
 * @param cache Values in memory.
 * @param value Stored values.
 * @param watch Following the store.
 * @param maintenanceInterval How often expired entries and old history are removed.
 * @param health When health is DOWN.
 */
@ConfigurationProperties("config")
record ConfigProperties(
        @DefaultValue("true") boolean enabled,
        @DefaultValue("") String namespace,
        @DefaultValue List<String> namespaces,
        @DefaultValue Startup startup,
        @DefaultValue Snapshot snapshot,
        @DefaultValue Outbox outbox,
        @DefaultValue Fleet fleet,
        @DefaultValue("true") boolean logLevels,
        @DefaultValue Store store,
        @DefaultValue Cache cache,
        @DefaultValue Value value,
        @DefaultValue Watch watch,
        @DefaultValue("5s") Duration maintenanceInterval,
        @DefaultValue Health health) {

    ConfigProperties {
        ConfigNames.requireNamespace(namespace);
        namespaces.forEach(ConfigNames::requireNamespace);
        requirePositive("maintenance-interval", maintenanceInterval);
    }

    private static void requirePositive(String property, Duration duration) {
        if (duration.isNegative() || duration.isZero()) {
            throw new InvalidConfigException(property + " must be positive");
        }
    }

    /**
     * What happens when the store cannot be reached at the start.
     *
     * @param policy Whether to stop the start, or to go on with the last known values or with defaults and become live when
     *     the store is there.
     * @param timeout How long to wait for the store.
     */
    record Startup(
            @DefaultValue("snapshot") ConfigManagerBuilder.StartupPolicy policy,
            @DefaultValue("10s") Duration timeout) {
        Startup {
            requirePositive("timeout", timeout);
        }
    }

    /**
     * The last known values on disk, for a start without the store.
     *
     * @param enabled Whether they are kept.
     * @param directory Where; by default .config-manager and the application's name in the user's home.
     * @param encryptionKey Key that encrypts them, 16, 24 or 32 bytes in Base64; by default they are plain text that only
     *     the user of the process may read.
     */
    record Snapshot(
            @DefaultValue("true") boolean enabled,
            @Nullable Path directory,
            @Nullable String encryptionKey) {

        @Nullable
        SecretKey key() {
            if (!StringUtils.hasText(encryptionKey)) {
                return null;
            }
            byte[] bytes;
            try {
                bytes = Base64.getDecoder().decode(encryptionKey.strip());
            } catch (IllegalArgumentException e) {
                throw new InvalidConfigException("config.snapshot.encryption-key is not Base64");
            }
            if (bytes.length != 16 && bytes.length != 24 && bytes.length != 32) {
                throw new InvalidConfigException("config.snapshot.encryption-key has " + bytes.length
                        + " bytes: an AES key has 16, 24 or 32, such as of: openssl rand -base64 32");
            }
            return new SecretKeySpec(bytes, "AES");
        }

        /** Everything but the key. */
        @Override
        public String toString() {
            return "Snapshot[enabled=" + enabled + ", directory=" + directory + "]";
        }
    }

    /**
     * Writes that wait on disk while the store is away.
     *
     * @param enabled Whether a write that cannot reach the store is queued.
     * @param directory Where; by default outbox below .config-manager and the application's name in the user's home.
     * @param readYourWrites Whether reads of this instance show its own queued writes.
     * @param maximumOperations Most writes that are held.
     * @param maximumSize Most that the writes may take together.
     * @param deadline How long a write is tried.
     * @param pendingInterval How often to try what is pending, besides whenever the store comes back.
     * @param idleInterval How often to look for work when nothing is pending.
     * @param passTimeout Longest time of one attempt to apply what is pending.
     */
    record Outbox(
            @DefaultValue("false") boolean enabled,
            @Nullable Path directory,
            @DefaultValue("true") boolean readYourWrites,
            @DefaultValue("10000") int maximumOperations,
            @DefaultValue("64MB") DataSize maximumSize,
            @DefaultValue("24h") Duration deadline,
            @DefaultValue("30s") Duration pendingInterval,
            @DefaultValue("5m") Duration idleInterval,
            @DefaultValue("2m") Duration passTimeout) {
        Outbox {
            if (maximumOperations < 1 || maximumSize.toBytes() < 1) {
                throw new InvalidConfigException("maximum-operations and maximum-size must be positive");
            }
            requirePositive("deadline", deadline);
            requirePositive("pending-interval", pendingInterval);
            requirePositive("idle-interval", idleInterval);
            requirePositive("pass-timeout", passTimeout);
        }
    }

    /**
     * What this instance tells others of itself.
     *
     * @param enabled Whether it tells the store what it has applied, so that others can see it.
     * @param instance Name of this instance; by default that of the application and of the host, and a random part.
     * @param interval How often it tells that, besides after changes.
     * @param expiry How long it counts after it told that last; by default three intervals.
     */
    record Fleet(
            @DefaultValue("false") boolean enabled,
            @Nullable String instance,
            @DefaultValue("10s") Duration interval,
            @Nullable Duration expiry) {
        Fleet {
            requirePositive("interval", interval);
            if (expiry != null && expiry.compareTo(interval.multipliedBy(2)) < 0) {
                throw new InvalidConfigException("expiry must be at least twice the interval");
            }
        }
    }

    /**
     * Where configuration is kept.
     *
     * @param type Kind of store; by default the one that the application has a database for.
     */
    record Store(@Nullable StoreType type) {}

    /**
     * Values in memory.
     *
     * @param maximumEntries Most entries of one namespace in memory; a larger namespace is loaded on demand.
     */
    record Cache(@DefaultValue("250000") int maximumEntries) {
        Cache {
            if (maximumEntries < 1) {
                throw new InvalidConfigException("maximum-entries must be positive");
            }
        }
    }

    /**
     * Stored values.
     *
     * @param maximumSize Largest encoded value that may be written.
     */
    record Value(@DefaultValue("1MB") DataSize maximumSize) {
        Value {
            if (maximumSize.toBytes() < 1 || maximumSize.toBytes() > Integer.MAX_VALUE) {
                throw new InvalidConfigException("maximum-size must be between 1B and 2GB");
            }
        }
    }

    /**
     * Following the store.
     *
     * @param firstRetry Wait after the first failure; doubled with each further one.
     * @param lastRetry Longest wait between two attempts.
     * @param stableAfter How long the watch must be live until failures are forgotten.
     */
    record Watch(
            @DefaultValue("100ms") Duration firstRetry,
            @DefaultValue("30s") Duration lastRetry,
            @DefaultValue("2s") Duration stableAfter) {
        Watch {
            requirePositive("first-retry", firstRetry);
            requirePositive("last-retry", lastRetry);
            requirePositive("stable-after", stableAfter);
        }
    }

    /**
     * When health is DOWN.
     *
     * @param failureThreshold Failures in a row from which health is DOWN.
     * @param gracePeriod How long health stays UP after the last proof that the values are current.
     */
    record Health(
            @DefaultValue("3") int failureThreshold,
            @DefaultValue("0s") Duration gracePeriod) {
        Health {
            if (failureThreshold < 1 || gracePeriod.isNegative()) {
                throw new InvalidConfigException(
                        "failure-threshold must be positive and grace-period must not be negative");
            }
        }
    }
}
