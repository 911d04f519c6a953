// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import com.mongodb.MongoClientSettings;
import com.mongodb.MongoCommandException;
import com.mongodb.MongoException;
import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Aggregates;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.IndexOptions;
import com.mongodb.client.model.Indexes;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.ReplaceOptions;
import com.mongodb.client.model.Sorts;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.model.Updates;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.FleetStatus;
import io.configmanager.LogEntry;
import io.configmanager.Page;
import io.configmanager.StoreException;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Cursors;
import io.configmanager.store.Feed;
import io.configmanager.store.InstanceReport;
import io.configmanager.store.LogFeed;
import io.configmanager.store.Lookup;
import io.configmanager.store.Position;
import io.configmanager.store.Snapshot;
import io.configmanager.store.StoreSettings;
import io.configmanager.store.mongo.Deployment.Moment;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.bson.BsonTimestamp;
import org.bson.BsonType;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.bson.types.ObjectId;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.data.mongodb.MongoDatabaseFactory;

/**
 * Configuration in MongoDB 4.2 or later. An entry is one document that may be edited by hand:
 *
 * <pre>
 * db.config_entry.updateOne({_id: {ns: "production", key: "app/greeting"}}, {$set: {value: '"Bonjour"'}})
 * </pre>
 *
 * <p>A commit is one transaction that also counts the revision in the head document, so revisions follow commit order. An
 * edit by hand, or a deletion, gets its revision from the first feed or read that sees it; at the latest from
 * {@link #maintain()}.
 * {@link #commit} joins a Spring transaction of the calling thread, see {@link Builder#transactionsOf}.
 *
 * <p>On a server that is no replica set there are no transactions and no announcements: feeds poll, and a commit whose
 * process dies in the middle may be stored in part. {@link #description()} says so once the server has answered.
 */
public final class MongoConfigStore implements ConfigStore {

    private static final Logger log = LoggerFactory.getLogger(MongoConfigStore.class);
    private static final int KEYS_PER_REVISION = 500;
    private static final int INDEX_HAS_OTHER_OPTIONS = 85;
    private static final Duration LARGE_READ = Duration.ofSeconds(30);
    private static final Duration FAREWELL = Duration.ofMillis(500);

    final StoreSettings settings;
    final Set<Feed> feeds = ConcurrentHashMap.newKeySet();
    private final Deployment deployment;
    private final Writer writer;

    /** For reads of all that there is. */
    private final Deployment patient;

    /** For commits in transactions of others. */
    private final Deployment joining;

    private final Housekeeping housekeeping;
    private final @Nullable SpringTransactions transactions;
    private final @Nullable MongoClientSettings feedSettings;
    private final boolean allowPolling;
    private final Set<String> warnings = ConcurrentHashMap.newKeySet();
    private @Nullable MongoClient feedClient;
    private volatile boolean closed;

    private MongoConfigStore(Builder builder) {
        settings = builder.settings();
        allowPolling = builder.allowPolling;
        deployment = new Deployment(builder.client, builder.names, settings.callTimeout(), allowPolling);
        writer = new Writer(deployment);
        Duration patience = settings.callTimeout().compareTo(LARGE_READ) > 0 ? settings.callTimeout() : LARGE_READ;
        patient = new Deployment(builder.client, builder.names, patience, allowPolling);
        joining = deployment.joining();
        housekeeping = new Housekeeping(this, deployment);
        transactions = builder.transactions;
        feedSettings = builder.feedSettings == null ? null : feedSettings(builder.feedSettings, settings.callTimeout());
    }

    /**
     * @param client for reads and writes, usually the application's
     * @param feedSettings how to reach the same deployment for the feed, which has a small client of its own; without
     *     them, each feed keeps a connection of {@code client}
     */
    public static Builder builder(MongoClient client, @Nullable MongoClientSettings feedSettings, MongoNames names) {
        return new Builder(client, feedSettings, names);
    }

