// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.configmanager.Condition;
import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigObserver;
import io.configmanager.FleetStatus;
import io.configmanager.LogEntry;
import io.configmanager.Page;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.WatchState;
import io.configmanager.codec.JsonCodec;
import io.configmanager.engine.Reconciler.Ticket;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Feed;
import io.configmanager.store.InstanceReport;
import io.configmanager.store.Lookup;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.Operation;
import io.configmanager.store.Position;
import io.configmanager.store.PositionLostException;
import io.configmanager.store.Snapshot;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/**
 * The engine against a model, on one thread, so that every interleaving is forced and a failure can be replayed: own
 * writes, reads and loads of callers end at an arbitrary later step, also while the watch waits for an answer of the
 * store. After every step the invariants I2, I3, I10 and the ones of change sets must hold; at the end I13.
 *
 * <p>That it bites was tried by breaking the engine on purpose; what found it:
 *
 * <pre>
 *   old change sets accepted (all checks, or either one)   I2; revision of a view went back
 *   applied not moved with every change set                applied behind what was delivered
 *   caller's load joined whatever its ticket says          I2
 *   changes during a caller's load ignored                 I2
 *   ... kept although history was replaced                 I2
 *   deletions left out of a resync                         consumer
 *   own writes not dropped, or kept in a new history       I2; I13
 *   own writes lost by a load, or before the first one     I10
 *   own delete of a key that is not known forgotten        I10
 *   older answer accepted (per key, per namespace)         I3; I2
 *   answers ahead of the feed mixed with committed ones    I10; I2
 *   epoch not checked                                      I3
 *   snapshot takes a namespace back                        revision of a view went back
 *   resync jumps over a namespace loaded meanwhile         I2
 *   resync takes a snapshot older than what was applied    revision of a view went back
 *   history not proved before a resync                     I3; I13 (watch never live again)
 *   slot of another history reused (one seed in 1,000)     I3
 *   inserts not told after nothing had been served         consumer
 *   on demand: change of a key not in memory not told      told on demand
 *   on demand: memory not read again, or kept, by a resync read again; I2
 *   first of several changes of a key counts               I2
 * </pre>
 *
 * <p>Replay one seed with {@code -Dmodel.seed=17}; run more of them with {@code -Dmodel.seeds=5000}, and more
 * of the short ones with {@code -Dmodel.runs=100000}.
 */
class EngineModelTest {

    private static final int SEEDS = 200;
    private static final int STEPS = 300;

    /** Short runs reach other places than long ones: each begins with nothing. */
    private static final int SHORT_RUNS = 10_000;

    private static final int SHORT_STEPS = 15;

    private final Logger engineLog = (Logger) LoggerFactory.getLogger("io.configmanager.engine");
    private final Level level = engineLog.getLevel();

    @BeforeEach
    void quiet() {
        engineLog.setLevel(Level.OFF);
    }

    @AfterEach
    void loud() {
        engineLog.setLevel(level);
    }

    @Test
    void invariantsHoldInEveryInterleaving() {
        Long only = Long.getLong("model.seed");
        long first = only == null ? 1 : only;
        long last = only == null ? Integer.getInteger("model.seeds", SEEDS) : only;
        for (long seed = first; seed <= last; seed++) {
            new Model(seed, STEPS).run();
        }
    }

    /**
     * 698, 977: on demand, a deletion after a rejected row was not told. 1894: on demand, a snapshot older than what was
     * read of a key took it back.
     */
    @Test
    void invariantsHoldWhereTheyOnceDidNot() {
        for (long seed : List.of(698L, 977L, 1894L)) {
            new Model(seed, STEPS).run();
        }
    }

    @Test
    void invariantsHoldInTenThousandBeginnings() {
        Long only = Long.getLong("model.seed");
        long first = only == null ? 1 : only;
        long last = only == null ? Integer.getInteger("model.runs", SHORT_RUNS) : only;
        for (long seed = first; seed <= last; seed++) {
            new Model(seed, SHORT_STEPS).run();
        }
    }

    /** What really happened in one lineage. */
    private static final class History {

        final NavigableMap<Long, Map<String, Map<String, ConfigEntry>>> folds = new TreeMap<>();
        final NavigableMap<Long, ChangeSet> log = new TreeMap<>();

