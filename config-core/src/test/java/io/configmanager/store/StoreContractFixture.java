// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.LogEntry;
import io.configmanager.Page;
import io.configmanager.ValueType;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.awaitility.core.ConditionFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The hooks of {@link ConfigStoreContract} and what its tests share. */
abstract class StoreContractFixture {

    /** The longest wait for something that must happen; nothing waits that long when all is well. */
    static final Duration PATIENCE = Duration.ofSeconds(20);

    static final Duration SHORT = Duration.ofMillis(30);
    static final String AUTHOR = "kit";

    /** A namespace that no other test has written to. */
    final String ns = "t-" + UUID.randomUUID();

    /** Another one, after {@link #ns} in order. */
    final String ns2 = ns + "-2";

    ConfigStore store;

    private final List<AutoCloseable> opened = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    /** A fresh handle on the shared data; the kit closes it. */
    protected abstract ConfigStore openStore();

    /** Empties the store; called before each test, after the first handle was opened. The revision may go on. */
    protected abstract void wipe();

    /** Creates or overwrites an entry as a person with a shell does, with the codec {@code json}. */
    protected abstract void putBehindItsBack(String namespace, String key, String value);

    /** Deletes an entry as a person with a shell does. */
    protected abstract void deleteBehindItsBack(String namespace, String key);

    /** Breaks the transport of all open feeds of all handles while the server goes on. */
    protected abstract void cutFeeds();

    /** Forgets all history that may be forgotten: afterwards only the newest position can be continued. */
    protected abstract void compact();

    /** Keeps the entries but gives the store another lineage, as a restored backup does. */
    protected abstract void replaceHistory();

    @BeforeEach
    void openAndWipe() {
        store = handle();
        wipe();
    }

    @AfterEach
    void closeAll() throws Exception {
        for (AutoCloseable closeable : opened) {
            closeable.close();
        }
        threads.shutdownNow();
        assertThat(threads.awaitTermination(PATIENCE.toSeconds(), SECONDS))
                .as("threads of the test end")
                .isTrue();
    }

    /** One more handle on the shared data, as a second process has. */
    final ConfigStore handle() {
        return closeLater(openStore());
    }

    final <T extends AutoCloseable> T closeLater(T closeable) {
        opened.add(closeable);
        return closeable;
    }

    final <T> Future<T> inBackground(Callable<T> task) {
        return threads.submit(task);
    }

    static <T> T result(Future<T> future) throws Exception {
        return future.get(PATIENCE.toSeconds(), SECONDS);
    }

    /** Gives the task time to get to where it waits, and checks that it does wait. */
    static void assertWaiting(Future<?> task) {
        assertThatThrownBy(() -> task.get(200, MILLISECONDS)).isInstanceOf(TimeoutException.class);
    }

    static ConditionFactory patiently() {
        return await().atMost(PATIENCE)
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(10))
                .pollInSameThread();
    }

    // ---- operations, all in the namespace of the test unless they name one

    final Operation put(String key, String value) {
        return put(ns, key, value);
    }

    static Operation put(String namespace, String key, String value) {
        return new Operation.Put(namespace, key, value, "json", ValueType.INTEGER, null, Condition.ALWAYS);
    }

    final Operation put(String key, String value, @Nullable Duration ttl) {
        return new Operation.Put(ns, key, value, "json", ValueType.INTEGER, ttl, Condition.ALWAYS);
    }

    final Operation put(String key, String value, Condition condition) {
        return new Operation.Put(ns, key, value, "json", ValueType.INTEGER, null, condition);
    }

    final Operation put(String key, String value, ValueType type) {
        return new Operation.Put(ns, key, value, "json", type, null, Condition.ALWAYS);
    }

    final Operation delete(String key) {
        return delete(key, Condition.ALWAYS);
    }

    final Operation delete(String key, Condition condition) {
        return new Operation.Delete(ns, key, condition);
    }

    static Commit commitOf(Operation... operations) {
        return Commit.of(List.of(operations), AUTHOR, "by the kit");
    }

    final CommitResult commit(Operation... operations) {
        return store.commit(commitOf(operations));
    }

    /** Puts an entry that expires, and waits until it has. */
    final void putExpired(String... keys) {
        for (String key : keys) {
            commit(put(key, "0", SHORT));
        }
        for (String key : keys) {
            patiently().until(() -> store.get(ns, key).entry() == null);
        }
    }

    // ---- reading

    final ConfigEntry entry(String key) {
        ConfigEntry entry = store.get(ns, key).entry();
        assertThat(entry).as("entry '%s'", key).isNotNull();
        return entry;
    }

    final @Nullable String value(String key) {
        ConfigEntry entry = store.get(ns, key).entry();
        return entry == null ? null : entry.value();
    }

    final List<String> keys(ConfigFilter filter) {
        return store.list(ns, filter, 1000, null).items().stream()
                .map(ConfigEntry::key)
                .toList();
    }

    final List<LogEntry> history(String key) {
        return walk(cursor -> store.history(ns, key, 1000, cursor));
    }

    final Position head() {
        return store.snapshot(Set.of(ns), 1000).position();
    }

    /** All items of all pages, with the promises of a page checked. */
    static <T> List<T> walk(Function<@Nullable String, Page<T>> pages) {
        List<T> items = new ArrayList<>();
        Page<T> page = pages.apply(null);
        items.addAll(page.items());
        while (page.hasNext()) {
            page = pages.apply(page.cursor());
            assertThat(page.items()).as("a page that was announced").isNotEmpty();
            items.addAll(page.items());
        }
        return items;
    }

    /** The values of all live entries of the namespaces, from the lists. */
    final Map<String, String> listed(String... namespaces) {
        Map<String, String> values = new LinkedHashMap<>();
        for (String namespace : namespaces) {
            for (ConfigEntry entry : walk(cursor -> store.list(namespace, ConfigFilter.ALL, 1000, cursor))) {
                values.put(namespace + " " + entry.key(), entry.value());
            }
        }
        return values;
    }

    /** Applies a change to values as {@link #listed} has them. */
    static void fold(Map<String, String> values, LogEntry change) {
        String name = change.namespace() + " " + change.key();
        ConfigEntry entry = change.entry();
        if (entry == null) {
            values.remove(name);
        } else {
            values.put(name, entry.value());
        }
    }

    /** The log entry without its time, which a store knows more or less well. */
    static LogEntry timeless(LogEntry line) {
        return new LogEntry(
                line.kind(),
                line.namespace(),
                line.key(),
                line.version(),
                line.revision(),
                Instant.EPOCH,
                line.author(),
                line.comment(),
                line.entry());
    }

    final FeedReader reader() {
        return reader(head());
    }

    final FeedReader reader(Position position) {
        return closeLater(new FeedReader(store, position));
    }
}