    /** Creates the collections, the indexes and the head document where they are missing. Idempotent. */
    public void initialize() {
        call("create the collections", () -> {
            deployment.replicated();
            // An index makes its collection, too, which a transaction on an old server could not.
            deployment.log.createIndex(
                    Indexes.compoundIndex(Indexes.ascending("ns", "key"), Indexes.descending("version")),
                    new IndexOptions().unique(true));
            expireAfter(deployment.entries, "expiresAt", Duration.ZERO);
            expireAfter(deployment.operations, "at", settings.operationRetention());
            expireAfter(deployment.instances, "expiresAt", Duration.ZERO);
            return deployment.head.updateOne(
                    Deployment.HEAD,
                    Updates.combine(
                            Updates.setOnInsert("lineage", UUID.randomUUID().toString()),
                            Updates.setOnInsert("revision", 0L),
                            Updates.setOnInsert("revisionId", new ObjectId().toHexString()),
                            Updates.setOnInsert("compactRevision", 0L)),
                    new UpdateOptions().upsert(true));
        });
    }

    /** An index that the server removes by; where it is there with another time, that is changed. */
    private void expireAfter(MongoCollection<Document> collection, String field, Duration time) {
        try {
            collection.createIndex(
                    Indexes.ascending(field), new IndexOptions().expireAfter(time.toSeconds(), TimeUnit.SECONDS));
        } catch (MongoException e) {
            if (e.getCode() != INDEX_HAS_OTHER_OPTIONS) {
                throw e;
            }
            String name = collection.getNamespace().getCollectionName();
            Document index =
                    new Document("keyPattern", new Document(field, 1)).append("expireAfterSeconds", time.toSeconds());
            try {
                deployment.database.runCommand(new Document("collMod", name).append("index", index));
            } catch (MongoCommandException refused) {
                if (!Failures.isPrivilege(refused)) {
                    throw refused;
                }
                warnOnce("documents of " + name
                        + " are removed after another time than is configured: to change that, the"
                        + " user needs the role dbAdmin once");
            }
        }
    }

    @Override
    public String description() {
        String what = "MongoDB " + deployment.names.database() + "." + deployment.names.collectionPrefix() + "entry";
        return deployment.isKnownToBeStandalone()
                ? what + " (no replica set: polled, and a commit is not stored all or nothing)"
                : what;
    }

    @Override
    public Lookup get(String namespace, String key) {
        Bson lines = Filters.and(Filters.eq("ns", namespace), Filters.eq("key", key));
        return logged(edited -> read("read a key", (session, moment) -> {
            long revision = Lines.number(deployment.headOf(session), "revision");
            Bson one = Filters.and(Filters.eq("_id", Lines.id(namespace, key)), live(moment.time()));
            List<ConfigEntry> found = deployment.logged(
                    session, lines, revision, moment.time(), deployment.entries(session, one, 1), edited);
            return new Lookup(found.isEmpty() ? null : found.get(0), revision, moment.time());
        }));
    }

    @Override
    public Page<ConfigEntry> list(String namespace, ConfigFilter filter, int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        String after = cursor == null ? null : Cursors.read(Cursors.Kind.ENTRIES, cursor);
        List<ConfigEntry> rows = read("list entries", (session, moment) -> {
            List<Bson> all = new ArrayList<>(List.of(live(moment.time())));
            if (after != null) {
                all.add(Filters.gt("_id", Lines.id(namespace, after)));
            }
            if (filter instanceof ConfigFilter.Keys some) {
                all.add(Filters.in(
                        "_id",
                        some.keys().stream()
                                .map(key -> Lines.id(namespace, key))
                                .toList()));
            } else if (filter instanceof ConfigFilter.Glob glob) {
                all.add(below(namespace, glob.literal()));
                all.add(Filters.regex("_id.key", glob.regex()));
            } else if (filter instanceof ConfigFilter.Prefix prefix) {
                all.add(below(namespace, prefix.prefix()));
            }
            return deployment.entries(session, Filters.and(all), limit + 1L).stream()
                    .map(document -> Objects.requireNonNull(Lines.entry(document)))
                    .toList();
        });
        return Cursors.page(Cursors.Kind.ENTRIES, rows, limit, ConfigEntry::key);
    }

