// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.tuple;
import static org.awaitility.Awaitility.await;

import com.mongodb.ConnectionString;
import com.mongodb.MongoClientSettings;
import com.mongodb.client.MongoClients;
import com.mongodb.client.model.Filters;
import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.LogEntry;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.VersionConflictException;
import io.configmanager.store.ChangeSet;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.Feed;
import io.configmanager.store.Operation;
import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.data.mongodb.MongoDatabaseFactory;
import org.springframework.data.mongodb.MongoTransactionManager;
import org.springframework.data.mongodb.core.MongoTemplate;
import org.springframework.data.mongodb.core.SimpleMongoClientDatabaseFactory;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.UnexpectedRollbackException;
import org.springframework.transaction.support.TransactionTemplate;

/** Commits inside the Spring transaction of the caller, on the server of the run. */
class MongoTransactionsTest {

    private final TestMongo mongo = new TestMongo(MongoTransactionsTest.class);
    private final MongoDatabaseFactory factory =
            new SimpleMongoClientDatabaseFactory(mongo.client, mongo.names.database());
    private final MongoTemplate template = new MongoTemplate(factory);
    private final TransactionTemplate transaction = new TransactionTemplate(new MongoTransactionManager(factory));
    private final MongoConfigStore store = mongo.store(builder -> builder.transactionsOf(factory));
    private final MongoConfigStore other = mongo.store(builder -> builder.callTimeout(Duration.ofMillis(300)));

    @BeforeEach
    void createCollection() {
        mongo.database.createCollection("business");
    }

    @AfterEach
    void close() {
        mongo.close();
    }

    private static Operation put(String key, String value, Condition condition) {
        return new Operation.Put("app", key, value, "json", ValueType.INTEGER, null, condition);
    }

    private static Commit commitOf(Operation... operations) {
        return Commit.of(List.of(operations), "test", "why");
    }

    private CommitResult put(String key, String value) {
        return store.commit(commitOf(put(key, value, Condition.ALWAYS)));
    }

    private List<String> stored() {
        return store.list("app", ConfigFilter.ALL, 100, null).items().stream()
                .map(entry -> entry.key() + "=" + entry.value())
                .toList();
    }

    private long business() {
        return mongo.database.getCollection("business").countDocuments();
    }

    private long head() {
        return store.snapshot(Set.of(), 1).position().revision();
    }

    @Test
    void configurationAndBusinessCommitTogether() {
        put("b", "0");
        Feed feed = mongo.closeLater(
                store.openFeed(store.snapshot(Set.of("app"), 10).position()));

        transaction.executeWithoutResult(status -> {
            template.save(new Document("order", 1), "business");
            CommitResult result =
                    store.commit(commitOf(put("a", "1", Condition.ABSENT), put("b", "1", Condition.version(1))));
            assertThat(result.revision()).isZero();
            assertThat(result.changes())
                    .extracting(LogEntry::entry)
                    .extracting(ConfigEntry::value, ConfigEntry::version, ConfigEntry::revision)
                    .containsExactly(tuple("1", 1L, 0L), tuple("1", 2L, 0L));
            assertThat(stored()).as("seen from outside, and reads are outside").containsExactly("b=0");
            assertThat(business()).isZero();
            assertThat(feed.poll(Duration.ofMillis(50)).changeSets()).isEmpty();
        });

        assertThat(stored()).containsExactly("a=1", "b=1");
        assertThat(business()).isOne();
        List<ChangeSet> seen = new ArrayList<>();
        await().pollInSameThread().until(() -> {
            seen.addAll(feed.poll(Duration.ofMillis(50)).changeSets());
            return !seen.isEmpty();
        });
        assertThat(seen).hasSize(1);
        assertThat(seen.get(0).changes()).extracting(LogEntry::key).containsExactly("a", "b");
        assertThat(store.history("app", "b", 10, null).items())
                .extracting(line -> line.revision() + " " + line.version() + " " + line.author() + " " + line.comment())
                .containsExactly("2 2 test why", "1 1 test why");
    }

    @Test
    void bothVanishTogether() {
        put("a", "1");
        long before = head();
        assertThatThrownBy(() -> transaction.executeWithoutResult(status -> {
                    template.save(new Document("order", 1), "business");
                    put("a", "2");
                    put("new", "1");
                    throw new IllegalArgumentException("planned");
                }))
                .hasMessage("planned");

        assertThat(stored()).containsExactly("a=1");
        assertThat(business()).isZero();
        assertThat(head()).isEqualTo(before);
        assertThat(put("a", "3").revision()).isEqualTo(before + 1);
    }

    @Test
    void commitsOfATransactionSeeEachOtherAndAreOneRevision() {
        long before = head();
        Commit twice = commitOf(put("c", "1", Condition.ABSENT));
        transaction.executeWithoutResult(status -> {
            store.commit(commitOf(put("a", "1", Condition.ABSENT), put("b", "1", Condition.ABSENT)));
            store.commit(commitOf(put("a", "2", Condition.version(1))));
            store.commit(commitOf(new Operation.Delete("app", "b", Condition.PRESENT)));
            assertThatThrownBy(() -> store.commit(commitOf(put("a", "3", Condition.ABSENT))))
                    .isInstanceOfSatisfying(
                            VersionConflictException.class,
                            conflict -> assertThat(conflict.actualVersion()).isEqualTo(2));
            store.commit(twice);
            store.commit(twice);
        });

        assertThat(stored()).containsExactly("a=2", "c=1");
        assertThat(head()).isEqualTo(before + 1);
        assertThat(store.commit(twice).revision()).isEqualTo(before + 1);
        try (Feed feed = store.openFeed(store.snapshot(Set.of(), 1).position())) {
            put("a", "4");
            assertThat(feed.poll(Duration.ZERO).changeSets())
                    .extracting(ChangeSet::revision)
                    .containsExactly(before + 2);
        }
    }