        History() {
            folds.put(0L, Map.of());
        }

        History(History past) {
            folds.putAll(past.folds);
            log.putAll(past.log);
        }

        void add(ChangeSet changeSet) {
            Map<String, Map<String, ConfigEntry>> fold =
                    new HashMap<>(folds.lastEntry().getValue());
            for (LogEntry change : changeSet.changes()) {
                Map<String, ConfigEntry> entries = new TreeMap<>(fold.getOrDefault(change.namespace(), Map.of()));
                if (change.entry() == null) {
                    entries.remove(change.key());
                } else {
                    entries.put(change.key(), change.entry());
                }
                fold.put(change.namespace(), entries);
            }
            folds.put(changeSet.revision(), fold);
            log.put(changeSet.revision(), changeSet);
        }

        long head() {
            return folds.lastKey();
        }

        Map<String, ConfigEntry> at(long revision, String namespace) {
            return folds.floorEntry(revision).getValue().getOrDefault(namespace, Map.of());
        }
    }

    private static final class Model {

        private static final List<String> NAMESPACES = List.of("a", "b", "c", "");
        private static final List<String> KEYS = List.of("k1", "k2", "k3", "k4", "k5", "k6");
        private static final String BAD = "{bad";

        private final long seed;
        private final int steps;
        private final Random random;
        private final int bound;
        private final boolean badValues;
        private final Deque<String> trace = new ArrayDeque<>();

        private Instant now = Instant.parse("2026-01-01T00:00:00Z");
        private long nanos = 1_000_000_000L;

        private MemoryConfigStore store = new MemoryConfigStore(() -> now);
        private MemoryConfigStore others = store.another();
        private Position truth = others.snapshot(Set.of(), 1).position();
        private final List<History> histories = new ArrayList<>(List.of(new History()));
        private final List<Position> positions = new ArrayList<>();

        /** The newest history from which the watch got an answer. */
        private int followed;

        private boolean inTurn;
        private boolean healed;
        private Set<String> oversized = Set.of();

        /** What a check found inside a turn, which the watch would take for a failure of the store. */
        private AssertionError broken;

        private long jumps;

        private final Codecs codecs = new Codecs(new JsonCodec(), List.of(), 1_000);
        private final Reconciler reconciler;
        private final StatusTracker status;
        private final WatchLoop loop;

        private final Map<String, NamespaceCache> caches = new TreeMap<>();
        private final List<Supplier<String>> unanswered = new ArrayList<>();
        private final Set<String> loading = new HashSet<>();
        private final Map<String, Snapshot> earlier = new HashMap<>();
        private final Map<Set<String>, Snapshot> watchedEarlier = new HashMap<>();

        /** For each key the revision that every later answer must not be older than. */
        private final Map<List<String>, Long> floors = new HashMap<>();

        private final Map<String, Long> viewed = new HashMap<>();
        private final Map<String, Map<String, ConfigEntry>> consumers = new HashMap<>();
        private final Set<String> servedEmpty = new HashSet<>();

        /** Namespaces on demand, and from which revision on every change must have been told. */
        private final Map<String, Long> toldFrom = new HashMap<>();

        /** Namespaces on demand: not every key was told of, so that the change sets do not add up. */
        private final Set<String> partly = new HashSet<>();

        /** Namespaces on demand of which keys were read one by one: those may be ahead of the feed up to here. */
        private final Map<String, Long> readUpTo = new HashMap<>();

        Model(long seed, int steps) {
            this.seed = seed;
            this.steps = steps;
            this.random = new Random(seed);
            this.bound = List.of(100, 100, 4, 5).get(random.nextInt(4));
            this.badValues = random.nextInt(3) == 0;
            ConfigObserver observer = new ConfigObserver() {};
            this.reconciler = new Reconciler(codecs, bound, observer);
            this.status = new StatusTracker(() -> now, () -> nanos, Duration.ofSeconds(2));
            Pause pause = duration -> {
                nanos += duration.toNanos();
                return false;
            };
            this.loop = new WatchLoop(
                    new WatchedStore(),
                    reconciler,
                    status,
                    new StoreClock(now, () -> nanos),
                    changes -> checked(() -> consume(changes)),
                    observer,
                    bound,
                    new WatchLoop.Timing(
                            new Backoff(Duration.ofMillis(100), Duration.ofSeconds(1)),
                            Duration.ZERO,
                            pause,
                            new Random(seed),
                            () -> nanos));
        }

