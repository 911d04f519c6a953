// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import static org.assertj.core.api.Assertions.assertThat;

import com.mongodb.ConnectionString;
import com.mongodb.MongoClientSettings;
import com.mongodb.MongoCredential;
import com.mongodb.MongoSecurityException;
import com.mongodb.MongoSocketReadException;
import com.mongodb.ServerAddress;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.event.CommandListener;
import com.mongodb.event.CommandStartedEvent;
import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.LogEntry;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.store.Commit;
import io.configmanager.store.Operation;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Set;
import java.util.TimeZone;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;
import org.bson.BsonDocument;
import org.bson.BsonTimestamp;
import org.bson.BsonType;
import org.bson.Document;
import org.bson.codecs.BsonTypeClassMap;
import org.bson.codecs.DocumentCodecProvider;
import org.bson.codecs.configuration.CodecRegistries;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Applications have clients, machines and users of all kinds. */
class MongoClientsTest {

    private final ReplicaSetServer server = ReplicaSetServer.start();
    private final TestMongo mongo = new TestMongo(MongoClientsTest.class, server.uri());
    private final List<BsonDocument> commands = new CopyOnWriteArrayList<>();

    @AfterEach
    void close() {
        server.noMoreFaults();
        mongo.close();
        server.close();
    }

    private MongoConfigStore store(UnaryOperator<MongoClientSettings.Builder> settings) {
        MongoClient client = MongoClients.create(settings.apply(MongoClientSettings.builder()
                        .applyConnectionString(new ConnectionString(server.uri()))
                        .addCommandListener(new CommandListener() {
                            @Override
                            public void commandStarted(CommandStartedEvent event) {
                                commands.add(event.getCommand().clone());
                            }
                        }))
                .build());
        mongo.closeLater(client);
        return mongo.closeLater(mongo.builder(client).build());
    }

    private static Commit put(String key, String value, Duration ttl) {
        return Commit.of(
                List.of(new Operation.Put("app", key, value, "json", ValueType.INTEGER, ttl, Condition.ALWAYS)),
                null,
                null);
    }

    private static List<Long> versions(MongoConfigStore store, String key) {
        return store.history("app", key, 10, null).items().stream()
                .map(LogEntry::version)
                .toList();
    }

    @Test
    void theTimeZoneOfAMachineDoesNotMatter() {
        MongoConfigStore store = mongo.store();
        store.commit(put("a", "1", Duration.ofDays(1)));
        TimeZone before = TimeZone.getDefault();
        try {
            TimeZone.setDefault(TimeZone.getTimeZone(before.getRawOffset() == 0 ? "Asia/Tokyo" : "UTC"));
            store.maintain();
            assertThat(store.get("app", "a").entry().version()).isOne();
        } finally {
            TimeZone.setDefault(before);
        }
        assertThat(versions(store, "a")).containsExactly(1L);
    }

    @Test
    void theCodecsOfTheApplicationDoNotMatter() {
        MongoConfigStore store = store(settings -> settings.codecRegistry(CodecRegistries.fromRegistries(
                CodecRegistries.fromProviders(new DocumentCodecProvider(
                        new BsonTypeClassMap(java.util.Map.of(BsonType.DATE_TIME, Instant.class)))),
                MongoClientSettings.getDefaultCodecRegistry())));
        store.commit(put("a", "1", Duration.ofDays(1)));

        assertThat(store.get("app", "a").entry().expiresAt()).isNotNull();
        assertThat(store.snapshot(Set.of("app"), 10).entries()).hasSize(1);
        assertThat(versions(store, "a")).containsExactly(1L);
    }

    @Test
    void aValueThatLooksLikeAReferenceIsAValue() {
        MongoConfigStore store = mongo.store();
        store.commit(put("a", "1", null));
        mongo.entries()
                .replaceOne(
                        new Document("_id", Lines.id("app", "a")),
                        new Document("value", new Document("$ref", "x").append("$id", 1)));

        store.maintain();

        assertThat(store.snapshot(Set.of("app"), 10).entries())
                .extracting(ConfigEntry::value)
                .containsExactly("{\"$ref\": \"x\", \"$id\": 1}");
    }

