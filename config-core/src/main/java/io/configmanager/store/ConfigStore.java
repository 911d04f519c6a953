// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.FleetStatus;
import io.configmanager.LogEntry;
import io.configmanager.Page;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where configuration lives. A store is dumb on purpose: no cache, no retry loop, no thread; the engine has those. Safe
 * for any thread.
 *
 * <p>Every call has a deadline of its own and throws {@link io.configmanager.StoreException} when it cannot answer:
 * transient if a later call may succeed. Names were checked by the caller. Expired entries do not exist, by the store's
 * clock, in every read. Revisions grow in commit order: whoever sees revision R sees all up to R.
 */
public interface ConfigStore extends AutoCloseable {

    /** What and where this is, for people; contains no credentials. */
    String description();

    /** One key and the revision that the answer is good for. */
    Lookup get(String namespace, String key);

    /**
     * Live entries in byte-wise key order, at most {@code limit} of them.
     *
     * @param cursor the cursor of the page before, or null for the first page
     * @throws io.configmanager.InvalidConfigException for a cursor that this store did not issue
     */
    Page<ConfigEntry> list(String namespace, ConfigFilter filter, int limit, @Nullable String cursor);

    /** Namespaces with at least one live entry, in byte-wise order. */
    Page<String> namespaces(int limit, @Nullable String cursor);

    /** What happened to a key, newest first. */
    Page<LogEntry> history(String namespace, String key, int limit, @Nullable String cursor);

    /**
     * What was committed in a namespace at this store time or later, newest first: in the reverse of the order in which
     * a feed tells it, as far back as the store keeps its log.
     */
    Page<LogEntry> changes(String namespace, Instant since, int limit, @Nullable String cursor);

    /**
     * Stores all operations in one transaction, or none. A call with the id of an earlier commit that was stored changes
     * nothing and answers as the first did, see {@link #operationRetention()}. A put of what is there already is a change like any
     * other. Joins a transaction of the calling thread where the store knows such.
     *
     * @throws io.configmanager.VersionConflictException if a condition does not hold; nothing was stored
     */
    CommitResult commit(Commit commit);

    /** How long the id of a commit is remembered at least. */
    Duration operationRetention();

    /** Whether a commit of the calling thread would now be part of a surrounding transaction. */
    boolean joinsTransaction();

    /**
     * All live entries of the namespaces, consistent with one position.
     *
     * @param limit most entries of one namespace, at least 1; one that has more is only named in the answer
     */
    Snapshot snapshot(Set<String> namespaces, int limit);

    /**
     * Opens the feed of all namespaces after a position. Returns once the transport is up.
     *
     * @throws PositionLostException if it is already known that the position cannot be continued
     */
    Feed openFeed(Position position);

    /**
     * Housekeeping: removes expired entries, each as a change with a revision, and forgets history beyond the retention.
     * Called now and then by every instance; where several share a store, one works and the others return at once.
     */
    void maintain();

    /**
     * Keeps what an instance tells of itself in the place of what it told before, until its expiry has passed by the store's
     * clock. This is no change: it takes no revision, is in no history, and feeds neither tell of it nor wake up. A report
     * has no effect if one of the same id with the same or a higher number is there.
     */
    void report(InstanceReport report);

    /** The newest revision and every instance whose report has not expired, from one consistent read. */
    FleetStatus fleet();

    /** Releases what the store itself opened; open feeds end. Idempotent. */
    @Override
    void close();
}
