// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.mongodb.MongoException;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.model.Updates;
import io.configmanager.Config;
import io.configmanager.ConfigException;
import io.configmanager.store.mongo.ReplicaSetServer;
import io.configmanager.store.mongo.TestServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import org.bson.Document;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The quickstart as a user runs it: two instances on one MongoDB, changed over HTTP and by hand. */
@ExtendWith(OutputCaptureExtension.class)
class QuickstartMongoApplicationTest {

    private static final Duration SOON = Duration.ofSeconds(10);
    private static final Duration LATER = Duration.ofSeconds(60);
    private static final String DATABASE = "t_quickstart";

    private static MongoClient mongo;
    private static ConfigurableApplicationContext first;
    private static ConfigurableApplicationContext second;

    private final HttpClient client = HttpClient.newHttpClient();
    private final JsonMapper json = JsonMapper.builder().build();

    @BeforeAll
    static void start() {
        mongo = MongoClients.create(TestServer.uri());
        mongo.getDatabase(DATABASE).drop();
        first = run(TestServer.uri());
        second = run(TestServer.uri());
    }

    @AfterAll
    static void stop() {
        second.close();
        first.close();
        mongo.getDatabase(DATABASE).drop();
        mongo.close();
    }

    @BeforeEach
    void clean() throws IOException, InterruptedException {
        entries(mongo).deleteMany(new Document());
        eventually(first, "Hello");
        eventually(second, "Hello");
    }

    private static ConfigurableApplicationContext run(String uri, String... arguments) {
        SpringApplication application = new SpringApplication(QuickstartMongoApplication.class);
        application.setRegisterShutdownHook(false);
        String[] all = Arrays.copyOf(arguments, arguments.length + 3);
        all[arguments.length] = "--server.port=0";
        all[arguments.length + 1] = "--MONGODB_URI=" + uri;
        all[arguments.length + 2] = "--spring.mongodb.database=" + DATABASE;
        return application.run(all);
    }

    @Test
    void aPostIsThereAtOnceAndSoonInTheOtherInstance() throws Exception {
        HttpResponse<String> answer = post(first, "/app/greeting", "{\"value\":\"Bonjour\"}");

        assertThat(get(first, "/greeting").body()).isEqualTo("Bonjour");
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(json.readTree(answer.body()).get("version").longValue()).isPositive();
        eventually(second, "Bonjour");
    }

    /** On an idle machine each takes some milliseconds; here only that nothing waits for a poll, which is each 5 s. */
    @Test
    void handEditsAreFollowedByEveryInstanceWithin200Milliseconds() throws Exception {
        long fastestEdit = Long.MAX_VALUE;
        long fastestDeletion = Long.MAX_VALUE;
        for (int i = 0; i < 10; i++) {
            String greeting = "Ciao " + i;
            long start = System.nanoTime();
            edit(mongo, "app/greeting", "\"" + greeting + "\"");
            follow(greeting);
            fastestEdit = Math.min(fastestEdit, System.nanoTime() - start);
            start = System.nanoTime();
            entries(mongo).deleteOne(Filters.eq("_id", id("app/greeting")));
            follow("Hello");
            fastestDeletion = Math.min(fastestDeletion, System.nanoTime() - start);
        }
        assertThat(Duration.ofNanos(fastestEdit)).isLessThan(Duration.ofMillis(200));
        assertThat(Duration.ofNanos(fastestDeletion)).isLessThan(Duration.ofMillis(200));
    }

    private static void follow(String greeting) {
        await().pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .atMost(SOON)
                .until(() -> first.getBean(GreetingController.class).greeting().equals(greeting)
                        && second.getBean(GreetingController.class).greeting().equals(greeting));
    }

