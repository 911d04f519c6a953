// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.LogEntry;
import io.configmanager.Outbox;
import io.configmanager.WatchState;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import io.configmanager.outbox.OutboxSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is queued while MongoDB is away is applied once, and in order, when it is back. */
class OutboxOnMongoTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    @TempDir
    Path directory;

    private final TestMongo mongo = new TestMongo(OutboxOnMongoTest.class);
    private final MongoClient application = MongoClients.create("mongodb://127.0.0.1:" + mongo.proxy.port()
            + "/?directConnection=true&serverSelectionTimeoutMS=500&connectTimeoutMS=500");
    private ConfigManager manager;
    private Config config;

    @BeforeEach
    void start() {
        MongoConfigStore store =
                mongo.builder(application).callTimeout(Duration.ofSeconds(2)).build();
        manager = ConfigManagerBuilder.forStore(store)
                .preload("")
                .startup(StartupPolicy.FAIL, SOON)
                .retry(Duration.ofMillis(50), Duration.ofMillis(500), Duration.ofMillis(100))
                .outbox(OutboxSettings.in(directory, "test"))
                .build();
        manager.connect();
        config = manager.namespace("");
        config.set("app/limit", 1);
    }

    @AfterEach
    void stop() {
        manager.close();
        application.close();
        mongo.close();
    }

    @Test
    void whatIsQueuedIsAppliedOnceAndInOrder() {
        away();
        assertThat(config.set("app/limit", 2).queued()).isTrue();
        assertThat(config.set("app/limit", 3).queued()).isTrue();
        assertThat(config.get("app/limit", Integer.class)).isEqualTo(3);
        back();
        await().atMost(SOON).until(() -> outbox().writes().isEmpty());
        assertThat(values("app/limit")).containsExactly("3", "2", "1");
    }

    @Test
    void whatChangedMeanwhileIsNotOverwritten() {
        away();
        config.set("app/limit", 2);
        mongo.put("", "app/limit", "9");
        back();
        await().atMost(SOON).until(() -> outbox().stats().conflicts() == 1);
        await().atMost(SOON).until(() -> config.get("app/limit", Integer.class) == 9);
        outbox().force(outbox().writes().get(0).id());
        await().atMost(SOON).until(() -> config.get("app/limit", Integer.class) == 2);
    }

    private void away() {
        mongo.proxy.refuse(true);
        mongo.proxy.cut();
        await().atMost(SOON).until(() -> manager.watchStatus().state() != WatchState.LIVE);
    }

    private void back() {
        mongo.proxy.refuse(false);
        await().atMost(SOON).until(() -> manager.watchStatus().state() == WatchState.LIVE);
    }

    private Outbox outbox() {
        return manager.outbox().orElseThrow();
    }

    /** Newest first. */
    private List<String> values(String key) {
        return config.history(key, 10, null).items().stream()
                .map(LogEntry::entry)
                .map(entry -> entry == null ? "deleted" : entry.value())
                .toList();
    }
}