    @Override
    public Page<String> namespaces(int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        String after = cursor == null ? null : Cursors.read(Cursors.Kind.NAMESPACES, cursor);
        List<String> rows = read(
                "list namespaces",
                (session, moment) -> deployment
                        .entries
                        .aggregate(
                                session,
                                List.of(
                                        Aggregates.match(
                                                after == null
                                                        ? live(moment.time())
                                                        : Filters.and(
                                                                live(moment.time()), Filters.gt("_id.ns", after))),
                                        Aggregates.match(Filters.type("_id.ns", BsonType.STRING)),
                                        Aggregates.group("$_id.ns"),
                                        Aggregates.sort(Sorts.ascending("_id")),
                                        Aggregates.limit(limit + 1)))
                        .map(each -> each.getString("_id"))
                        .into(new ArrayList<>()));
        return Cursors.page(Cursors.Kind.NAMESPACES, rows, limit, name -> name);
    }

    @Override
    public Page<LogEntry> history(String namespace, String key, int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        long before = cursor == null ? Long.MAX_VALUE : Cursors.readVersion(cursor);
        List<LogEntry> rows = read(
                "read the history of a key",
                (session, moment) -> deployment
                        .log
                        .find(
                                session,
                                Filters.and(
                                        Filters.eq("ns", namespace),
                                        Filters.eq("key", key),
                                        Filters.lt("version", before)))
                        .sort(Sorts.descending("version"))
                        .limit(limit + 1)
                        .map(Lines::logEntry)
                        .into(new ArrayList<>()));
        return Cursors.page(Cursors.Kind.HISTORY, rows, limit, line -> Long.toString(line.version()));
    }

    @Override
    public Page<LogEntry> changes(String namespace, Instant since, int limit, @Nullable String cursor) {
        Cursors.requireLimit(limit);
        Cursors.Place before = Cursors.readPlace(cursor);
        Date from = Date.from(since);
        return Cursors.changes(
                read("read the changes of a namespace", (session, moment) -> {
                    // From the newest line on, until one is older: what it costs follows what changed since then.
                    Document older = deployment
                            .log
                            .find(session, Filters.lt("at", from))
                            .sort(Sorts.descending("_id"))
                            .first();
                    Bson wanted = Filters.and(
                            Filters.gt("_id", older == null ? 0L : Lines.number(older, "_id")),
                            // The number of a line holds its revision.
                            Filters.lt("_id", before.number()),
                            Filters.eq("ns", namespace));
                    return deployment
                            .log
                            .find(session, wanted)
                            .sort(Sorts.descending("_id"))
                            .limit(limit + 1)
                            .map(line -> new Cursors.Placed(Lines.logEntry(line), Lines.number(line, "_id")))
                            .into(new ArrayList<>());
                }),
                limit);
    }

    /**
     * {@inheritDoc}
     *
     * <p>Joins the Spring transaction of the calling thread where {@link Builder#transactionsOf} names its factory.
     *
     * @throws StoreException after the call timeout; whether the commit was stored may then be unknown, and calling again
     *     with the same commit finds out
     */
    @Override
    public CommitResult commit(Commit commit) {
        SpringTransactions spring = transactions;
        ClientSession surrounding = spring == null ? null : spring.current();
        if (spring != null && surrounding != null) {
            return call("commit in the surrounding transaction", () -> join(surrounding, spring, commit));
        }
        return call("commit", () -> {
            for (int attempt = 1; ; attempt++) {
                try {
                    return writer.write(revision -> CommitWork.commit(revision, commit));
                } catch (CommitWork.TouchedException e) {
                    requireProgress(attempt, e);
                } catch (MongoException e) {
                    // An old document that was restored by hand has a version that is taken.
                    if (!Failures.isDuplicateKey(e)) {
                        throw e;
                    }
                    requireProgress(attempt, e);
                }
                reconcile(CommitWork.ids(commit), null);
            }
        });
    }

