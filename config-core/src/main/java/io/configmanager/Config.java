// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of one namespace: reader and writer. Safe for any thread; obtained from
 * {@link ConfigManager#namespace(String)} and good until the manager closes.
 *
 * <p>Reads come from memory: a hit takes no lock, does no I/O and, where the value was read as this type before,
 * allocates nothing. Decoded values are shared between readers: treat them as read-only. The first use of a namespace
 * loads it, which is the one read that waits for the store.
 *
 * <p>Writes go to the store and are readable by this instance as soon as they return.
 *
 * <p>All methods throw {@link ManagerStateException} while the manager is not connected and
 * {@link InvalidConfigException} for an invalid key.
 */
public interface Config {

    String namespace();

    /**
     * The value of the key.
     *
     * @throws KeyNotFoundException if there is none
     * @throws ConfigValueException if it is not of this type
     */
    <T> T get(String key, Class<T> type);

    /**
     * The value of the key, or the default if there is none.
     *
     * @throws ConfigValueException if it is not of this type
     */
    <T> T get(String key, Class<T> type, T defaultValue);

    /**
     * The value of the key as a generic type, or empty if there is none.
     *
     * @throws ConfigValueException if it is not of this type
     */
    <T> Optional<T> get(String key, TypeRef<T> type);

    /** The entry with its metadata, or empty if there is none. */
    Optional<ConfigEntry> entry(String key);

    /** As {@link #entry}, but without writes that wait in the outbox: what injected values follow. */
    Optional<ConfigEntry> stored(String key);

    /**
     * The entry as the store has it now, read on purpose and brought to the cache.
     *
     * @throws StoreException if the store cannot be read
     */
    Optional<ConfigEntry> latest(String key);

    /**
     * Entries in byte-wise key order.
     *
     * @param limit most entries of the page, 1 to 1,000
     * @param cursor the cursor of the page before, or null for the first page
     * @throws InvalidConfigException for a limit out of range or a cursor that is none
     */
    Page<ConfigEntry> find(ConfigFilter filter, int limit, @Nullable String cursor);

    /** What happened to the key, newest first, as far back as the store keeps it. Reads the store. */
    Page<LogEntry> history(String key, int limit, @Nullable String cursor);

    /** Creates or overwrites. See {@link #set(String, Object, WriteOptions)}. */
    WriteResult set(String key, Object value);

    /**
     * Stores a value. While the store is away, a manager with an outbox queues it instead, and the result says so. A
     * {@link ConfigEntry} as the value, say one of the history, is stored as it was encoded, and a secret as a secret.
     *
     * @return where the value is now, with the entry and its new version and revision
     * @throws InvalidConfigException if the value cannot be encoded or is larger than the limit
     * @throws VersionConflictException if the condition does not hold
     * @throws StoreException if the store did not confirm the write and it was not queued
     * @throws OutboxFullException if the store is away and the outbox holds as much as it may
     */
    WriteResult set(String key, Object value, WriteOptions options);

    /**
     * What {@link #set(String, Object, WriteOptions)} would store now, without storing it. Reads the store.
     *
     * @return the entry, pending, with the version that it would have
     * @throws InvalidConfigException if the value cannot be encoded or is larger than the limit
     * @throws VersionConflictException if the condition does not hold now
     */
    ConfigEntry draft(String key, Object value, WriteOptions options);

    /** Deletes the key. See {@link #delete(String, WriteOptions)}. */
    WriteResult delete(String key);

    /**
     * Deletes the key; nothing {@linkplain WriteResult#changed() changes} if it did not exist and the condition allowed
     * that.
     *
     * @throws VersionConflictException if the condition does not hold
     */
    WriteResult delete(String key, WriteOptions options);

    /**
     * Several writes as one: all or nothing, one revision, seen together by every reader.
     *
     * @return where the writes are now, with the entries that were set, in the order of the batch
     * @throws VersionConflictException if any condition does not hold
     */
    WriteResult commit(Consumer<ConfigBatch> writes);

    /** As {@link #commit(Consumer)}, with an author and a comment for the log. */
    WriteResult commit(Consumer<ConfigBatch> writes, @Nullable String author, @Nullable String comment);

    /**
     * An immutable, consistent picture of the namespace. Own writes are in it once their revision was applied.
     *
     * @throws ManagerStateException if the namespace is larger than the cache and is loaded on demand
     */
    ConfigView view();

    /** Tells the listener of every change from now on. The subscription holds the listener until it is closed. */
    Subscription listen(ConfigFilter filter, ConfigListener listener);

    /**
     * Follows one key: the first result is its state now, also if it does not exist; then each newer state. Equal content is
     * not returned twice in a row.
     *
     * <p>What is returned follows the store's history: an own write comes when the watch has seen it, shortly after
     * {@link #get} shows it.
     */
    default <T> Watcher<KeyState<T>> watch(String key, Class<T> type) {
        return watch(ConfigFilter.keys(key), TypeRef.of(type));
    }

    /**
     * Follows all keys below a prefix, one key per result, in the order in which they changed first. The backlog, which
     * {@link Watcher#poll()} returns, is what exists now.
     */
    default <T> Watcher<KeyState<T>> watchPrefix(String prefix, Class<T> type) {
        return watch(ConfigFilter.prefix(prefix), TypeRef.of(type));
    }

    /** Follows what the filter means; a key that it names is returned first also if it does not exist. */
    <T> Watcher<KeyState<T>> watch(ConfigFilter filter, TypeRef<T> type);

    /**
     * Puts events into the queue: the current state of every key that is meant, then each change, a failure of the watch
     * once, and its recovery. While the store is away and what exists is not in memory, that failure comes first and what
     * exists before the recovery. Several subscriptions may share a queue; the correlation id tells them apart.
     * A full queue holds back this subscription only, which goes on with the newest state. The queue is never closed;
     * closing the subscription ends it at once.
     */
    <T> Subscription notify(
            ConfigFilter filter, Class<T> type, String correlationId, BlockingQueue<? super ConfigEvent<T>> queue);

    /**
     * As the other {@code notify}, for a consumer that is called with one event at a time, on the threads of listeners. What
     * it throws is logged and counted.
     */
    <T> Subscription notify(
            ConfigFilter filter, Class<T> type, String correlationId, Consumer<? super ConfigEvent<T>> consumer);

    /**
     * The states of the keys that are meant, for reactive libraries: each subscriber gets the current ones and then each
     * newer one, as far as it has asked for. Who asks late gets the newest. A value that cannot be read is logged and left
     * out. Completes when the manager closes.
     */
    <T> Flow.Publisher<KeyState<T>> publisher(ConfigFilter filter, Class<T> type);
}
