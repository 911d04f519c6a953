// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.mongodb.MongoClientSettings;
import com.mongodb.TransactionOptions;
import com.mongodb.WriteConcern;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.model.Updates;
import io.configmanager.Config;
import io.configmanager.ConfigHealth;
import io.configmanager.ConfigManager;
import io.configmanager.WatchState;
import io.configmanager.spring.ConfigBindings;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.spring.autoconfigure.MongoConfigStoreAutoConfiguration.SurroundingTransactions;
import io.configmanager.store.mongo.ReplicaSetServer;
import io.configmanager.store.mongo.TestServer;
import java.nio.file.Path;
import java.time.Duration;
import org.bson.Document;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.mongodb.autoconfigure.MongoAutoConfiguration;
import org.springframework.boot.mongodb.autoconfigure.MongoClientSettingsBuilderCustomizer;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.data.mongodb.MongoDatabaseFactory;
import org.springframework.data.mongodb.MongoTransactionManager;
import org.springframework.data.mongodb.core.MongoTemplate;
import org.springframework.data.mongodb.core.SimpleMongoClientDatabaseFactory;
import org.springframework.transaction.support.TransactionTemplate;

/** The starter from end to end, on the server of the run; where that has to misbehave, on one in this process. */
@ExtendWith(OutputCaptureExtension.class)
class MongoConfigStoreAutoConfigurationTest {

    private static final String DATABASE = "t_starter";
    private static final Duration LONG = Duration.ofSeconds(30);

    private static MongoClient mongo;