    private CommitResult join(ClientSession session, SpringTransactions spring, Commit commit) {
        try {
            return writer.join(
                            joining,
                            session,
                            spring::whenEnded,
                            revision -> CommitWork.reconcile(revision, CommitWork.ids(commit)),
                            revision -> CommitWork.commit(revision, commit))
                    .pending();
        } catch (MongoException e) {
            // Who goes on regardless must not commit the half of it.
            spring.rollBackOnly();
            throw e;
        }
    }

    @Override
    public Duration operationRetention() {
        return settings.operationRetention();
    }

    @Override
    public boolean joinsTransaction() {
        return transactions != null && transactions.active();
    }

    @Override
    public Snapshot snapshot(Set<String> namespaces, int limit) {
        // A server that is away is noticed as soon as by any other call.
        call("read a snapshot", deployment::now);
        return logged(edited -> read(patient, "read a snapshot", (session, moment) -> {
            Document head = patient.headOf(session);
            long revision = Lines.number(head, "revision");
            List<ConfigEntry> entries = new ArrayList<>();
            Set<String> oversized = new LinkedHashSet<>();
            for (String namespace : namespaces) {
                List<Document> found =
                        patient.entries(session, Filters.and(below(namespace, ""), live(moment.time())), limit + 1L);
                if (found.size() > limit) {
                    oversized.add(namespace);
                } else {
                    Bson lines = Filters.eq("ns", namespace);
                    entries.addAll(patient.logged(session, lines, revision, moment.time(), found, edited));
                }
            }
            MongoToken token =
                    new MongoToken(head.getString("lineage"), head.getString("revisionId"), moment.operationTime());
            return new Snapshot(entries, oversized, new Position(revision, token.text()), moment.time());
        }));
    }

    /**
     * What the log says, after it was told of the edits by hand that are seen on the way. Of those that cannot be given a
     * revision now, what was before them: an answer never runs ahead of its revision.
     *
     * @param reading adds the names of the entries that were edited
     */
    private <T> T logged(Function<Set<Document>, T> reading) {
        Set<Document> edited = new LinkedHashSet<>();
        T answer = reading.apply(edited);
        if (edited.isEmpty()) {
            return answer;
        }
        try {
            call("log changes by hand", () -> {
                reconcile(edited, null);
                return edited;
            });
        } catch (Writer.BusyException e) {
            debug("Changes by hand wait for their revision", e);
            return answer;
        }
        return reading.apply(edited);
    }

    @Override
    public Feed openFeed(Position position) {
        return call("open the feed", () -> {
            MongoToken.parse(position);
            Deployment own = new Deployment(feedClient(), deployment.names, deployment.timeout, allowPolling);
            Feed feed = new LogFeed(new MongoFeed(this, own, position), settings, feeds);
            if (closed) {
                feed.close();
                requireOpen();
            }
            return feed;
        });
    }

    @Override
    public void maintain() {
        call("do housekeeping", () -> {
            housekeeping.run();
            return settings;
        });
    }

    @Override
    public void report(InstanceReport report) {
        call("report to the fleet", () -> {
            Document document = Lines.instance(report, MongoToken.parse(report.applied()), deployment.now());
            Bson older = Filters.and(Filters.eq("_id", report.id()), Filters.lt("number", report.number()));
            // Who leaves has little time.
            MongoCollection<Document> instances = report.expiry().isZero()
                    ? deployment.instances.withTimeout(FAREWELL.toMillis(), TimeUnit.MILLISECONDS)
                    : deployment.instances;
            try {
                instances.replaceOne(older, document, new ReplaceOptions().upsert(true));
            } catch (MongoException e) {
                // There is one already, and it is not older.
                if (!Failures.isDuplicateKey(e)) {
                    throw e;
                }
            }
            return report;
        });
    }