        void run() {
            int step = 0;
            try {
                for (; step < steps; step++) {
                    step();
                    check();
                }
                converge();
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError(
                        "seed " + seed + ", step " + step + ": " + e.getMessage() + "\n  " + String.join("\n  ", trace),
                        e);
            }
        }

        // ---- steps

        private void step() {
            if (random.nextInt(100) < 35) {
                turn();
            } else {
                act();
            }
        }

        private void turn() {
            note("turn");
            Map<String, Set<String>> inMemory = new HashMap<>();
            for (NamespaceCache cache : caches.values()) {
                if (cache.state().onDemand != null) {
                    inMemory.put(cache.namespace(), cache.keysInMemory());
                }
            }
            long before = reconciler.ticket().jumps();
            inTurn = true;
            try {
                loop.turn();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            } finally {
                inTurn = false;
            }
            if (broken != null) {
                throw broken;
            }
            note("turned: " + status.state() + " applied " + reconciler.applied());
            inMemory.forEach((namespace, keys) -> {
                NamespaceCache cache = caches.get(namespace);
                if (before != reconciler.ticket().jumps() && oversized.contains(namespace) && !keys.isEmpty()) {
                    assertThat(cache.keysInMemory())
                            .as("read again by a resync")
                            .containsAnyElementsOf(keys);
                }
            });
        }

        /** Anything but a turn of the watch. */
        private void act() {
            try {
                int dice = random.nextInt(100);
                if (dice < 18) {
                    commit(others, 1 + random.nextInt(3), null);
                } else if (dice < 30) {
                    startWrite();
                } else if (dice < 42) {
                    startLookup();
                } else if (dice < 50) {
                    startLoad();
                } else if (dice < 75) {
                    answer();
                } else if (dice < 80) {
                    activate();
                } else if (dice < 82) {
                    serveEmpty();
                } else if (dice < 87) {
                    now = now.plusSeconds(2);
                    nanos += 2_000_000_000L;
                    note("2 s later");
                } else if (dice < 91) {
                    note("maintain");
                    others.maintain();
                } else if (dice < 93) {
                    note("cut");
                    store.cutFeeds();
                } else if (dice < 96) {
                    boolean available = random.nextInt(4) > 0;
                    note("available " + available);
                    store.setAvailable(available);
                } else if (dice < 98 || (dice == 98 && inTurn)) {
                    note("compact");
                    others.compact();
                } else if (random.nextInt(2) == 0) {
                    replaceHistory();
                }
            } catch (StoreException e) {
                note("  unavailable");
            }
            observe();
        }

        private CommitResult commit(MemoryConfigStore by, int size, String onlyNamespace) {
            Map<List<String>, Operation> operations = new HashMap<>();
            for (int i = 0; i < size; i++) {
                String namespace = onlyNamespace == null ? pick(NAMESPACES) : onlyNamespace;
                String key = pick(KEYS);
                boolean delete = random.nextInt(3) == 0;
                boolean bad = badValues && onlyNamespace == null && random.nextInt(8) == 0;
                Duration ttl = random.nextInt(6) == 0 ? Duration.ofSeconds(3) : null;
                operations.put(
                        List.of(namespace, key),
                        delete
                                ? new Operation.Delete(namespace, key, Condition.ALWAYS)
                                : new Operation.Put(
                                        namespace,
                                        key,
                                        bad ? BAD : String.valueOf(random.nextInt(3)),
                                        "json",
                                        ValueType.INTEGER,
                                        ttl,
                                        Condition.ALWAYS));
            }
            CommitResult result = by.commit(Commit.of(List.copyOf(operations.values()), null, null));
            note((by == others ? "other" : "own") + " commit " + result.revision() + " " + describe(result.changes()));
            return result;
        }

