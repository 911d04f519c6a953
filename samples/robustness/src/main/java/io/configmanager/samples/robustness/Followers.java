// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.Config;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigEvent;
import io.configmanager.ConfigFilter;
import io.configmanager.KeyState;
import io.configmanager.TypeRef;
import io.configmanager.Watcher;
import io.configmanager.WatcherStateException;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/** Records what a watcher of all keys takes, and what a small queue with a slow reader is notified of. */
final class Followers {

    static final List<String> NAMES = List.of("watcher", "queue");

    private static final int PLACES = 4;
    private static final int SLOW_MILLIS = 25;

    private final Recorder recorder;
    private final Publications publications;

    Followers(Recorder recorder, Publications publications) {
        this.recorder = recorder;
        this.publications = publications;
    }

    /** Takes from a watcher until the manager closes. */
    void watch(Config config) {
        Watcher<KeyState<Object>> watcher = config.watch(ConfigFilter.ALL, TypeRef.of(Object.class));
        try {
            while (true) {
                told("watcher", config.namespace(), watcher.get());
            }
        } catch (WatcherStateException closed) {
            recorder.write("X", System.nanoTime(), "watcher-closed", Texts.line(closed.getMessage()));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Takes slowly from a queue that is full most of the time. */
    void takeSlowly(Config config) {
        BlockingQueue<ConfigEvent<Object>> queue = new ArrayBlockingQueue<>(PLACES);
        config.notify(ConfigFilter.ALL, Object.class, "queue", queue);
        try {
            while (true) {
                ConfigEvent<Object> event = queue.take();
                KeyState<Object> state = event.result();
                if (event.kind() != ConfigEvent.Kind.CHANGED) {
                    recorder.write("F", System.nanoTime(), "queue", config.namespace(), event.kind());
                } else if (state != null) {
                    told("queue", config.namespace(), state);
                }
                Clock.awaitMillis(SLOW_MILLIS);
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void told(String name, String namespace, KeyState<Object> state) {
        ConfigEntry entry = state.entry();
        recorder.write(
                "K",
                System.nanoTime(),
                name,
                namespace,
                state.key(),
                state.kind(),
                entry == null ? Texts.NONE : entry.version() + ":" + Texts.brief(entry.value()),
                state.epoch(),
                state.revision());
        if (entry != null) {
            publications.noteFinal(name, namespace, state.key(), entry.value());
        }
    }
}