    @Override
    public FleetStatus fleet() {
        return read("read the fleet", (session, moment) -> {
            Document head = deployment.headOf(session);
            List<Document> reports = deployment
                    .instances
                    .find(session, Filters.gt("expiresAt", Date.from(moment.time())))
                    .sort(Sorts.ascending("name", "_id"))
                    .into(new ArrayList<>());
            Map<Long, String> ids = new HashMap<>();
            Set<Long> firstLines = new LinkedHashSet<>();
            reports.forEach(each -> firstLines.add(Lines.firstLine(Lines.number(each, "revision"))));
            for (Document line : deployment
                    .log
                    .find(session, Filters.in("_id", firstLines))
                    .projection(Projections.include("revisionId"))) {
                ids.put(Lines.revisionOf(line), line.getString("revisionId"));
            }
            ids.put(Lines.number(head, "revision"), head.getString("revisionId"));
            String lineage = head.getString("lineage");
            return new FleetStatus(
                    lineage,
                    Lines.number(head, "revision"),
                    reports.stream()
                            .map(each -> Lines.instance(each, lineage, ids, moment.time()))
                            .toList());
        });
    }

    /** Ends the open feeds and their client. The other client is the caller's. */
    @Override
    public synchronized void close() {
        closed = true;
        feeds.forEach(Feed::close);
        if (feedClient != null) {
            feedClient.close();
        }
    }

    /**
     * Gives what somebody did to these keys without a commit a revision.
     *
     * @param after what was done until then is seen
     * @throws Writer.BusyException if others write all the time
     */
    void reconcile(Collection<Document> ids, @Nullable BsonTimestamp after) {
        try {
            List<Document> all = List.copyOf(ids);
            for (int i = 0; i < all.size(); i += KEYS_PER_REVISION) {
                List<Document> some = all.subList(i, Math.min(all.size(), i + KEYS_PER_REVISION));
                Boolean stored = writer.writeIf(
                        after,
                        session -> CommitWork.isNeeded(deployment, session, some),
                        settings.callTimeout().dividedBy(2),
                        revision -> CommitWork.reconcile(revision, some));
                log.debug("Changes by hand of {} keys: {}", some.size(), stored);
            }
        } catch (MongoException e) {
            if (!Failures.isPrivilege(e)) {
                throw e;
            }
            warnOnce("this user may not write: changes by hand are left for other instances to log");
        }
    }

    /** Compares all entries, as of this moment or later, with the newest lines of the log. */
    void audit(@Nullable BsonTimestamp after) {
        Set<Document> differing = new LinkedHashSet<>();
        deployment.now();
        try (ClientSession session = deployment.client.startSession()) {
            session.advanceOperationTime(after);
            Map<Object, Document> newest = new HashMap<>(patient.newest(session, new Document()));
            for (Document entry : patient.entries.find(session)) {
                if (!Lines.isId(entry.get("_id"))) {
                    continue;
                }
                Document line = newest.remove(entry.get("_id"));
                if (!Lines.agree(entry, line)) {
                    differing.add(entry.get("_id", Document.class));
                }
            }
            newest.forEach((id, line) -> {
                if (!Lines.agree(null, line)) {
                    differing.add((Document) id);
                }
            });
        }
        reconcile(differing, after);
    }

    void warnOnce(String warning) {
        if (warnings.add(warning)) {
            log.warn("{}: {}", description(), warning);
        }
    }

    void debug(String what, RuntimeException failure) {
        log.debug("{}: {}", description(), what, failure);
    }