    @Test
    void theServerIsStoppedAndStartedAgainWhileWritesGoOn() throws Exception {
        String[] quick = {"--config.store.mongo.call-timeout=2s", "--config.watch.last-retry=200ms"};
        try (ReplicaSetServer server = ReplicaSetServer.start();
                MongoClient hand = MongoClients.create(server.uri() + "&timeoutMS=2000");
                ConfigurableApplicationContext one = run(server.uri(), quick);
                ConfigurableApplicationContext other = run(server.uri(), quick);
                Writes writes = new Writes(one.getBean(Config.class), hand)) {
            writes.awaitMore();
            post(one, "/app/greeting", "{\"value\":\"Bonjour\"}");
            eventually(other, "Bonjour");

            server.stop();
            for (ConfigurableApplicationContext each : new ConfigurableApplicationContext[] {one, other}) {
                await().atMost(LATER).untilAsserted(() -> {
                    JsonNode health = health(each);
                    assertThat(health.get("status").stringValue()).isEqualTo("DOWN");
                    JsonNode details = health.get("details");
                    assertThat(details.get("problem").stringValue()).contains("Mongo");
                    assertThat(details.get("watch.lastError").stringValue()).contains("Mongo");
                    assertThat(details.get("watch.state").stringValue()).isEqualTo("STALE");
                });
                assertThat(get(each, "/greeting").body()).isEqualTo("Bonjour");
            }
            assertThat(post(one, "/app/greeting", "{\"value\":\"lost\"}").statusCode())
                    .isEqualTo(503);

            server.startAgain();
            writes.awaitMore();
            for (ConfigurableApplicationContext each : new ConfigurableApplicationContext[] {one, other}) {
                await().atMost(LATER).untilAsserted(() -> {
                    JsonNode health = health(each);
                    assertThat(health.get("status").stringValue()).isEqualTo("UP");
                    assertThat(health.get("details").get("watch.state").stringValue())
                            .isEqualTo("LIVE");
                });
            }
            writes.end();
            for (ConfigurableApplicationContext each : new ConfigurableApplicationContext[] {one, other}) {
                Config config = each.getBean(Config.class);
                await().atMost(LATER).untilAsserted(() -> {
                    for (String key : new String[] {"app/written", "app/edited"}) {
                        Document stored =
                                entries(hand).find(Filters.eq("_id", id(key))).first();
                        assertThat(config.get(key, Long.class))
                                .isEqualTo(Long.parseLong(String.valueOf(stored.get("value"))));
                    }
                });
                assertThat(config.get("app/written", Long.class)).isGreaterThanOrEqualTo(writes.written.get());
                assertThat(config.get("app/edited", Long.class)).isGreaterThanOrEqualTo(writes.edited.get());
            }
        }
    }

    /** Counts up one key through the library and one by hand, twenty times a second; what failed is tried again. */
    private static final class Writes implements AutoCloseable {

        final AtomicLong written = new AtomicLong();
        final AtomicLong edited = new AtomicLong();
        private final ScheduledExecutorService writers = Executors.newScheduledThreadPool(2);

        Writes(Config config, MongoClient hand) {
            start(written, number -> config.set("app/written", number));
            start(edited, number -> edit(hand, "app/edited", Long.toString(number)));
        }

        private void start(AtomicLong acknowledged, LongConsumer write) {
            ScheduledFuture<?> unused = writers.scheduleWithFixedDelay(
                    () -> {
                        try {
                            write.accept(acknowledged.get() + 1);
                            acknowledged.incrementAndGet();
                        } catch (ConfigException | MongoException e) {
                            // The server is away: the same again next time.
                        }
                    },
                    0,
                    50,
                    TimeUnit.MILLISECONDS);
        }

        void awaitMore() {
            long before = written.get();
            long beforeByHand = edited.get();
            await().atMost(LATER).until(() -> written.get() > before + 5 && edited.get() > beforeByHand + 5);
        }

        void end() throws InterruptedException {
            writers.shutdown();
            assertThat(writers.awaitTermination(LATER.toSeconds(), TimeUnit.SECONDS))
                    .isTrue();
        }

        @Override
        public void close() {
            writers.shutdownNow();
        }
    }

    @Test
    void withoutAGivenServerItStartsOneThatAnotherInstanceCanUse(CapturedOutput output) throws Exception {
        try (ConfigurableApplicationContext own = run("", "--quickstart.download=false")) {
            assertThat(output).contains("THIS IS NOT MongoDB");
            String uri = own.getBean(OwnServer.class).uri();
            assertThat(output).contains("MONGODB_URI=\"" + uri + "\" ./mvnw");
            try (ConfigurableApplicationContext other = run(uri)) {
                post(other, "/app/greeting", "{\"value\":\"Salut\"}");
                eventually(own, "Salut");
            }
        }
    }

    private static MongoCollection<Document> entries(MongoClient client) {
        return client.getDatabase(DATABASE).getCollection("config_entry");
    }

    private static void edit(MongoClient client, String key, String value) {
        entries(client)
                .updateOne(Filters.eq("_id", id(key)), Updates.set("value", value), new UpdateOptions().upsert(true));
    }

    private static Document id(String key) {
        return new Document("ns", "").append("key", key);
    }

    private void eventually(ConfigurableApplicationContext instance, String greeting)
            throws IOException, InterruptedException {
        await().atMost(SOON)
                .untilAsserted(
                        () -> assertThat(get(instance, "/greeting").body()).isEqualTo(greeting));
    }

    private JsonNode health(ConfigurableApplicationContext instance) throws IOException, InterruptedException {
        return json.readTree(get(instance, "/actuator/health/config").body());
    }

    private HttpResponse<String> post(ConfigurableApplicationContext instance, String key, String body)
            throws IOException, InterruptedException {
        return client.send(
                request(instance, "/actuator/config/_" + key)
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body))
                        .build(),
                BodyHandlers.ofString());
    }

    private HttpResponse<String> get(ConfigurableApplicationContext instance, String path)
            throws IOException, InterruptedException {
        return client.send(request(instance, path).build(), BodyHandlers.ofString());
    }

    private static HttpRequest.Builder request(ConfigurableApplicationContext instance, String path) {
        return HttpRequest.newBuilder(URI.create(
                "http://127.0.0.1:" + instance.getEnvironment().getRequiredProperty("local.server.port") + path));
    }
}