    private final ApplicationContextRunner plain = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    MongoAutoConfiguration.class,
                    MongoConfigStoreAutoConfiguration.class,
                    ConfigStoreAutoConfiguration.class,
                    ConfigManagerAutoConfiguration.class,
                    ConfigValueAutoConfiguration.class))
            .withPropertyValues("config.watch.last-retry=200ms", "config.startup.timeout=30s")
            .withBean(Greeter.class);
    private final ApplicationContextRunner runner =
            plain.withPropertyValues("spring.mongodb.uri=" + TestServer.uri(), "spring.mongodb.database=" + DATABASE);

    @BeforeAll
    static void connect() {
        mongo = MongoClients.create(TestServer.uri());
    }

    @AfterAll
    static void close() {
        mongo.getDatabase(DATABASE).drop();
        mongo.close();
    }

    @BeforeEach
    void clean() {
        mongo.getDatabase(DATABASE).drop();
    }

    @Test
    void aFieldFollowsWhateverTheShellDoes() {
        runner.run(context -> {
            Greeter bean = context.getBean(Greeter.class);
            assertThat(bean.greeting).isEqualTo("Hello");

            put("app/greeting", "\"Ciao\"");
            await().untilAsserted(() -> assertThat(bean.greeting).isEqualTo("Ciao"));

            put("app/greeting", "\"Bonjour\"");
            await().untilAsserted(() -> assertThat(bean.greeting).isEqualTo("Bonjour"));

            entries(mongo, DATABASE).deleteOne(Filters.eq("_id", id("app/greeting")));
            await().untilAsserted(() -> assertThat(bean.greeting).isEqualTo("Hello"));

            context.getBean(Config.class).set("app/greeting", "Salut");
            await().untilAsserted(() -> assertThat(bean.greeting).isEqualTo("Salut"));
        });
    }

    @Test
    void aCommitJoinsTheTransactionOfSpringData() {
        runner.withUserConfiguration(SpringData.class).run(context -> {
            assertThat(context).hasSingleBean(SurroundingTransactions.class);
            Config config = context.getBean(Config.class);
            MongoTransactionManager manager = new MongoTransactionManager(
                    context.getBean(MongoDatabaseFactory.class),
                    TransactionOptions.builder()
                            .writeConcern(WriteConcern.MAJORITY)
                            .build());
            TransactionTemplate transaction = new TransactionTemplate(manager);
            MongoTemplate documents = new MongoTemplate(context.getBean(MongoDatabaseFactory.class));
            MongoCollection<Document> shops = mongo.getDatabase(DATABASE).getCollection("shop");
            mongo.getDatabase(DATABASE).createCollection("shop");
            for (boolean rollback : new boolean[] {true, false}) {
                transaction.executeWithoutResult(status -> {
                    documents.save(new Document("_id", 1), "shop");
                    config.set("app/greeting", "Ciao");
                    assertThat(config.latest("app/greeting")).isEmpty();
                    assertThat(shops.countDocuments()).isZero();
                    if (rollback) {
                        status.setRollbackOnly();
                    }
                });
                assertThat(config.latest("app/greeting").isPresent()).isEqualTo(!rollback);
                assertThat(shops.countDocuments()).isEqualTo(rollback ? 0 : 1);
            }
            await().atMost(LONG)
                    .untilAsserted(() ->
                            assertThat(context.getBean(Greeter.class).greeting).isEqualTo("Ciao"));
        });
    }

    /** Boot makes no client where the application has a factory. */
    @Configuration(proxyBeanMethods = false)
    static class SpringData {

        @Bean
        MongoClient client() {
            return MongoClients.create(TestServer.uri());
        }

        @Bean
        MongoDatabaseFactory factory(MongoClient client) {
            return new SimpleMongoClientDatabaseFactory(client, DATABASE);
        }
    }

    @Test
    void aHandMadeDocumentThatIsBadDisturbsNobodyElse() {
        runner.run(context -> {
            Greeter bean = context.getBean(Greeter.class);
            context.getBean(Config.class)
                    .commit(batch -> batch.set("app/greeting", "Ciao").set("app/count", 2));
            await().untilAsserted(() -> assertThat(bean.count).isEqualTo(2));

            put("app/count", "\"many\"");
            await().until(() -> context.getBean(ConfigBindings.class).errors() == 1);
            assertThat(bean.count).isEqualTo(2);

            put("app/count", "3");
            await().untilAsserted(() -> assertThat(bean.count).isEqualTo(3));
            assertThat(bean.greeting).isEqualTo("Ciao");
        });
    }

    @Test
    void ownNamesOfDatabaseAndCollections() {
        runner.withPropertyValues(
                        "config.store.mongo.database=" + DATABASE, "config.store.mongo.collection-prefix=live_")
                .run(context -> {
                    assertThat(mongo.getDatabase(DATABASE).listCollectionNames())
                            .contains("live_entry", "live_log", "live_head", "live_operation");
                    context.getBean(Config.class).set("app/count", 5);
                    await().untilAsserted(() ->
                            assertThat(context.getBean(Greeter.class).count).isEqualTo(5));
                });
    }

    /** What makes the application's client different must make the feed's client different, too. */
    @Test
    void theFeedsOwnClientIsLikeTheOneOfTheApplication(CapturedOutput output) {
        MongoClientSettingsBuilderCustomizer counting = settings -> settings.applyToConnectionPoolSettings(pool -> {
            MongoClientSettings soFar = settings.build();
            System.out.println("client of " + soFar.getApplicationName() + ", retries " + soFar.getRetryReads());
        });
        runner.withBean(MongoClientSettingsBuilderCustomizer.class, () -> settings -> settings.retryReads(false))
                .withBean("counting", MongoClientSettingsBuilderCustomizer.class, () -> counting)
                .run(context -> {
                    assertThat(context.getBean(ConfigManager.class)
                                    .watchStatus()
                                    .pushAvailable())
                            .isTrue();
                    assertThat(output.getOut().split("client of null, retries false", -1))
                            .hasSize(3);
                });
        assertThat(output).doesNotContain("makes its MongoClient itself");
    }

    /** The settings that Spring Boot has then, too, lead elsewhere. */
    @Test
    void aClientOfTheApplicationIsUsedForTheFeedToo(CapturedOutput output) {
        ApplicationContextRunner own = plain.withPropertyValues("spring.mongodb.uri=mongodb://127.0.0.1:1/" + DATABASE)
                .withBean(MongoClient.class, () -> MongoClients.create(TestServer.uri()));
        own.run(MongoConfigStoreAutoConfigurationTest::follows);
        assertThat(output).containsOnlyOnce("makes its MongoClient itself");
        own.withPropertyValues("config.store.mongo.feed.uri=" + TestServer.uri())
                .run(MongoConfigStoreAutoConfigurationTest::follows);
        assertThat(output).containsOnlyOnce("makes its MongoClient itself");
    }

    private static void follows(org.springframework.context.ApplicationContext context) {
        entries(mongo, DATABASE).deleteMany(new Document());
        put("app/count", "8");
        await().untilAsserted(
                        () -> assertThat(context.getBean(Greeter.class).count).isEqualTo(8));
    }

    @Test
    void missingCollectionsStopTheStartWhereNobodyMayCreateThem() {
        ApplicationContextRunner never = runner.withPropertyValues("config.store.mongo.initialize-schema=never");
        never.run(context -> assertThat(analysis(context.getStartupFailure()))
                .satisfies(analysis ->
                        assertThat(analysis.getDescription()).contains(DATABASE).contains("config_head"))
                .satisfies(analysis ->
                        assertThat(analysis.getAction()).contains("config.store.mongo.initialize-schema=always")));
        runner.run(context -> assertThat(context).hasNotFailed());
        never.run(context -> assertThat(context).hasNotFailed());
    }

    @Test
    void aStandaloneServerHasToBeAllowed(CapturedOutput output) {
        try (ReplicaSetServer server = ReplicaSetServer.startStandalone();
                MongoClient client = MongoClients.create(server.uri())) {
            ApplicationContextRunner standalone = plain.withPropertyValues("spring.mongodb.uri=" + server.uri());
            for (String schema : new String[] {"always", "never"}) {
                standalone
                        .withPropertyValues("config.store.mongo.initialize-schema=" + schema)
                        .run(context -> assertThat(analysis(context.getStartupFailure()))
                                .satisfies(analysis ->
                                        assertThat(analysis.getDescription()).contains("no replica set"))
                                .satisfies(analysis -> assertThat(analysis.getAction())
                                        .contains("rs.initiate()")
                                        .contains("config.store.mongo.allow-polling=true")));
            }
            assertThat(client.getDatabase("test").listCollectionNames()).isEmpty();
            standalone
                    .withPropertyValues(
                            "config.store.mongo.allow-polling=true", "config.store.mongo.poll-only-interval=50ms")
                    .run(context -> {
                        put(client, "test", "app/greeting", "\"Ciao\"");
                        await().untilAsserted(() -> assertThat(context.getBean(Greeter.class).greeting)
                                .isEqualTo("Ciao"));
                        ConfigManager manager = context.getBean(ConfigManager.class);
                        assertThat(manager.watchStatus().pushAvailable()).isFalse();
                        assertThat(manager.health().store()).contains("no replica set: polled");
                    });
            assertThat(output).containsOnlyOnce("changes are found by reading every PT0.05S");
        }
    }

    @Test
    void missingPrivilegesStopTheStartWithWhatToGrant() {
        try (ReplicaSetServer server = ReplicaSetServer.start()) {
            ApplicationContextRunner refused = plain.withPropertyValues("spring.mongodb.uri=" + server.uri());
            server.fail("createIndexes", 100, 13, "Unauthorized");
            refused.run(context -> assertThat(analysis(context.getStartupFailure()))
                    .satisfies(analysis -> assertThat(analysis.getDescription())
                            .contains("Cannot create the collections")
                            .contains("code 13"))
                    .satisfies(analysis -> assertThat(analysis.getAction())
                            .contains("grant")
                            .contains("readWrite")
                            .contains("config.store.mongo.initialize-schema=never")));
            server.noMoreFaults();
            server.fail("aggregate", 100, 13, "Unauthorized");
            refused.run(context -> assertThat(analysis(context.getStartupFailure()))
                    .satisfies(analysis -> assertThat(analysis.getDescription()).contains("code 13"))
                    .satisfies(analysis -> assertThat(analysis.getAction()).contains("readWrite")));
            server.noMoreFaults();
            refused.run(context -> assertThat(context).hasNotFailed());
        }
    }

    @Test
    void aServerThatIsAwayStopsTheStartWithItsAddress() {
        ApplicationContextRunner nobody = plain.withPropertyValues(
                "spring.mongodb.uri=mongodb://127.0.0.1:1/nobody", "config.startup.timeout=300ms");
        for (String policy : new String[] {"fail", "snapshot"}) {
            nobody.withPropertyValues("config.startup.policy=" + policy, "config.store.mongo.call-timeout=100ms")
                    .run(context -> assertThat(analysis(context.getStartupFailure()))
                            .satisfies(analysis -> assertThat(analysis.getDescription())
                                    .contains("MongoDB does not answer")
                                    .contains("127.0.0.1:1"))
                            .satisfies(analysis -> assertThat(analysis.getAction())
                                    .contains("spring.mongodb")
                                    .contains("config.startup.policy=defaults")));
        }
    }

    @Test
    void withPolicyDefaultsTheServerMayComeLater() {
        try (ReplicaSetServer server = ReplicaSetServer.start()) {
            ApplicationContextRunner late =
                    plain.withPropertyValues("spring.mongodb.uri=" + server.uri(), "config.startup.policy=defaults");
            late.run(context -> context.getBean(Config.class).set("app/count", 6));
            server.stop();
            late.withPropertyValues("config.startup.timeout=300ms", "config.store.mongo.call-timeout=1s")
                    .run(context -> {
                        ConfigManager manager = context.getBean(ConfigManager.class);
                        assertThat(context.getBean(Greeter.class).count).isEqualTo(1);
                        assertThat(manager.watchStatus().state()).isEqualTo(WatchState.STARTING);
                        server.startAgain();
                        await().atMost(LONG)
                                .untilAsserted(() -> assertThat(context.getBean(Greeter.class).count)
                                        .isEqualTo(6));
                        assertThat(manager.health().status()).isEqualTo(ConfigHealth.Status.UP);
                    });
        }
    }

    /** C1: the server is away at the start, with a boot snapshot. */
    @Test
    void withABootSnapshotTheServerMayBeAway(@TempDir Path directory) {
        try (ReplicaSetServer server = ReplicaSetServer.start()) {
            ApplicationContextRunner kept = plain.withPropertyValues(
                    "spring.mongodb.uri=" + server.uri(),
                    "config.snapshot.enabled=true",
                    "config.snapshot.directory=" + directory);
            kept.run(context -> {
                long revision =
                        context.getBean(Config.class).set("app/count", 6).revision();
                assertThat(context.getBean(ConfigManager.class).awaitRevision(revision, LONG))
                        .isTrue();
            });
            server.stop();
            kept.withPropertyValues("config.startup.timeout=300ms", "config.store.mongo.call-timeout=1s")
                    .run(context -> {
                        ConfigManager manager = context.getBean(ConfigManager.class);
                        assertThat(context.getBean(Greeter.class).count).isEqualTo(6);
                        assertThat(manager.watchStatus().state()).isEqualTo(WatchState.STALE);
                        server.startAgain();
                        await().atMost(LONG).until(() -> manager.watchStatus().state() == WatchState.LIVE);
                    });
        }
    }

    @Test
    void aFailureOfAnotherKindIsForOthersToExplain() {
        assertThat(new MongoStartupFailureAnalyzer().analyze(new io.configmanager.StoreException("no", false, null)))
                .isNull();
    }

    private static FailureAnalysis analysis(Throwable failure) {
        FailureAnalysis analysis = new MongoStartupFailureAnalyzer().analyze(failure);
        assertThat(analysis).isNotNull();
        return analysis;
    }

    private static MongoCollection<Document> entries(MongoClient client, String database) {
        return client.getDatabase(database).getCollection("config_entry");
    }

    private static Document id(String key) {
        return new Document("ns", "").append("key", key);
    }

    private static void put(String key, String value) {
        put(mongo, DATABASE, key, value);
    }

    private static void put(MongoClient client, String database, String key, String value) {
        entries(client, database)
                .updateOne(Filters.eq("_id", id(key)), Updates.set("value", value), new UpdateOptions().upsert(true));
    }

    static class Greeter {
        @ConfigValue(key = "app/greeting", defaultValue = "Hello")
        String greeting = "";

        @ConfigValue(key = "app/count", defaultValue = "1")
        int count;
    }
}