        private void startWrite() {
            String namespace = pick(NAMESPACES);
            Ticket ticket = reconciler.ticket();
            CommitResult result = commit(store, 1 + random.nextInt(2), namespace);
            int history = current();
            unanswered.add(() -> {
                reconciler.learn(ticket, result.changes(), result.revision());
                boolean sameHistory = history == current()
                        && history == followed
                        && ticket.epoch() == reconciler.ticket().epoch();
                if (sameHistory && caches.containsKey(namespace)) {
                    for (LogEntry change : result.changes()) {
                        floors.merge(List.of(namespace, change.key()), result.revision(), Math::max);
                    }
                }
                return "write " + result.revision() + " answered";
            });
        }

        private void startLookup() {
            String namespace = pick(NAMESPACES);
            earlier.put(namespace, others.snapshot(Set.of(namespace), bound));
            String key = pick(KEYS);
            Ticket ticket = reconciler.ticket();
            Lookup lookup = store.get(namespace, key);
            unanswered.add(() -> {
                boolean learned = reconciler.learn(ticket, namespace, key, lookup.entry(), lookup.revision());
                return "lookup " + namespace + ":" + key + " at " + lookup.revision() + " learned " + learned;
            });
        }

        private void startLoad() {
            String namespace = pick(NAMESPACES);
            NamespaceCache cache = caches.computeIfAbsent(namespace, reconciler::newCache);
            reconciler.activate(cache);
            // As the manager, which loads nothing for a caller before the watch was live.
            boolean wasLive = status.state() == WatchState.LIVE || status.state() == WatchState.STALE;
            if (!wasLive || !cache.loadableByCaller() || !loading.add(namespace)) {
                return;
            }
            Ticket ticket = reconciler.startLoading(cache);
            Snapshot answered;
            try {
                answered = store.snapshot(Set.of(namespace), bound);
                Snapshot old = earlier.get(namespace);
                // As a replica answers that lags behind.
                answered = old == null || random.nextInt(6) > 0 ? answered : old;
            } catch (StoreException e) {
                reconciler.stopLoading(cache);
                loading.remove(namespace);
                throw e;
            }
            Snapshot snapshot = answered;
            long revision = snapshot.position().revision();
            note("load of " + namespace + " at " + revision);
            Supplier<String> finish = () -> {
                boolean done = reconciler.finishLoading(cache, ticket, snapshot);
                reconciler.stopLoading(cache);
                loading.remove(namespace);
                return "load of " + namespace + " at " + revision + " done " + done;
            };
            if (random.nextBoolean()) {
                unanswered.add(finish);
            } else {
                note(finish.get());
            }
        }

        private void answer() {
            if (!unanswered.isEmpty()) {
                note(unanswered.remove(random.nextInt(unanswered.size())).get());
            }
        }

        private void activate() {
            String namespace = pick(NAMESPACES);
            note("activate " + namespace);
            reconciler.activate(caches.computeIfAbsent(namespace, reconciler::newCache));
        }

        private void serveEmpty() {
            NamespaceCache cache = caches.get(pick(NAMESPACES));
            if (cache != null && reconciler.serveEmpty(cache) && servedEmpty.add(cache.namespace())) {
                note("served empty " + cache.namespace());
                consumers.put(cache.namespace(), new TreeMap<>());
            }
        }

        /** The lineage changes; the data stays, or goes back to what it was some revisions ago. */
        private void replaceHistory() {
            observe();
            earlier.clear();
            watchedEarlier.clear();
            if (random.nextBoolean()) {
                note("replace history");
                others.replaceHistory();
                histories.add(new History(histories.get(current())));
            } else {
                restore();
            }
            truth = others.snapshot(Set.of(), 1).position();
        }

        private void restore() {
            Instant real = now;
            MemoryConfigStore restored = new MemoryConfigStore(() -> now);
            int kept = random.nextInt(2 + (int) histories.get(current()).head());
            for (ChangeSet changeSet :
                    histories.get(current()).log.values().stream().limit(kept).toList()) {
                if (changeSet.changes().stream().anyMatch(change -> change.kind() == LogEntry.Kind.EXPIRE)) {
                    break;
                }
                now = changeSet.committedAt();
                List<Operation> operations = new ArrayList<>();
                for (LogEntry change : changeSet.changes()) {
                    ConfigEntry entry = change.entry();
                    operations.add(
                            entry == null
                                    ? new Operation.Delete(change.namespace(), change.key(), Condition.ALWAYS)
                                    : new Operation.Put(
                                            change.namespace(),
                                            change.key(),
                                            entry.value(),
                                            entry.codec(),
                                            entry.type(),
                                            entry.expiresAt() == null
                                                    ? Duration.ZERO
                                                    : Duration.between(now, entry.expiresAt()),
                                            Condition.ALWAYS));
                }
                restored.commit(Commit.of(operations, null, null));
            }
            now = real;
            store.cutFeeds();
            store.close();
            store = restored;
            others = restored.another();
            histories.add(new History());
            positions.clear();
            readUpTo.replaceAll((namespace, revision) -> Long.MAX_VALUE);
            truth = null;
            observe();
            note("restore to " + histories.get(current()).head());
        }

