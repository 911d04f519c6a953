// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.Condition;
import io.configmanager.Config;
import io.configmanager.ConfigBatch;
import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigEvent;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigListener;
import io.configmanager.ConfigNames;
import io.configmanager.ConfigView;
import io.configmanager.InvalidConfigException;
import io.configmanager.KeyNotFoundException;
import io.configmanager.KeyState;
import io.configmanager.LogEntry;
import io.configmanager.ManagerStateException;
import io.configmanager.Page;
import io.configmanager.StoreException;
import io.configmanager.Subscription;
import io.configmanager.TypeRef;
import io.configmanager.ValueType;
import io.configmanager.Watcher;
import io.configmanager.WhenAway;
import io.configmanager.WriteOptions;
import io.configmanager.WriteResult;
import io.configmanager.codec.Codec;
import io.configmanager.engine.Reconciler.Start;
import io.configmanager.engine.Reconciler.Ticket;
import io.configmanager.engine.StateWatcher.Decoder;
import io.configmanager.store.Changes;
import io.configmanager.store.Commit;
import io.configmanager.store.Cursors;
import io.configmanager.store.Lookup;
import io.configmanager.store.Operation;
import io.configmanager.value.WatcherPublisher;
import java.lang.reflect.Type;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A namespace of a {@link DefaultConfigManager}. */
final class DefaultConfig implements Config {

    private static final Logger log = LoggerFactory.getLogger(DefaultConfig.class);
    private static final int READ_ATTEMPTS = 3;
    private static final int PAGE = 1_000;

    private final DefaultConfigManager manager;
    private final NamespaceCache cache;
    private final String namespace;
    private final Codecs codecs;
    private final StoreClock storeClock;
    private final LongAdder hits;
    private final LongAdder misses;

    DefaultConfig(DefaultConfigManager manager, NamespaceCache cache) {
        this.manager = manager;
        this.cache = cache;
        this.namespace = cache.namespace();
        this.codecs = manager.codecs;
        this.storeClock = manager.storeClock;
        this.hits = manager.hits;
        this.misses = manager.misses;
    }

    NamespaceCache cache() {
        return cache;
    }

