// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigListener;
import io.configmanager.ConfigObserver;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way of one listener: change sets wait here in order, and are handed over one at a time on the executor. A listener
 * that falls far behind gets the waiting sets merged by key, so the memory it costs is bounded by the number of keys.
 *
 * <p>Nothing that a listener throws may end its lane, not even what it did not declare.
 */
final class Lane {

    /** Above this many waiting change sets, all are merged into one: rarely, because each time costs all their keys. */
    static final int LONGEST_QUEUE = 64;

    private static final Logger log = LoggerFactory.getLogger(Lane.class);

    private final ConfigFilter filter;
    private final ConfigListener listener;
    private final Executor executor;
    private final ConfigObserver observer;
    private final Deque<ConfigChangeSet> waiting = new ArrayDeque<>();
    private boolean running;
    private volatile boolean closed;

    Lane(ConfigFilter filter, ConfigListener listener, Executor executor, ConfigObserver observer) {
        this.filter = filter;
        this.listener = listener;
        this.executor = executor;
        this.observer = observer;
    }

    void offer(ConfigChangeSet changes) {
        ConfigChangeSet part = changes.filter(filter).orElse(null);
        if (part == null || closed) {
            return;
        }
        synchronized (waiting) {
            waiting.addLast(part);
            if (waiting.size() > LONGEST_QUEUE) {
                merge();
            }
            if (running) {
                return;
            }
            running = true;
        }
        try {
            executor.execute(this::drain);
        } catch (RejectedExecutionException e) {
            close();
        } catch (RuntimeException | Error e) {
            // Such as no memory for a thread: what waits goes with the next change set.
            idle();
            log.error("Listener {} cannot be run now", listener.getClass().getName(), e);
        }
    }

    void close() {
        closed = true;
    }

    private void idle() {
        synchronized (waiting) {
            running = false;
        }
    }

    private void drain() {
        for (ConfigChangeSet next = take(); next != null; next = take()) {
            try {
                listener.onChange(next);
            } catch (Throwable e) {
                observer.listenerFailed();
                log.error(
                        "Listener {} failed at revision {} of namespace '{}'",
                        listener.getClass().getName(),
                        next.revision(),
                        next.namespace(),
                        e);
            }
        }
    }

    private @Nullable ConfigChangeSet take() {
        synchronized (waiting) {
            if (closed) {
                waiting.clear();
            }
            ConfigChangeSet next = waiting.pollFirst();
            running = next != null;
            return next;
        }
    }

    private void merge() {
        Map<String, ConfigChange> byKey = new TreeMap<>();
        boolean resync = false;
        for (ConfigChangeSet changes : waiting) {
            resync |= changes.resync();
            changes.changes().forEach(change -> byKey.merge(change.key(), change, Lane::merged));
        }
        ConfigChangeSet newest = waiting.getLast();
        waiting.clear();
        if (!byKey.isEmpty()) {
            waiting.addLast(new ConfigChangeSet(
                    newest.namespace(), newest.revision(), resync, new ArrayList<>(byKey.values())));
        }
    }

    /** Two changes of a key as one; null if nothing is left of them. */
    private static @Nullable ConfigChange merged(ConfigChange earlier, ConfigChange later) {
        if (later.before() == null && later.after() == null) {
            // A delete of what was not in memory: nobody knows whether the earlier insert was one.
            return later;
        }
        return earlier.before() == null && later.after() == null
                ? null
                : ConfigChange.between(earlier.before(), later.after());
    }
}
