// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.configmanager.Condition;
import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.ValueType;
import io.configmanager.WatchState;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import io.configmanager.store.Commit;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.Operation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.slf4j.LoggerFactory;

/** A connected manager on a memory store into which others write, and that fails as a test wants it to. */
abstract class OnMemoryStore {

    static final Duration SOON = Duration.ofSeconds(5);

    private final Logger log = (Logger) LoggerFactory.getLogger("io.configmanager");

    volatile MemoryConfigStore memory = new MemoryConfigStore();
    MemoryConfigStore others = memory.another();
    final FaultyStore store = new FaultyStore((ConfigStore) Proxy.newProxyInstance(
            ConfigStore.class.getClassLoader(), new Class<?>[] {ConfigStore.class}, (proxy, method, arguments) -> {
                try {
                    return method.invoke(memory, arguments);
                } catch (InvocationTargetException e) {
                    throw e.getCause();
                }
            }));
    ConfigManager manager;
    Config config;

    @BeforeEach
    void quiet() {
        log.setLevel(Level.OFF);
    }

    @AfterEach
    void closeManager() {
        if (manager != null) {
            manager.close();
            assertThat(manager.subscriptionStats().open())
                    .as("open after close")
                    .isZero();
        }
        log.setLevel(null);
    }

    ConfigManagerBuilder builder() {
        return ConfigManagerBuilder.forStore(store)
                .startup(StartupPolicy.FAIL, SOON)
                .retry(Duration.ofMillis(5), Duration.ofMillis(20), Duration.ofMillis(1));
    }

    void connect() {
        connect(builder().preload(""));
    }

    void connect(ConfigManagerBuilder builder) {
        manager = builder.build();
        manager.connect();
        config = manager.namespace("");
    }

    /** By another process; keys and values in turn, a null value deletes. */
    long put(String... keysAndValues) {
        List<Operation> operations = new ArrayList<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            String key = keysAndValues[i];
            String value = keysAndValues[i + 1];
            operations.add(
                    value == null
                            ? new Operation.Delete("", key, Condition.ALWAYS)
                            : new Operation.Put("", key, value, "json", ValueType.INTEGER, null, Condition.ALWAYS));
        }
        return others.commit(Commit.of(operations, null, null)).revision();
    }

    void delete(String key) {
        put(key, null);
    }

    void applied(long revision) {
        assertThat(manager.awaitRevision(revision, SOON)).isTrue();
    }

    /** The store goes away, and the watch has noticed. */
    void outage() {
        memory.setAvailable(false);
        await().atMost(SOON).until(() -> manager.watchStatus().consecutiveFailures() > 1);
    }

    void recover() {
        memory.setAvailable(true);
        awaitLive();
    }

    void awaitLive() {
        await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.LIVE);
    }

    /** A backup of long ago is restored: another history, in which little has happened yet. */
    void restore(String... keysAndValues) {
        MemoryConfigStore before = memory;
        MemoryConfigStore after = new MemoryConfigStore();
        others = after.another();
        put(keysAndValues);
        memory = after;
        before.cutFeeds();
    }

    /** While the watch is away, changes are made and the log of them is lost, so that a resync is needed. */
    void duringAGap(Runnable changes) {
        outage();
        changes.run();
        others.compact();
        recover();
    }
}