        private void converge() {
            note("heal");
            healed = true;
            store.setAvailable(true);
            while (!unanswered.isEmpty()) {
                answer();
                check();
            }
            for (int i = 0; i < 12; i++) {
                turn();
                check();
                nanos += 3_000_000_000L;
            }
            unanswered.clear();
            turn();
            check();
            observe();
            assertThat(status.state()).isEqualTo(WatchState.LIVE);
            assertThat(followed).as("history").isEqualTo(current());
            assertThat(reconciler.applied()).isEqualTo(histories.get(current()).head());
            assertThat(reconciler.waitingForLoad()).isEmpty();
            for (NamespaceCache cache : caches.values()) {
                assertThat(cache.loaded()).isTrue();
                for (ConfigEntry stored : others.list(cache.namespace(), ConfigFilter.ALL, 1000, null)
                        .items()) {
                    Slot slot = cache.state().read(stored.key());
                    if (!stored.value().equals(BAD) && (slot != null || cache.state().onDemand == null)) {
                        assertThat(slot == null ? null : slot.entry).as("I13").isEqualTo(stored);
                    }
                }
                assertThat(cache.state().own())
                        .as("own writes that the feed has brought")
                        .isEmpty();
            }
        }

        // ---- the model

        /** Brings the log of what really happened up to date. */
        private void observe() {
            if (truth == null) {
                truth = new Position(0, others.snapshot(Set.of(), 1).position().token());
                // The position before the first change is not to be had any more: the log is rebuilt from history.
                truth = others.snapshot(Set.of(), 1).position();
                rebuild();
                return;
            }
            try (Feed feed = others.openFeed(truth)) {
                Feed.Batch batch = feed.poll(Duration.ZERO);
                batch.changeSets().forEach(histories.get(current())::add);
                truth = batch.position();
            }
            positions.add(truth);
        }

        private void rebuild() {
            NavigableMap<Long, List<LogEntry>> byRevision = new TreeMap<>();
            for (String namespace : NAMESPACES) {
                for (String key : KEYS) {
                    for (LogEntry line :
                            others.history(namespace, key, 1000, null).items()) {
                        byRevision
                                .computeIfAbsent(line.revision(), r -> new ArrayList<>())
                                .add(line);
                    }
                }
            }
            byRevision.forEach((revision, lines) -> histories
                    .get(current())
                    .add(new ChangeSet(revision, lines.get(0).at(), lines)));
        }

        private int current() {
            return histories.size() - 1;
        }

        private void check() {
            checked(this::checkAll);
        }

        private void checked(Runnable check) {
            try {
                check.run();
            } catch (AssertionError e) {
                broken = broken == null ? e : broken;
                throw e;
            }
        }

        private void checkAll() {
            if (jumps != reconciler.ticket().jumps()) {
                jumps = reconciler.ticket().jumps();
                toldFrom.clear();
            }
            for (NamespaceCache cache : caches.values()) {
                if (cache.loaded()) {
                    check(cache);
                }
            }
        }

        private void check(NamespaceCache cache) {
            String namespace = cache.namespace();
            CacheState state = cache.state();
            long revision = Math.max(reconciler.applied(), state.revision);
            boolean mixed = followed != current() || revision < readUpTo.getOrDefault(namespace, 0L);
            if (state.onDemand != null && mixed) {
                toldFrom.remove(namespace);
                partly.add(namespace);
                consumers.computeIfAbsent(namespace, name -> new TreeMap<>());
                return;
            }
            checkFold(namespace, state, revision);
            checkConsumer(namespace, state, revision);
            if (followed == current()) {
                assertThat(revision)
                        .as("revision of the view of %s", namespace)
                        .isGreaterThanOrEqualTo(viewed.getOrDefault(namespace, 0L));
                viewed.put(namespace, revision);
                checkReads(namespace, state);
            }
        }