    @Override
    public String namespace() {
        return namespace;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> T get(String key, Class<T> type) {
        Slot slot = read(key);
        if (slot == null) {
            throw new KeyNotFoundException(namespace, key);
        }
        return (T) slot.value(type, codecs);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> T get(String key, Class<T> type, T defaultValue) {
        Slot slot = read(key);
        return slot == null ? defaultValue : (T) slot.value(type, codecs);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> Optional<T> get(String key, TypeRef<T> type) {
        Slot slot = read(key);
        Type wanted = type.type();
        return slot == null ? Optional.empty() : Optional.of((T) slot.value(wanted, codecs));
    }

    @Override
    public Optional<ConfigEntry> entry(String key) {
        Slot slot = read(key);
        return slot == null ? Optional.empty() : Optional.ofNullable(slot.entry);
    }

    @Override
    public Optional<ConfigEntry> stored(String key) {
        CacheState state = manager.readable(cache);
        Slot slot = state.pending(key) ? existing(committedOrLoaded(key, state)) : read(key);
        return slot == null ? Optional.empty() : Optional.ofNullable(slot.entry);
    }

    private @Nullable Slot committedOrLoaded(String key, CacheState state) {
        Slot slot = state.known(key);
        return slot == null && state.onDemand != null ? manager.loads.load(this, key, state.revision) : slot;
    }

    @Override
    public Optional<ConfigEntry> latest(String key) {
        ConfigNames.requireKey(key);
        manager.requireConnected();
        return Optional.ofNullable(ask(key).entry());
    }

    @Override
    public Page<ConfigEntry> find(ConfigFilter filter, int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        CacheState state = manager.readable(cache);
        if (state.onDemand != null) {
            return manager.store.list(namespace, filter, limit, cursor);
        }
        String after = cursor == null ? "" : Cursors.read(Cursors.Kind.ENTRIES, cursor);
        List<ConfigEntry> rows = state.find(filter, after, limit + 1, this::alive);
        return Cursors.page(Cursors.Kind.ENTRIES, rows, limit, ConfigEntry::key);
    }

    @Override
    public Page<LogEntry> history(String key, int limit, @Nullable String cursor) {
        ConfigNames.requireKey(key);
        Cursors.requireLimit(limit);
        manager.requireConnected();
        return manager.store.history(namespace, key, limit, cursor);
    }

    @Override
    public WriteResult set(String key, Object value) {
        return set(key, value, WriteOptions.DEFAULT);
    }

    @Override
    public WriteResult set(String key, Object value, WriteOptions options) {
        return write(List.of(put(key, value, options)), options);
    }

    @Override
    public ConfigEntry draft(String key, Object value, WriteOptions options) {
        Operation put = put(key, value, options);
        manager.requireConnected();
        Lookup now = manager.store.get(namespace, key);
        ConfigEntry live = now.entry();
        Changes next = new Changes(0, now.storeTime(), ChronoUnit.MICROS, options.author(), options.comment());
        // Versions go on where a key was removed.
        long newest = live != null
                ? live.version()
                : manager.store.history(namespace, key, 1, null).items().stream()
                        .mapToLong(LogEntry::version)
                        .findFirst()
                        .orElse(0);
        LogEntry line = next.of(put, live, newest + 1);
        return Objects.requireNonNull(Objects.requireNonNull(line).entry());
    }

    @Override
    public WriteResult delete(String key) {
        return delete(key, WriteOptions.DEFAULT);
    }

    @Override
    public WriteResult delete(String key, WriteOptions options) {
        return write(List.of(new Operation.Delete(namespace, key, options.condition())), options);
    }

    @Override
    public WriteResult commit(Consumer<ConfigBatch> writes) {
        return commit(writes, null, null);
    }

    @Override
    public WriteResult commit(Consumer<ConfigBatch> writes, @Nullable String author, @Nullable String comment) {
        Batch batch = new Batch();
        writes.accept(batch);
        if (batch.operations.isEmpty()) {
            throw new InvalidConfigException("A commit needs at least one set or delete");
        }
        return write(List.copyOf(batch.operations.values()), batch.options(author, comment));
    }

    @Override
    public ConfigView view() {
        manager.readable(cache);
        DefaultView view = manager.reconciler.inOneHistory(() -> viewOf(manager.reconciler.applied(), cache.state()));
        if (view.state().onDemand != null) {
            throw new ManagerStateException("Namespace '" + namespace
                    + "' is larger than the cache and loaded on demand, so there is no view of it;"
                    + " raise the maximum number of entries");
        }
        return view;
    }

    @Override
    public Subscription listen(ConfigFilter filter, ConfigListener listener) {
        manager.readable(cache);
        Dispatcher dispatcher = manager.dispatcher;
        Start start = manager.reconciler.start(cache);
        // Where nothing was loaded, everything is news.
        long seen = start.state().loaded ? Math.max(start.state().revision, manager.reconciler.applied()) : -1;
        return dispatcher.add(
                namespace,
                new Lane(
                                filter,
                                listener,
                                manager.lanes,
                                manager.observer,
                                dispatcher.coalesced(),
                                System::nanoTime,
                                this::asChanges,
                                () -> cache.state().onDemand != null)
                        .after(start.epoch(), seen));
    }

    private ConfigChangeSet asChanges(ConfigFilter filter) {
        Start now = manager.reconciler.start(cache);
        List<ConfigChange> changes = new ArrayList<>();
        for (ConfigEntry entry : present(now.state(), filter)) {
            if (codecs.defect(entry) == null) {
                changes.add(ConfigChange.between(null, entry));
            }
        }
        return new ConfigChangeSet(namespace, now.epoch(), now.state().revision, true, changes);
    }

    @Override
    public <T> Watcher<KeyState<T>> watch(ConfigFilter filter, TypeRef<T> type) {
        Followed followed = follow(filter, false, false);
        StateWatcher<T> watcher = states(followed, type);
        manager.dispatcher.closeWhenForgotten(watcher, followed.subscription);
        return watcher;
    }

    @Override
    public <T> Subscription notify(
            ConfigFilter filter, Class<T> type, String correlationId, BlockingQueue<? super ConfigEvent<T>> queue) {
        return events(filter, type, correlationId).pipe(queue, manager.lanes);
    }

    @Override
    public <T> Subscription notify(
            ConfigFilter filter, Class<T> type, String correlationId, Consumer<? super ConfigEvent<T>> consumer) {
        Consumer<ConfigEvent<T>> isolated = event -> {
            try {
                consumer.accept(event);
            } catch (Throwable e) {
                manager.observer.listenerFailed();
                log.error("The consumer of notifications '{}' has failed", correlationId, e);
            }
        };
        return events(filter, type, correlationId).pipe(isolated, manager.lanes);
    }

    @Override
    public <T> Flow.Publisher<KeyState<T>> publisher(ConfigFilter filter, Class<T> type) {
        return new WatcherPublisher<>(() -> states(follow(filter, true, false), TypeRef.of(type)), manager.lanes);
    }

    /** A backlog that is being filled. */
    private record Followed(Backlog backlog, Subscription subscription) {}

    /**
     * The dispatcher is told first and the state is taken then, so that no change falls between.
     *
     * @param tellsFailures whether it is told, instead of thrown, if the store is needed and away
     */
    private Followed follow(ConfigFilter filter, boolean pushed, boolean tellsFailures) {
        Backlog backlog = new Backlog(filter, pushed, tellsFailures, System::nanoTime, known -> {
            Start again = manager.reconciler.start(cache);
            known.restart(present(again.state(), filter), again.epoch(), again.state().revision);
        });
        Subscription subscription = manager.dispatcher.add(namespace, backlog);
        try {
            start(backlog);
        } catch (RuntimeException e) {
            if (!tellsFailures || !(e instanceof StoreException)) {
                subscription.close();
                throw e;
            }
            backlog.failed(e);
            manager.dispatcher.startLater(backlog, () -> start(backlog), manager.lanes);
        }
        return new Followed(backlog, subscription);
    }

    private void start(Backlog backlog) {
        manager.readable(cache);
        Start start = manager.reconciler.start(cache);
        backlog.start(present(start.state(), backlog.filter()), start.epoch(), start.state().revision);
    }

    private List<ConfigEntry> present(CacheState state, ConfigFilter filter) {
        List<ConfigEntry> present = new ArrayList<>();
        if (state.onDemand != null) {
            String cursor = null;
            do {
                Page<ConfigEntry> page = manager.store.list(namespace, filter, PAGE, cursor);
                present.addAll(page.items());
                cursor = page.cursor().isEmpty() ? null : page.cursor();
            } while (cursor != null);
        } else if (filter instanceof ConfigFilter.Keys named) {
            for (String key : named.keys()) {
                Slot slot = existing(state.committed(key));
                if (slot != null && slot.entry != null) {
                    present.add(slot.entry);
                }
            }
        } else {
            for (ConfigEntry entry : state.entries()) {
                if (filter.matches(entry.key()) && alive(entry)) {
                    present.add(entry);
                }
            }
        }
        return present;
    }

    private <T> StateWatcher<T> states(Followed followed, TypeRef<T> type) {
        return new StateWatcher<>(followed.backlog, decoder(type), followed.subscription);
    }

    private <T> EventWatcher<T> events(ConfigFilter filter, Class<T> type, String correlationId) {
        boolean wasInMemory = cache.loaded() && cache.state().onDemand == null;
        Followed followed = follow(filter, true, true);
        return new EventWatcher<>(
                correlationId,
                followed.backlog,
                decoder(TypeRef.of(type)),
                manager::watchStatus,
                manager.reconciler::ticket,
                wasInMemory,
                followed.subscription);
    }

    /** Decodes once for all subscribers of a key, as long as it is what the cache holds. */
    @SuppressWarnings("unchecked")
    private <T> Decoder<T> decoder(TypeRef<T> type) {
        Type wanted = type.type();
        return entry -> {
            Slot held = cache.state().committed(entry.key());
            Slot slot = held != null && held.entry == entry ? held : new Slot(entry, entry.revision(), null);
            return (T) slot.value(wanted, codecs);
        };
    }

    /** The slot of a key that exists now, or null. */
    private @Nullable Slot read(String key) {
        CacheState state = manager.readable(cache);
        Slot slot = state.read(key);
        if (slot == null) {
            ConfigNames.requireKey(key);
            if (state.onDemand != null) {
                misses.increment();
                return existing(manager.loads.load(this, key, state.revision));
            }
        }
        hits.increment();
        return existing(slot);
    }

    private @Nullable Slot existing(@Nullable Slot slot) {
        return slot == null || slot.entry == null || !alive(slot.entry) ? null : slot;
    }

    private boolean alive(ConfigEntry entry) {
        Instant expiresAt = entry.expiresAt();
        return expiresAt == null || !storeClock.isPast(expiresAt);
    }

    /** Asks the store and teaches the cache; asks again if the cache has overtaken the answer meanwhile. */
    Lookup ask(String key) {
        Lookup lookup = null;
        for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
            Ticket ticket = manager.reconciler.ticket();
            lookup = manager.store.get(namespace, key);
            if (manager.reconciler.learn(ticket, namespace, key, lookup.entry(), lookup.revision())) {
                return lookup;
            }
        }
        return Objects.requireNonNull(lookup);
    }

    /** @param applied a revision that was applied before the state was taken, so that the state holds it */
    private DefaultView viewOf(long applied, CacheState state) {
        return new DefaultView(namespace, Math.max(applied, state.revision), state, storeClock.now(), codecs);
    }

    private Operation.Put put(String key, Object value, WriteOptions options) {
        ConfigNames.requireKey(key);
        if (value instanceof ConfigEntry entry) {
            codecs.requireStorable(namespace, key, entry.value());
            ValueType kept = options.secret() ? ValueType.SECRET : entry.type();
            return new Operation.Put(
                    namespace, key, entry.value(), entry.codec(), kept, options.ttl(), options.condition());
        }
        Codec.Encoded encoded = codecs.encode(namespace, key, value);
        ValueType type = options.secret() ? ValueType.SECRET : encoded.type();
        return new Operation.Put(
                namespace, key, encoded.text(), codecs.writer().name(), type, options.ttl(), options.condition());
    }

    private WriteResult write(List<Operation> operations, WriteOptions options) {
        manager.requireConnected();
        return manager.writes.write(Commit.of(operations, options.author(), options.comment()), options.whenAway());
    }

    /** The entry that the store is known to hold; null if there is none, or it is not in memory. */
    @Nullable
    ConfigEntry known(String key) {
        Slot slot = existing(cache.state().known(key));
        return slot == null ? null : slot.entry;
    }

    private final class Batch implements ConfigBatch {

        private final Map<String, Operation> operations = new LinkedHashMap<>();
        private final Map<String, WhenAway> whenAway = new HashMap<>();

        /** The strictest of what was asked for decides for all. */
        WriteOptions options(@Nullable String author, @Nullable String comment) {
            WhenAway all = whenAway.containsValue(WhenAway.FAIL)
                    ? WhenAway.FAIL
                    : whenAway.containsValue(WhenAway.QUEUE) ? WhenAway.QUEUE : WhenAway.OVERWRITE;
            return WriteOptions.DEFAULT.withAuthor(author).withComment(comment).whenAway(all);
        }

        @Override
        public ConfigBatch set(String key, Object value) {
            return set(key, value, WriteOptions.DEFAULT);
        }

        @Override
        public ConfigBatch set(String key, Object value, WriteOptions options) {
            operations.put(key, put(key, value, options));
            whenAway.put(key, options.whenAway());
            return this;
        }

        @Override
        public ConfigBatch delete(String key) {
            return delete(key, Condition.ALWAYS);
        }

        @Override
        public ConfigBatch delete(String key, Condition condition) {
            operations.put(key, new Operation.Delete(namespace, key, condition));
            whenAway.put(key, WhenAway.QUEUE);
            return this;
        }
    }
}