    /** Otherwise a member that lags could say that nothing was edited, and the position would pass the edit. */
    @Test
    void whatAnEventToldIsSeenByTheReadsThatFollow() {
        MongoConfigStore store = store(settings -> settings);
        store.commit(put("a", "1", null));
        BsonTimestamp told = new BsonTimestamp((int) Instant.now().getEpochSecond() - 60, 7);

        commands.clear();
        store.reconcile(List.of(Lines.id("app", "a")), told);
        assertThat(seenBy("aggregate", "config_head")).isEqualTo(told);

        commands.clear();
        store.audit(told);
        assertThat(seenBy("aggregate", "config_log")).isEqualTo(told);
    }

    private BsonTimestamp seenBy(String command, String collection) {
        return commands.stream()
                .filter(each -> each.getFirstKey().equals(command)
                        && each.getString(command).getValue().endsWith(collection))
                .reduce((first, last) -> last)
                .orElseThrow()
                .getDocument("readConcern")
                .getTimestamp("afterClusterTime");
    }

    /** Transactions read what a majority may not have yet; only a commit would wait for it. */
    @Test
    void whatARepeatedCommitFindsIsProvedToBeOfAMajority() {
        MongoConfigStore store = store(settings -> settings);
        Commit commit = put("a", "1", null);
        long revision = store.commit(commit).revision();
        commands.clear();

        assertThat(store.commit(commit).revision()).isEqualTo(revision);

        List<String> names = commands.stream().map(BsonDocument::getFirstKey).toList();
        int aborted = names.indexOf("abortTransaction");
        assertThat(names.subList(aborted, aborted + 3)).containsExactly("abortTransaction", "ping", "aggregate");
        BsonDocument concern = commands.get(aborted + 2).getDocument("readConcern");
        assertThat(concern.getString("level").getValue()).isEqualTo("majority");
        assertThat(concern).containsKey("afterClusterTime");
    }

    @Test
    void aTimeThatCannotBeChangedDoesNotStopTheStart() {
        server.fail("collMod", 1, 13, "Unauthorized");
        MongoConfigStore store = mongo.store(builder -> builder.operationRetention(Duration.ofDays(3)));

        store.initialize();

        assertThat(store.commit(put("a", "1", null)).revision()).isOne();
    }

    @Test
    void anAuthenticationThatWasInterruptedIsNoRefusal() {
        MongoCredential user = MongoCredential.createCredential("u", "admin", "p".toCharArray());
        MongoSecurityException interrupted = new MongoSecurityException(
                user,
                "planned",
                new MongoSocketReadException("planned", new ServerAddress(), new IOException("planned")));

        assertThat(Failures.isPrivilege(interrupted)).isFalse();
        assertThat(((StoreException) Failures.translate("read", interrupted)).isTransient())
                .isTrue();
        assertThat(Failures.isPrivilege(new MongoSecurityException(user, "planned")))
                .isTrue();
    }

    @Test
    void aShortCallTimeoutIsEnoughForAFeed() {
        MongoConfigStore store = mongo.store(builder -> builder.callTimeout(Duration.ofMillis(200)));
        try (var feed = store.openFeed(store.snapshot(Set.of("app"), 10).position())) {
            assertThat(feed.poll(Duration.ofMillis(100)).changeSets()).isEmpty();
        }
    }

    @Test
    void aClockThatWasSetBackDoesNotStopTheHousekeeping() {
        MongoConfigStore store = mongo.store(builder -> builder.auditInterval(Duration.ofHours(1)));
        store.commit(put("a", "1", null));
        store.maintain();
        Date tomorrow = Date.from(Instant.now().plus(Duration.ofDays(1)));
        mongo.head()
                .updateOne(
                        new Document("_id", "maintenance"),
                        new Document("$set", new Document("until", tomorrow).append("audited", tomorrow)));
        mongo.delete("app", "a");

        store.maintain();

        assertThat(versions(store, "a")).containsExactly(2L, 1L);
    }

    @Test
    void allEntriesAreComparedNowAndThenOnly() {
        MongoConfigStore store = mongo.store(builder -> builder.auditInterval(Duration.ofHours(1)));
        store.commit(put("a", "1", null));
        store.maintain();
        mongo.delete("app", "a");

        store.maintain();
        assertThat(versions(store, "a")).containsExactly(1L);

        mongo.store().maintain();
        assertThat(versions(store, "a")).containsExactly(2L, 1L);
    }
}