        /** I2: what is committed is the fold of the log. */
        private void checkFold(String namespace, CacheState state, long revision) {
            Map<String, ConfigEntry> shown = new TreeMap<>();
            Set<String> known = new HashSet<>();
            state.forEachCommitted((key, slot) -> {
                known.add(key);
                if (slot.entry != null) {
                    shown.put(key, slot.entry);
                }
            });
            Map<String, ConfigEntry> expected = Map.of();
            for (int history = followed; history <= current(); history++) {
                Map<String, ConfigEntry> fold = histories.get(history).at(revision, namespace);
                Map<String, ConfigEntry> visible = new TreeMap<>(shown);
                expected = new TreeMap<>(fold);
                fold.forEach((key, entry) -> {
                    if (entry.value().equals(BAD)) {
                        visible.remove(key);
                    }
                });
                expected.values().removeIf(entry -> entry.value().equals(BAD));
                if (state.onDemand != null) {
                    expected.keySet().retainAll(known);
                }
                if (alive(expected.values()).equals(alive(visible.values()))) {
                    return;
                }
            }
            fail("I2: namespace '%s' at %d shows %s, the log says %s", namespace, revision, shown, expected);
        }

        /** What the change sets added up to is what is shown. */
        private void checkConsumer(String namespace, CacheState state, long revision) {
            if (state.onDemand != null) {
                partly.add(namespace);
                Map<String, ConfigEntry> consumer = consumers.computeIfAbsent(namespace, name -> new TreeMap<>());
                Long from = toldFrom.putIfAbsent(namespace, revision);
                if (from == null || followed != current()) {
                    return;
                }
                History history = histories.get(current());
                for (ChangeSet changeSet : history.log
                        .subMap(from, false, Math.max(from, revision), true)
                        .values()) {
                    for (LogEntry change : changeSet.changes()) {
                        ConfigEntry last = history.at(revision, namespace).get(change.key());
                        ConfigEntry first =
                                history.at(changeSet.revision() - 1, namespace).get(change.key());
                        if (change.namespace().equals(namespace) && !isBad(last) && !isBad(first)) {
                            assertThat(version(consumer.get(change.key())))
                                    .as("version told of %s:%s on demand", namespace, change.key())
                                    .isEqualTo(version(last));
                        }
                    }
                }
                return;
            }
            Map<String, ConfigEntry> shown = new TreeMap<>();
            state.entries().forEach(entry -> shown.put(entry.key(), entry));
            if (partly.remove(namespace) || !consumers.containsKey(namespace)) {
                toldFrom.remove(namespace);
                consumers.put(namespace, shown);
            }
            Map<String, ConfigEntry> told = consumers.get(namespace);
            assertThat(told.keySet()).as("keys told of %s", namespace).isEqualTo(shown.keySet());
            told.forEach((key, entry) -> {
                if (!sameForReaders(entry, shown.get(key))) {
                    fail("told of %s:%s was %s, shown is %s", namespace, key, entry, shown.get(key));
                }
            });
        }

        private void consume(ConfigChangeSet changes) {
            note("told " + changes.namespace() + " at " + changes.revision() + " " + changes.changes());
            NamespaceCache cache = caches.get(changes.namespace());
            assertThat(changes.changes()).isNotEmpty();
            assertThat(changes.changes().stream().map(ConfigChange::key).toList())
                    .isSorted()
                    .doesNotHaveDuplicates();
            Map<String, ConfigEntry> told = consumers.get(changes.namespace());
            boolean strict = cache.state().onDemand == null && !partly.contains(changes.namespace());
            if (told == null) {
                fail("%s was told of before anybody could see it", changes.namespace());
            }
            for (ConfigChange change : changes.changes()) {
                ConfigEntry before = told.get(change.key());
                if (strict && (before == null || change.before() == null || !sameForReaders(before, change.before()))) {
                    assertThat(change.before()).as("before %s", change.kind()).isEqualTo(before);
                }
                if (strict) {
                    assertThat(change).isEqualTo(ConfigChange.between(change.before(), change.after()));
                }
                if (change.after() == null) {
                    told.remove(change.key());
                } else {
                    told.put(change.key(), change.after());
                }
            }
        }

