// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigListener;
import io.configmanager.ConfigObserver;
import io.configmanager.Subscription;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells of change sets that the cache already shows: first the appliers, on the watch thread, then every listener in its
 * own {@link Lane}.
 */
final class Publisher implements Consumer<ConfigChangeSet> {

    private static final Logger log = LoggerFactory.getLogger(Publisher.class);

    private final List<Consumer<ConfigChangeSet>> appliers;
    private final Map<String, Set<Lane>> lanes = new ConcurrentHashMap<>();
    private final Executor executor;
    private final ConfigObserver observer;

    Publisher(List<Consumer<ConfigChangeSet>> appliers, Executor executor, ConfigObserver observer) {
        this.appliers = List.copyOf(appliers);
        this.executor = executor;
        this.observer = observer;
    }

    @Override
    public void accept(ConfigChangeSet changes) {
        for (Consumer<ConfigChangeSet> applier : appliers) {
            try {
                applier.accept(changes);
            } catch (RuntimeException | Error e) {
                observer.listenerFailed();
                log.error("An applier failed at revision {}", changes.revision(), e);
            }
        }
        lanes.getOrDefault(changes.namespace(), Set.of()).forEach(lane -> lane.offer(changes));
    }

    Subscription subscribe(String namespace, ConfigFilter filter, ConfigListener listener) {
        Lane lane = new Lane(filter, listener, executor, observer);
        lanes.computeIfAbsent(namespace, name -> ConcurrentHashMap.newKeySet()).add(lane);
        return () -> {
            lane.close();
            lanes.getOrDefault(namespace, new HashSet<>()).remove(lane);
        };
    }

    void close() {
        lanes.values().forEach(open -> open.forEach(Lane::close));
        lanes.clear();
    }
}
