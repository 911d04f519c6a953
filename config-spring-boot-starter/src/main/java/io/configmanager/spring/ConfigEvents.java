// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import io.configmanager.ManagerStateException;
import io.configmanager.NamespaceStatus;
import io.configmanager.Subscription;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.ApplicationEventPublisher;

/** Publishes {@link ConfigChangedEvent} and {@link ConfigRejectedEvent}, never on the watch thread. */
final class ConfigEvents {

    private static final Logger log = LoggerFactory.getLogger(ConfigEvents.class);

    /** They are told with the next change set; where none can come, they must not heap up. */
    private static final int MOST_UNTOLD = 1_000;

    private final ApplicationEventPublisher context;
    private final Set<String> followed = ConcurrentHashMap.newKeySet();
    private final Queue<ConfigRejectedEvent> rejections = new ArrayBlockingQueue<>(MOST_UNTOLD);

    ConfigEvents(ApplicationEventPublisher context) {
        this.context = context;
    }

    /** To be published with the next change set, or by {@link #publishRejections}. */
    void rejected(ConfigRejectedEvent event) {
        rejections.offer(event);
    }

    void publishRejections() {
        for (ConfigRejectedEvent event = rejections.poll(); event != null; event = rejections.poll()) {
            context.publishEvent(event);
        }
    }

    /**
     * Called before the subscribers of a namespace are told, so that the first change set is published as well.
     *
     * @return what has to end with the context; null if nothing new
     */
    @Nullable
    Subscription follow(ConfigManager source, String namespace) {
        if (followed.contains(namespace)) {
            return null;
        }
        if (isOnDemand(source, namespace)) {
            // Whoever follows all of it reads all of it after a resync.
            followed.add(namespace);
            return null;
        }
        try {
            Subscription subscription = source.namespace(namespace).listen(ConfigFilter.ALL, changes -> {
                publishRejections();
                context.publishEvent(new ConfigChangedEvent(changes));
            });
            followed.add(namespace);
            return subscription;
        } catch (ManagerStateException e) {
            log.debug("Connecting or closed: the changes of '{}' up to now are nobody's news", namespace);
            return null;
        }
    }

    private static boolean isOnDemand(ConfigManager source, String namespace) {
        return source.activeNamespaces().stream()
                .anyMatch(active ->
                        active.name().equals(namespace) && active.loading() == NamespaceStatus.Loading.ON_DEMAND);
    }
}