        /** I3 and I10: for each key there is a moment, not before the last one and own writes, at which the answer held. */
        private void checkReads(String namespace, CacheState state) {
            History history = histories.get(current());
            for (String key : KEYS) {
                Slot slot = state.read(key);
                if (slot == null && state.onDemand != null) {
                    continue;
                }
                ConfigEntry answer = slot == null ? null : alive(slot.entry);
                long floor = floors.getOrDefault(List.of(namespace, key), 0L);
                long at = -1;
                if (held(history, floor, namespace, key, answer)) {
                    at = floor;
                } else {
                    for (long revision : history.folds.tailMap(floor, false).keySet()) {
                        if (held(history, revision, namespace, key, answer)) {
                            at = revision;
                            break;
                        }
                    }
                }
                if (at < 0) {
                    fail("%s:%s was read as %s, which did not hold since %d", namespace, key, answer, floor);
                }
                floors.put(List.of(namespace, key), at);
            }
        }

        private boolean held(History history, long revision, String namespace, String key, ConfigEntry answer) {
            ConfigEntry entry = history.at(revision, namespace).get(key);
            return (entry != null && entry.value().equals(BAD)) || Objects.equals(alive(entry), answer);
        }

        private ConfigEntry alive(ConfigEntry entry) {
            return entry == null
                            || (entry.expiresAt() != null && !entry.expiresAt().isAfter(now))
                    ? null
                    : entry;
        }

        private Map<String, ConfigEntry> alive(Iterable<ConfigEntry> entries) {
            Map<String, ConfigEntry> alive = new TreeMap<>();
            for (ConfigEntry entry : entries) {
                if (alive(entry) != null) {
                    alive.put(entry.key(), entry);
                }
            }
            return alive;
        }

        private static boolean isBad(ConfigEntry entry) {
            return entry != null && entry.value().equals(BAD);
        }

        private static long version(ConfigEntry entry) {
            return entry == null ? 0 : entry.version();
        }

        private static boolean sameForReaders(ConfigEntry one, ConfigEntry other) {
            return one.version() == other.version() && one.sameContent(other);
        }

        private <T> T pick(List<T> from) {
            return from.get(random.nextInt(from.size()));
        }

        private void note(String text) {
            trace.addLast(text);
            if (trace.size() > 60) {
                trace.removeFirst();
            }
        }

        private static String describe(List<LogEntry> changes) {
            return changes.stream()
                    .map(c -> c.namespace() + ":" + c.key() + (c.entry() == null ? " gone" : " v" + c.version()))
                    .toList()
                    .toString();
        }

        // ---- the store as the watch sees it

        /** Other things happen just before the store is asked, and before its answer is used. */
        private <T> T late(Supplier<T> call) {
            meanwhile();
            check();
            T answer = call.get();
            observe();
            meanwhile();
            return answer;
        }

        private void meanwhile() {
            for (int i = random.nextInt(4); i > 0 && inTurn && !healed; i--) {
                act();
                check();
            }
        }

        private final class WatchedStore implements ConfigStore {

            @Override
            public String description() {
                return "model";
            }

            @Override
            public Lookup get(String namespace, String key) {
                throw new AssertionError("not called by the watch");
            }

            @Override
            public Page<ConfigEntry> list(String namespace, ConfigFilter filter, int limit, String cursor) {
                return late(() -> {
                    Page<ConfigEntry> page = store.list(namespace, filter, limit, cursor);
                    observe();
                    readUpTo.put(namespace, histories.get(current()).head());
                    return page;
                });
            }

            @Override
            public Page<String> namespaces(int limit, String cursor) {
                throw new AssertionError("not called by the watch");
            }

            @Override
            public Page<LogEntry> history(String namespace, String key, int limit, String cursor) {
                throw new AssertionError("not called by the watch");
            }

            @Override
            public Page<LogEntry> changes(String namespace, Instant since, int limit, String cursor) {
                throw new AssertionError("not called by the watch");
            }

            @Override
            public CommitResult commit(Commit commit) {
                throw new AssertionError("not called by the watch");
            }