    @Test
    void aTransactionThatChangesNothingTakesNoRevision() {
        long before = head();
        transaction.executeWithoutResult(status -> {
            assertThat(store.commit(commitOf(new Operation.Delete("app", "never", Condition.ALWAYS)))
                            .changes())
                    .isEmpty();
            assertThatThrownBy(() -> store.commit(commitOf(put("a", "1", Condition.PRESENT))))
                    .isInstanceOf(VersionConflictException.class);
            // Nobody has to wait for it.
            other.commit(commitOf(put("b", "1", Condition.ALWAYS)));
        });
        assertThat(head()).isEqualTo(before + 1);
    }

    @Test
    void anEditByHandIsLoggedFirst() {
        put("a", "1");
        Document old = mongo.entries().find().first();
        put("a", "2");
        mongo.put("app", "a", "3");
        mongo.replace("app", "b", old.append("_id", Lines.id("app", "b")));

        transaction.executeWithoutResult(status -> {
            assertThat(store.commit(commitOf(put("a", "4", Condition.version(3)), put("b", "4", Condition.PRESENT)))
                            .changes())
                    .extracting(LogEntry::version)
                    .containsExactly(4L, 2L);
        });

        assertThat(store.history("app", "a", 10, null).items())
                .extracting(line -> line.entry().value())
                .containsExactly("4", "3", "2", "1");
    }

    @Test
    void otherWritersWaitForItsEnd() {
        transaction.executeWithoutResult(status -> {
            put("a", "1");
            StoreException late = catchThrowableOfType(
                    StoreException.class, () -> other.commit(commitOf(put("b", "1", Condition.ALWAYS))));
            assertThat(late.isTransient()).isTrue();
        });
        other.commit(commitOf(put("b", "1", Condition.ALWAYS)));
        assertThat(stored()).containsExactly("a=1", "b=1");
    }

    @Test
    void whatWasCommittedMeanwhileIsNotOverwritten() {
        put("a", "1");
        assertThatThrownBy(() -> transaction.executeWithoutResult(status -> {
                    // From here on it sees this moment.
                    template.findAll(Document.class, "business");
                    other.commit(commitOf(put("a", "2", Condition.ALWAYS)));
                    StoreException conflict = catchThrowableOfType(StoreException.class, () -> put("a", "3"));
                    assertThat(conflict.isTransient()).isTrue();
                }))
                .isInstanceOf(UnexpectedRollbackException.class);
        assertThat(stored()).containsExactly("a=2");
        transaction.executeWithoutResult(status -> put("a", "3"));
        assertThat(stored()).containsExactly("a=3");
    }

    @Test
    void aNewTransactionInsideIsOneOfItsOwn() {
        TransactionTemplate inner = new TransactionTemplate(new MongoTransactionManager(factory));
        inner.setPropagationBehavior(TransactionDefinition.PROPAGATION_REQUIRES_NEW);
        transaction.executeWithoutResult(status -> {
            inner.executeWithoutResult(own -> put("inner", "1"));
            put("outer", "1");
            status.setRollbackOnly();
        });
        assertThat(stored()).containsExactly("inner=1");

        TransactionTemplate none = new TransactionTemplate(new MongoTransactionManager(factory));
        none.setPropagationBehavior(TransactionDefinition.PROPAGATION_NOT_SUPPORTED);
        transaction.executeWithoutResult(status -> {
            assertThat(none.<Long>execute(outside -> put("outside", "1").revision()))
                    .isEqualTo(head());
            status.setRollbackOnly();
        });
        assertThat(stored()).containsExactly("inner=1", "outside=1");
    }

    @Test
    void withoutTheFactoryACommitIsOneOfItsOwn() {
        transaction.executeWithoutResult(status -> {
            assertThat(other.commit(commitOf(put("a", "1", Condition.ALWAYS))).revision())
                    .isPositive();
            status.setRollbackOnly();
        });
        assertThat(stored()).containsExactly("a=1");
    }

    @Test
    void withoutSpringItWorksAsWell() throws Exception {
        List<URL> classPath = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!entry.contains("springframework")) {
                classPath.add(Path.of(entry).toUri().toURL());
            }
        }
        try (URLClassLoader loader =
                new URLClassLoader(classPath.toArray(new URL[0]), ClassLoader.getPlatformClassLoader())) {
            assertThatThrownBy(() -> loader.loadClass(MongoDatabaseFactory.class.getName()))
                    .isInstanceOf(ClassNotFoundException.class);
            Object stored = loader.loadClass(WithoutSpring.class.getName())
                    .getMethod("store", String.class, String.class)
                    .invoke(null, TestServer.uri(), mongo.names.database());
            assertThat(stored).isEqualTo(1L);
        }
        assertThat(mongo.entries().countDocuments(Filters.eq("value", "1"))).isOne();
    }

    /** Loaded where there is no Spring. */
    public static final class WithoutSpring {

        private WithoutSpring() {}

        public static long store(String uri, String database) {
            try (var client = MongoClients.create(uri);
                    MongoConfigStore store = MongoConfigStore.builder(
                                    client,
                                    MongoClientSettings.builder()
                                            .applyConnectionString(new ConnectionString(uri))
                                            .build(),
                                    MongoNames.of(database))
                            .build()) {
                // Nothing of the class around it, which needs Spring.
                Operation put = new Operation.Put("app", "a", "1", "json", ValueType.INTEGER, null, Condition.ALWAYS);
                return store.commit(Commit.of(List.of(put), null, null)).revision();
            }
        }
    }
}
