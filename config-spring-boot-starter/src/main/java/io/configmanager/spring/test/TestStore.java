// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.test;

import io.configmanager.Condition;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigManager;
import io.configmanager.codec.Codec;
import io.configmanager.codec.Codec.Encoded;
import io.configmanager.codec.JsonCodec;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.Commit;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Cursors;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.Operation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The store of a test: writes past the application's manager, waits until everything that follows has followed, and puts all
 * back. Used by one test at a time.
 */
final class TestStore {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** A namespace to which is written last, so that whoever is told of it has been told of all before. */
    private static final String LAST = "config-test";

    private final MemoryConfigStore applications;
    private final ConfigStore own;
    private final ConfigManager manager;
    private final Codec codec;
    private final Told told;
    private @Nullable Map<Name, ConfigEntry> before;
    private boolean available = true;

    private record Name(String namespace, String key) {}

    /** Told of each change set after everybody else. */
    static final class Told implements ConfigManagerBuilder.Applier {

        private final Semaphore last = new Semaphore(0);

        @Override
        public void accept(ConfigChangeSet changes) {
            if (changes.namespace().equals(LAST)) {
                last.release();
            }
        }
    }

    TestStore(MemoryConfigStore applications, ConfigManager manager, Codec codec, Told told) {
        this.applications = applications;
        this.own = applications.another();
        this.manager = manager;
        this.codec = codec;
        this.told = told;
    }

    Operation put(String namespace, String key, Object value) {
        Encoded encoded = codec.encode(value);
        return new Operation.Put(namespace, key, encoded.text(), codec.name(), encoded.type(), null, Condition.ALWAYS);
    }

    /** A value as an annotation has it. */
    static Operation put(String namespace, WithConfig entry) {
        JsonCodec json = new JsonCodec();
        String text = entry.value();
        Encoded encoded;
        try {
            json.check(text);
            encoded = json.encode(json.decode(text, Object.class));
        } catch (IllegalArgumentException notJson) {
            encoded = json.encode(text);
        }
        String named = entry.namespace();
        return new Operation.Put(
                named.isEmpty() ? namespace : named.equals("_") ? "" : named,
                entry.key(),
                encoded.text(),
                json.name(),
                encoded.type(),
                null,
                Condition.ALWAYS);
    }

    void write(List<Operation> operations) {
        if (!operations.isEmpty()) {
            own.commit(Commit.of(operations, "test", null));
        }
        awaitApplication();
    }

    void setAvailable(boolean nowAvailable) {
        available = nowAvailable;
        applications.setAvailable(nowAvailable);
        awaitApplication();
    }

    private void awaitApplication() {
        if (!available) {
            return;
        }
        // Somebody must look, or nobody is told.
        manager.namespace(LAST).entry("write");
        told.last.drainPermits();
        own.commit(Commit.of(List.of(put(LAST, "write", System.nanoTime())), "test", null));
        try {
            if (!told.last.tryAcquire(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new AssertionError("The application does not follow its store: " + manager.watchStatus());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("Interrupted while waiting for the application to follow its store", e);
        }
    }

    /** Remembers what is there when the first test begins. */
    void begin(List<Operation> entries) {
        if (before == null) {
            before = entries();
        }
        if (!entries.isEmpty()) {
            write(entries);
        }
    }

    /** Puts back what was there when the first test began. */
    void reset() {
        if (!available) {
            setAvailable(true);
        }
        Map<Name, ConfigEntry> wanted = before == null ? Map.of() : before;
        Map<Name, ConfigEntry> found = entries();
        List<Operation> operations = new ArrayList<>();
        found.keySet().stream()
                .filter(name -> !wanted.containsKey(name))
                .map(name -> new Operation.Delete(name.namespace(), name.key(), Condition.ALWAYS))
                .forEach(operations::add);
        wanted.forEach((name, entry) -> {
            ConfigEntry now = found.get(name);
            if (now == null || !now.sameContent(entry)) {
                operations.add(new Operation.Put(
                        name.namespace(),
                        name.key(),
                        entry.value(),
                        entry.codec(),
                        entry.type(),
                        Duration.ZERO,
                        Condition.ALWAYS));
            }
        });
        if (!operations.isEmpty()) {
            write(operations);
        }
    }

    private Map<Name, ConfigEntry> entries() {
        Map<Name, ConfigEntry> all = new LinkedHashMap<>();
        List<String> namespaces = own.namespaces(Cursors.MAX_LIMIT, null).items();
        own.snapshot(new LinkedHashSet<>(namespaces), Integer.MAX_VALUE).entries().stream()
                .filter(entry -> !entry.namespace().equals(LAST))
                .forEach(entry -> all.put(new Name(entry.namespace(), entry.key()), entry));
        return all;
    }
}