            @Override
            public Duration operationRetention() {
                return store.operationRetention();
            }

            @Override
            public boolean joinsTransaction() {
                return false;
            }

            @Override
            public Snapshot snapshot(Set<String> namespaces, int limit) {
                return late(() -> {
                    Snapshot snapshot = store.snapshot(namespaces, limit);
                    Snapshot old = watchedEarlier.put(Set.copyOf(namespaces), snapshot);
                    snapshot = old == null || healed || random.nextInt(6) > 0 ? snapshot : old;
                    oversized = snapshot.oversized();
                    note("  snapshot of " + namespaces + " at "
                            + snapshot.position().revision());
                    return snapshot;
                });
            }

            @Override
            public Feed openFeed(Position position) {
                return late(() -> {
                    Position from = position;
                    if (random.nextInt(3) == 0 && !positions.isEmpty()) {
                        Position earlier = pick(positions);
                        if (earlier.revision() <= position.revision()) {
                            from = earlier;
                        }
                    }
                    try {
                        store.openFeed(position).close();
                        Feed feed = new WatchedFeed(store.openFeed(from), position, current());
                        note("  feed from " + from.revision());
                        return feed;
                    } catch (PositionLostException e) {
                        note("  lost " + e.reason());
                        if (!from.equals(position)) {
                            return new WatchedFeed(store.openFeed(position), position, current());
                        }
                        throw e;
                    }
                });
            }

            @Override
            public void maintain() {
                throw new AssertionError("not called by the watch");
            }

            @Override
            public void report(InstanceReport report) {
                throw new AssertionError("not called by the watch");
            }

            @Override
            public FleetStatus fleet() {
                throw new AssertionError("not called by the watch");
            }

            @Override
            public void close() {}
        }

        /** Delivers some change sets late and some again; its position never skips any. */
        private final class WatchedFeed implements Feed {

            private final Feed feed;
            private final int history;
            private final Deque<ChangeSet> waiting = new ArrayDeque<>();
            private List<ChangeSet> delivered = List.of();
            private Position position;
            private long deliveredUpTo;

            WatchedFeed(Feed feed, Position position, int history) {
                this.feed = feed;
                this.position = position;
                this.history = history;
            }

            @Override
            public Batch poll(Duration timeout) {
                return late(() -> {
                    checked(() -> assertThat(reconciler.applied()).isGreaterThanOrEqualTo(deliveredUpTo));
                    Batch batch = feed.poll(timeout);
                    batch.changeSets().forEach(changeSet -> waiting.add(withDetour(changeSet)));
                    List<ChangeSet> now = new ArrayList<>(random.nextInt(4) == 0 ? delivered : List.of());
                    delivered = new ArrayList<>();
                    int count = random.nextInt(3) == 0 ? random.nextInt(waiting.size() + 1) : waiting.size();
                    for (int i = 0; i < count; i++) {
                        delivered.add(waiting.removeFirst());
                        deliveredUpTo = delivered.get(i).revision();
                    }
                    now.addAll(delivered);
                    if (waiting.isEmpty()) {
                        position = batch.position();
                    }
                    if (followed != history) {
                        followed = history;
                        floors.clear();
                        viewed.clear();
                    }
                    note("  polled " + now.stream().map(ChangeSet::revision).toList() + " to " + position.revision());
                    return new Batch(
                            now,
                            position,
                            batch.provedAgo(),
                            batch.storeTime(),
                            batch.pushAvailable(),
                            batch.hintsMissed());
                });
            }

            /** A key may occur more than once in a change set, the last change counts. */
            private ChangeSet withDetour(ChangeSet changeSet) {
                List<LogEntry> changes = new ArrayList<>();
                for (LogEntry change : changeSet.changes()) {
                    if (change.entry() != null && random.nextInt(4) == 0) {
                        changes.add(new LogEntry(
                                LogEntry.Kind.DELETE,
                                change.namespace(),
                                change.key(),
                                change.version() - 1,
                                change.revision(),
                                change.at(),
                                null,
                                null,
                                null));
                    }
                    changes.add(change);
                }
                return new ChangeSet(changeSet.revision(), changeSet.committedAt(), changes);
            }

            @Override
            public void close() {
                feed.close();
            }
        }
    }
}