    /** A range and no pattern, so that nothing in a name has a meaning. */
    private static Bson below(String namespace, String prefix) {
        Bson from = Filters.gte("_id", Lines.id(namespace, prefix));
        return Filters.and(from, Filters.lt("_id", Lines.id(namespace, Cursors.endOfPrefix(prefix))));
    }

    private static Bson live(Instant now) {
        return Filters.and(
                Filters.ne("value", null),
                Filters.or(Filters.eq("expiresAt", null), Filters.gt("expiresAt", Date.from(now))));
    }

    private synchronized MongoClient feedClient() {
        requireOpen();
        if (feedSettings == null) {
            return deployment.client;
        }
        if (feedClient == null) {
            feedClient = MongoClients.create(feedSettings);
        }
        return feedClient;
    }

    private static MongoClientSettings feedSettings(MongoClientSettings base, Duration timeout) {
        return MongoClientSettings.builder(base)
                .applicationName("config-feed")
                // The stream is one of the whole database, which encryption on the client does not let pass.
                .autoEncryptionSettings(null)
                .applyToConnectionPoolSettings(pool -> pool.minSize(0).maxSize(4))
                // The only thing without a deadline is what closing says to the server.
                .applyToSocketSettings(socket -> socket.readTimeout(FAREWELL.toMillis(), TimeUnit.MILLISECONDS))
                .timeout(timeout.toMillis(), TimeUnit.MILLISECONDS)
                .build();
    }

    private static void requireProgress(int attempt, RuntimeException failure) {
        if (attempt == 5) {
            throw new StoreException("Somebody changes the same keys by hand all the time", true, failure);
        }
    }

    private <T> T read(String what, BiFunction<ClientSession, Moment, T> query) {
        return read(deployment, what, query);
    }

    private <T> T read(Deployment from, String what, BiFunction<ClientSession, Moment, T> query) {
        return call(what, () -> from.read(query));
    }

    private <T> T call(String what, Supplier<T> work) {
        requireOpen();
        try {
            return work.get();
        } catch (RuntimeException e) {
            throw Failures.translate(what, e);
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new StoreException("The store is closed", false, null);
        }
    }

    /** Settings of a store; every one has a default that works. */
    public static final class Builder extends StoreSettings.Builder<Builder> {
        private final MongoClient client;
        private final @Nullable MongoClientSettings feedSettings;
        private final MongoNames names;
        private @Nullable SpringTransactions transactions;
        private boolean allowPolling = true;

        private Builder(MongoClient client, @Nullable MongoClientSettings feedSettings, MongoNames names) {
            this.client = client;
            this.feedSettings = feedSettings;
            this.names = names;
        }

        /**
         * Whether a server that is no replica set may be used, with its weaker promises; otherwise every call then fails
         * with a {@link MongoSetupException}. Allowed by default.
         */
        public Builder allowPolling(boolean allow) {
            this.allowPolling = allow;
            return this;
        }

        @Override
        protected Builder self() {
            return this;
        }

        /**
         * Makes commits part of the Spring transaction of the calling thread: configuration and business documents then commit
         * or vanish together. None by default. A commit answers with revision 0, because it is stored only with the transaction
         * that surrounds it; all commits of a transaction have one revision. Reads never join: they show what is committed.
         *
         * <p>Nothing is repeated. If another transaction was in the way, {@link MongoConfigStore#commit} throws a transient
         * {@link StoreException} and the surrounding transaction can only be rolled back; the application repeats it. From the
         * first commit until it ends, other writers of configuration wait, and fail after their call timeout: keep it short.
         * Concerns and deadline are those of that transaction: give its manager a write concern of majority.
         *
         * @param factory the one of the {@code MongoTransactionManager}, on the client of this builder
         */
        public Builder transactionsOf(MongoDatabaseFactory factory) {
            this.transactions = new SpringTransactions(factory);
            return this;
        }

        public MongoConfigStore build() {
            return new MongoConfigStore(this);
        }
    }
}
