// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import io.configmanager.Config;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import io.configmanager.ManagerStateException;
import io.configmanager.Subscription;
import io.configmanager.WatchStatus;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;

/** Keeps open pages current: sends the state with every change, and every second for the state of the watch. */
@RestController
class LivePage implements AutoCloseable {

    private final ConfigManager manager;
    private final Config config;
    private final Settings settings;
    private final Set<SseEmitter> pages = ConcurrentHashMap.newKeySet();
    private final ScheduledExecutorService sender =
            Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "live-page"));
    private final Subscription changes;
    private final ScheduledFuture<?> ticks;

    LivePage(ConfigManager manager, Config config, Settings settings) {
        this.manager = manager;
        this.config = config;
        this.settings = settings;
        this.changes = config.listen(ConfigFilter.ALL, set -> sender.execute(this::sendToAll));
        this.ticks = sender.scheduleWithFixedDelay(this::sendToAll, 1, 1, TimeUnit.SECONDS);
    }

    @GetMapping(path = "/events", produces = MediaType.TEXT_EVENT_STREAM_VALUE)
    SseEmitter events() {
        SseEmitter page = new SseEmitter(0L);
        Runnable gone = () -> pages.remove(page);
        page.onCompletion(gone);
        page.onTimeout(gone);
        page.onError(error -> gone.run());
        pages.add(page);
        sender.execute(() -> send(page, state()));
        return page;
    }

    /** Before the web server waits for requests that are under way. */
    @EventListener(ContextClosedEvent.class)
    void letGo() {
        pages.forEach(SseEmitter::complete);
        pages.clear();
    }

    @Override
    public void close() {
        changes.close();
        ticks.cancel(false);
        sender.shutdownNow();
    }

    private void sendToAll() {
        if (pages.isEmpty()) {
            return;
        }
        try {
            Map<String, Object> state = state();
            pages.forEach(page -> send(page, state));
        } catch (ManagerStateException e) {
            // The application is closing.
            pages.forEach(SseEmitter::complete);
        }
    }

    private void send(SseEmitter page, Map<String, Object> state) {
        try {
            page.send(SseEmitter.event().data(state, MediaType.APPLICATION_JSON).reconnectTime(1_000));
        } catch (IOException | IllegalStateException e) {
            pages.remove(page);
        }
    }

    private Map<String, Object> state() {
        WatchStatus watch = manager.watchStatus();
        List<Map<String, Object>> entries = config.find(ConfigFilter.ALL, 200, null).items().stream()
                .map(LivePage::shown)
                .toList();
        return Map.of(
                "values",
                settings.shown(),
                "entries",
                entries,
                "revision",
                watch.revision(),
                "watch",
                watch.state().name(),
                "staleness",
                watch.staleness() == null ? -1 : watch.staleness().toMillis());
    }

    private static Map<String, Object> shown(ConfigEntry entry) {
        return Map.of(
                "key", entry.key(),
                "value", entry.secret() ? "******" : entry.value(),
                "version", entry.version(),
                "updatedAt", entry.updatedAt().toString());
    }
}
