// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Live configuration: keeps a cache coherent with a store. Safe for any thread.
 *
 * <p>Lifecycle: new → connected → closed. {@link #connect()} and {@link #close()} are idempotent and serialized; a failed
 * connect may be tried again; a closed manager stays closed.
 */
public interface ConfigManager extends AutoCloseable {

    /**
     * Starts the watch and waits until the cache is live, at most the startup timeout.
     *
     * @throws ManagerStateException if it is closed, or was not live in time and the startup policy says that this is a
     *     failure; the cause is the store's last error
     */
    void connect();

    /** The configuration of a namespace; always the same instance for a name. Does no I/O. */
    Config namespace(String name);

    /** Reads the key from the store and brings it to the cache, whatever the cache holds. */
    Optional<ConfigEntry> refresh(String namespace, String key);

    /**
     * Waits until the cache shows this revision; false if that took longer than the timeout. Returns at once for a
     * revision that is already shown.
     */
    boolean awaitRevision(long revision, Duration timeout);

    /** Reads the store's newest revision and waits until the cache shows it; false if that took too long. */
    boolean sync(Duration timeout);

    /** Namespaces that have entries in the store, in byte-wise order. Reads the store. */
    Page<String> storedNamespaces(int limit, @Nullable String cursor);

    /** The namespaces that this manager holds in memory. */
    List<NamespaceStatus> activeNamespaces();

    ConfigHealth health();

    CacheStats cacheStats();

    WatchStatus watchStatus();

    SubscriptionStats subscriptionStats();

    /** The writes that wait for the store; empty if the manager has no outbox or is not connected. */
    Optional<Outbox> outbox();

    /**
     * The instances that share the store.
     *
     * @throws ManagerStateException if this manager does not take part, or is not connected
     */
    Fleet fleet();

    /** Stops the watch, frees every thread, connection and waiter within two seconds, and closes the store. */
    @Override
    void close();
}
