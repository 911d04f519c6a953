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
import java.util.List;
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
 */
final class Lane {

    /** Above this many waiting change sets, the two oldest are merged into one. */
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
                mergeOldest();
            }
            if (running) {
                return;
            }
            running = true;
        }
        try {
            executor.execute(this::drain);
        } catch (RejectedExecutionException e) {
            closed = true;
        }
    }

    void close() {
        closed = true;
    }

    private void drain() {
        for (ConfigChangeSet next = take(); next != null; next = take()) {
            try {
                listener.onChange(next);
            } catch (RuntimeException | Error e) {
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
            ConfigChangeSet next = closed ? null : waiting.pollFirst();
            running = next != null;
            return next;
        }
    }

    private void mergeOldest() {
        ConfigChangeSet older = waiting.removeFirst();
        ConfigChangeSet newer = waiting.removeFirst();
        Map<String, ConfigChange> byKey = new TreeMap<>();
        older.changes().forEach(change -> byKey.put(change.key(), change));
        for (ConfigChange change : newer.changes()) {
            ConfigChange earlier = byKey.remove(change.key());
            if (earlier == null) {
                byKey.put(change.key(), change);
            } else if (earlier.before() != null || change.after() != null) {
                byKey.put(change.key(), ConfigChange.between(earlier.before(), change.after()));
            }
        }
        List<ConfigChange> merged = new ArrayList<>(byKey.values());
        if (!merged.isEmpty()) {
            waiting.addFirst(
                    new ConfigChangeSet(newer.namespace(), newer.revision(), older.resync() || newer.resync(), merged));
        }
    }
}
