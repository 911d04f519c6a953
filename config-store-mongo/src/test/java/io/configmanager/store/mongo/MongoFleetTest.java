// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.mongodb.client.ClientSession;
import io.configmanager.ConfigManager;
import io.configmanager.FleetInstance;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.Feed;
import io.configmanager.store.InstanceReport;
import io.configmanager.store.Position;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import org.bson.BsonTimestamp;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Reports are in the database that the feed follows, and must not be in its way. */
class MongoFleetTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Duration TICK = Duration.ofMillis(50);

    private final ReplicaSetServer server = ReplicaSetServer.start();
    private final TestMongo mongo = new TestMongo(MongoFleetTest.class, server.uri());
    private final MongoConfigStore store = mongo.store();

    @AfterEach
    void close() {
        mongo.close();
        server.close();
    }

    private Position head() {
        return store.snapshot(Set.of(), 1).position();
    }

    private void report(long number, Duration expiry) {
        store.report(new InstanceReport("i", number, "i", head(), true, 0, Instant.EPOCH, expiry));
    }

    /** Where the server's history is. */
    private BsonTimestamp now() {
        try (ClientSession session = mongo.client.startSession()) {
            mongo.head().find(session).first();
            return session.getOperationTime();
        }
    }

    @Test
    void aFeedDoesNotSeeThemButItsPositionPassesThem() {
        try (Feed feed = store.openFeed(head())) {
            feed.poll(TICK);
            for (int i = 1; i <= 20; i++) {
                report(i, Duration.ofMinutes(1));
            }
            BsonTimestamp reported = now();
            await().atMost(SOON).pollDelay(Duration.ZERO).pollInSameThread().until(() -> {
                Feed.Batch batch = feed.poll(TICK);
                assertThat(batch.changeSets()).isEmpty();
                assertThat(batch.hintsMissed()).isZero();
                return MongoToken.parse(batch.position()).seen().compareTo(reported) >= 0;
            });
            assertThat(mongo.log().countDocuments()).isZero();

            mongo.put("", "k", "1");
            await().atMost(SOON)
                    .pollDelay(Duration.ZERO)
                    .pollInSameThread()
                    .until(() -> !feed.poll(TICK).changeSets().isEmpty());
        }
    }

    @Test
    void whatHasExpiredIsRemovedByTheServer() {
        report(1, Duration.ZERO);
        assertThat(store.fleet().instances()).isEmpty();
        assertThat(mongo.instances().countDocuments()).isEqualTo(1);

        server.removeExpired();
        assertThat(mongo.instances().countDocuments()).isZero();
    }

    @Test
    void aDatabaseOfBeforeGetsTheCollection() {
        mongo.instances().drop();
        assertThat(store.fleet().instances()).isEmpty();
        store.initialize();

        assertThat(mongo.instances().listIndexes())
                .filteredOn(index -> index.containsKey("expireAfterSeconds"))
                .extracting(index -> index.get("key", Document.class))
                .containsExactly(new Document("expiresAt", 1));
    }

    @Test
    void managersKnowOfEachOther() {
        try (ConfigManager a = connected("a");
                ConfigManager b = connected("b")) {
            await().atMost(SOON).until(() -> store.fleet().instances().size() == 2);
            mongo.put("", "k", "1");
            assertThat(a.sync(SOON)).isTrue();
            await().atMost(SOON).until(() -> store.fleet().revision() == 1);
            assertThat(a.fleet().awaitApplied(1, 1, SOON)).isTrue();
            assertThat(b.awaitRevision(1, Duration.ZERO)).isTrue();
            assertThat(b.fleet().look().instances())
                    .extracting(FleetInstance::name)
                    .containsExactly("a", "b");
        }
        assertThat(store.fleet().instances()).isEmpty();
    }

    private ConfigManager connected(String name) {
        ConfigManager manager = ConfigManagerBuilder.forStore(mongo.builder().build())
                .preload("")
                .fleet(name, Duration.ofSeconds(1), Duration.ofMinutes(5))
                .build();
        manager.connect();
        return manager;
    }
}
