// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigException;
import io.configmanager.ConfigListener;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigView;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Records what a manager publishes: views, and change sets as the watch applies them and as listeners hear them. */
final class Publications {

    private static final int SLOW_MILLIS = 80;
    private static final int THROWS_EVERY = 25;
    private static final List<String> WHO_HEARS =
            Stream.of(Client.LISTENERS, Followers.NAMES).flatMap(List::stream).toList();

    private final Recorder recorder;
    private final AtomicReference<@Nullable ConfigManager> manager;
    private final Map<String, String> lastSampled = new HashMap<>();

    /** Who has heard of the last write. */
    private final Map<String, String> heardFinal = new ConcurrentHashMap<>();

    Publications(Recorder recorder, AtomicReference<@Nullable ConfigManager> manager) {
        this.recorder = recorder;
        this.manager = manager;
    }

    /** On the watch thread, after the cache shows the change. */
    void applied(ConfigChangeSet changes) {
        recorder.write(
                "A", System.nanoTime(), changes.namespace(), changes.revision(), changes.resync(), text(changes));
        try {
            view(changes.namespace(), "applied");
        } catch (ConfigException e) {
            // Not connected yet: there is nothing to look at.
        }
    }

    ConfigListener listener(String name) {
        AtomicInteger heard = new AtomicInteger();
        return changes -> {
            recorder.write(
                    "N",
                    System.nanoTime(),
                    name,
                    changes.namespace(),
                    changes.revision(),
                    changes.resync(),
                    text(changes));
            noteFinal(name, changes);
            if (name.equals("slow")) {
                Clock.awaitMillis(SLOW_MILLIS);
            } else if (name.equals("throwing") && heard.incrementAndGet() % THROWS_EVERY == 0) {
                throw new IllegalStateException("a listener that fails now and then");
            }
        };
    }

    /** Looks at a namespace and records it, unless a sampler would only repeat itself. Returns the view's revision. */
    long view(String namespace, String source) {
        ConfigManager current = manager.get();
        if (current == null) {
            return 0;
        }
        long start = System.nanoTime();
        long wall = Clock.wallMicros();
        ConfigView view = current.namespace(namespace).view();
        long sum = 0;
        Map<String, String> values = new HashMap<>();
        StringJoiner expiring = new StringJoiner(";");
        StringJoiner broken = new StringJoiner(";");
        for (ConfigEntry entry : view.entries()) {
            String brief = Texts.brief(entry.value());
            values.put(entry.key(), brief);
            if (Keys.expires(entry.key())) {
                Instant end = entry.expiresAt();
                expiring.add(entry.key()
                        + ':'
                        + entry.version()
                        + ':'
                        + (end == null ? 0 : ChronoUnit.MICROS.between(Instant.EPOCH, end)));
            } else if (Keys.mayBeBroken(entry.key())) {
                broken.add(entry.key() + ':' + entry.version());
            } else {
                sum += Texts.digest(entry.key(), entry.version(), entry.revision(), brief);
            }
        }
        StringJoiner pairs = new StringJoiner(";");
        for (int i = 0; i < Keys.PAIRS; i++) {
            pairs.add(values.getOrDefault(Keys.left(i), Texts.NONE)
                    + '|'
                    + values.getOrDefault(Keys.right(i), Texts.NONE));
        }
        String shown = view.revision() + "\t" + Long.toHexString(sum) + '\t' + pairs + '\t' + expiring + '\t' + broken;
        if (source.equals("sampled") && shown.equals(lastSampled.put(namespace, shown))) {
            return view.revision();
        }
        recorder.write("V", start, System.nanoTime(), wall, namespace, shown, source);
        return view.revision();
    }

    /** Waits until views show the last write of the run and every listener has heard of it. */
    boolean awaitFinal(String tag, Sampler sampler, Injected injected, Duration patience) {
        long deadline = System.nanoTime() + patience.toNanos();
        Set<String> missing = new HashSet<>();
        do {
            Clock.awaitMillis(20);
            missing.clear();
            for (String namespace : Keys.NAMESPACES) {
                if (!sampler.shows(namespace, Keys.FINAL, tag)) {
                    missing.add(namespace);
                }
            }
            if (!injected.shows(tag)) {
                missing.add("what is injected");
            }
            for (String name : WHO_HEARS) {
                for (String namespace : Client.LISTENED) {
                    if (!tag.equals(heardFinal.get(name + ' ' + namespace))) {
                        missing.add(name + ' ' + namespace);
                    }
                }
            }
        } while (!missing.isEmpty() && System.nanoTime() < deadline);
        return missing.isEmpty();
    }

    private void noteFinal(String name, ConfigChangeSet changes) {
        for (ConfigChange change : changes.changes()) {
            ConfigEntry after = change.after();
            if (after != null) {
                noteFinal(name, changes.namespace(), change.key(), after.value());
            }
        }
    }

    /** Notes it if this is the last write of the run. */
    void noteFinal(String name, String namespace, String key, String value) {
        if (key.equals(Keys.FINAL)) {
            heardFinal.put(name + ' ' + namespace, value.replace("\"", ""));
        }
    }

    private static String text(ConfigChangeSet changes) {
        StringJoiner all = new StringJoiner(";");
        for (ConfigChange change : changes.changes()) {
            all.add(change.key() + '@' + text(change.before()) + '@' + text(change.after()));
        }
        return all.toString();
    }

    private static String text(@Nullable ConfigEntry entry) {
        return entry == null ? Texts.NONE : entry.version() + ":" + Texts.brief(entry.value());
    }
}
