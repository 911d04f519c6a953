// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigView;
import io.configmanager.PlantedSecrets;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The quickstart as a user runs it: two instances on one database, changed over HTTP and with SQL. */
class QuickstartApplicationTest {

    private static final Duration SOON = Duration.ofSeconds(5);

    @TempDir
    private static Path directory;

    private static ConfigurableApplicationContext first;
    private static ConfigurableApplicationContext second;
    private static JdbcTemplate sql;

    private final HttpClient client = HttpClient.newHttpClient();
    private final JsonMapper json = JsonMapper.builder().build();

    @BeforeAll
    static void start() {
        first = run("--quickstart.data-directory=" + directory);
        second = run(
                "--spring.datasource.url=" + first.getBean(OwnDatabase.class).jdbcUrl());
        sql = first.getBean(JdbcTemplate.class);
    }

    @AfterAll
    static void stop() {
        second.close();
        first.close();
    }

    @BeforeEach
    void clean() throws IOException, InterruptedException {
        sql.update("DELETE FROM config_entry");
        eventually(first, "Hello");
        eventually(second, "Hello");
    }

    private static ConfigurableApplicationContext run(String argument) {
        SpringApplication application = new SpringApplication(QuickstartApplication.class);
        application.setRegisterShutdownHook(false);
        return application.run("--server.port=0", argument);
    }

    @Test
    void aPostIsThereAtOnceAndSoonInTheOtherInstance() throws Exception {
        HttpResponse<String> answer = post("/app/greeting", "{\"value\":\"Bonjour\"}");

        assertThat(get(first, "/greeting").body()).isEqualTo("Bonjour");
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(json.readTree(answer.body()).get("value").stringValue()).isEqualTo("Bonjour");
        assertThat(json.readTree(answer.body()).get("version").longValue()).isPositive();
        assertThat(json.readTree(answer.body()).get("revision").longValue()).isPositive();
        eventually(second, "Bonjour");
    }

    @Test
    void sqlIsFollowedByEveryInstance() throws Exception {
        sql.update("INSERT INTO config_entry (key, value) VALUES ('app/greeting', '\"Hallo\"')");
        eventually(first, "Hallo");
        eventually(second, "Hallo");
        sql.update("UPDATE config_entry SET value = '\"Ciao\"' WHERE key = 'app/greeting'");
        eventually(first, "Ciao");
        eventually(second, "Ciao");
        sql.update("DELETE FROM config_entry WHERE key = 'app/greeting'");
        eventually(first, "Hello");
        eventually(second, "Hello");
    }

    @Test
    void twoKeysOfOneTransactionAreSeenTogether() throws Exception {
        TransactionTemplate transaction = new TransactionTemplate(
                new JdbcTransactionManager(java.util.Objects.requireNonNull(sql.getDataSource())));
        Config config = second.getBean(Config.class);
        for (int i = 1; i <= 20; i++) {
            int number = i;
            transaction.executeWithoutResult(status -> {
                for (String key : List.of("app/a", "app/b")) {
                    sql.update(
                            "INSERT INTO config_entry (key, value) VALUES (?, ?)"
                                    + " ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value",
                            key,
                            Integer.toString(number));
                }
            });
            await().atMost(SOON).until(() -> {
                ConfigView view = config.view();
                Optional<Integer> a = view.get("app/a", Integer.class);
                assertThat(view.get("app/b", Integer.class)).isEqualTo(a);
                assertThat(view.entry("app/a").map(entry -> entry.revision()))
                        .isEqualTo(view.entry("app/b").map(entry -> entry.revision()));
                return a.equals(Optional.of(number));
            });
        }
    }

    @Test
    void healthHasEveryDetail() throws Exception {
        JsonNode health = json.readTree(get(first, "/actuator/health/config").body());
        assertThat(health.get("status").stringValue()).isEqualTo("UP");
        assertThat(health.get("details").propertyNames())
                .containsExactlyInAnyOrder(
                        "store",
                        "watch.state",
                        "watch.connected",
                        "watch.consecutiveFailures",
                        "watch.lastError",
                        "watch.lastAttempt",
                        "watch.staleness",
                        "cache.size",
                        "cache.hits",
                        "cache.misses",
                        "cache.hitRate",
                        "cache.evictions");
    }

    @Test
    void prometheusHasTheMetrics() throws Exception {
        post("/app/greeting", "{\"value\":\"Bonjour\"}");
        await().atMost(SOON)
                .untilAsserted(
                        () -> assertThat(get(first, "/actuator/prometheus").body())
                                .contains("cache_gets_total{cache=\"config\",")
                                .contains("config_watch_connected 1.0")
                                .contains("config_watch_failures 0.0")
                                .contains("config_watch_reconnects_total 0.0")
                                .containsPattern("config_watch_events_total [1-9]")
                                .contains("config_watch_staleness_seconds ")
                                .containsPattern("config_propagation_seconds_count [1-9]"));
    }

    @Test
    void wrongInputIsAnsweredWithTheReason() throws Exception {
        assertProblem(post("/a..b", "{\"value\":1}"), 400, "must not contain ..");
        assertProblem(post("/app/x", "{\"value\":"), 400, "not JSON");
        assertProblem(post("/app/x", "{\"value\":\"" + "x".repeat(1_100_000) + "\"}"), 400, "1048576 bytes");
        assertProblem(post("/app/x", "{\"value\":\"" + "x".repeat(10_485_760) + "\"}"), 413, "larger than the limit");
        assertThat(post("/app/x", "{\"value\":1}").statusCode()).isEqualTo(200);
        assertProblem(post("/app/x", "{\"value\":1,\"create\":true}"), 409, "to be absent");
        assertProblem(post("/app/x", "{\"value\":1,\"version\":999}"), 409, "expected version 999");
        assertProblem(get(first, "/actuator/config/_/nope"), 404, "No value for key 'nope'");
        assertProblem(get(first, "/actuator/config/-x/nope"), 400, "Invalid namespace");
    }

    @Test
    void aBadRowKeepsTheLastGoodValueOfItsKeyOnly() throws Exception {
        post("/app/greeting", "{\"value\":\"Bonjour\"}");
        sql.update("UPDATE config_entry SET value = 'not json' WHERE key = 'app/greeting'");
        sql.update("INSERT INTO config_entry (key, value, codec) VALUES ('app/odd', 'x', 'rot13')");
        sql.update("INSERT INTO config_entry (key, value) VALUES ('app/color', '\"red\"')");
        await().atMost(SOON).untilAsserted(() -> {
            assertThat(get(first, "/actuator/health/config").body())
                    .contains("_/app/greeting")
                    .contains("_/app/odd")
                    .contains("\"status\":\"UP\"");
            assertThat(first.getBean(Settings.class).shown()).containsEntry("app/color", "red");
        });
        assertThat(get(first, "/greeting").body()).isEqualTo("Bonjour");
    }

    @Test
    void aSecretComesOutNowhere() throws Exception {
        String planted = "{\"value\":\"" + PlantedSecrets.SECRET + "\",\"secret\":true";
        List<String> answers = new ArrayList<>();
        answers.add(post("/app/timeout", planted + ",\"dryRun\":true}").body());
        answers.add(post("/app/timeout", planted + "}").body());
        answers.add(post("/app/timeout", planted + ",\"create\":true}").body());
        answers.add(post("/app/timeout", "{\"rollback\":1}").body());
        assertThat(json.readTree(answers.get(0)).at("/targets/0/rejection").stringValue())
                .contains("expected java.time.Duration");
        for (String path : List.of(
                "/config",
                "/config/_",
                "/config/_?changes=true",
                "/config/_/app/timeout",
                "/config/_/app/timeout?history=true",
                "/config/_/app/timeout?explain=true",
                "/health",
                "/env",
                "/metrics",
                "/prometheus",
                "/loggers")) {
            HttpResponse<String> answer = get(first, "/actuator" + path);
            assertThat(answer.statusCode()).as(path).isEqualTo(200);
            answers.add(answer.body());
        }
        assertThat(PlantedSecrets.leaksIn(String.join("\n", answers))).isEmpty();
    }

    @Test
    void thePageIsServedAndItsEventsFollow() throws Exception {
        assertThat(get(first, "/").body()).contains("new EventSource('events')");
        HttpResponse<java.io.InputStream> events =
                client.send(request(first, "/events").build(), BodyHandlers.ofInputStream());
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(events.body(), StandardCharsets.UTF_8))) {
            sql.update("INSERT INTO config_entry (key, value) VALUES ('app/greeting', '\"Servus\"')");
            String line = lines.readLine();
            while (line != null && !line.contains("\"app/greeting\":\"Servus\"")) {
                line = lines.readLine();
            }
            assertThat(line).startsWith("data:").contains("\"watch\":\"LIVE\"");
        }
    }

    private void eventually(ConfigurableApplicationContext instance, String greeting)
            throws IOException, InterruptedException {
        await().atMost(SOON)
                .untilAsserted(
                        () -> assertThat(get(instance, "/greeting").body()).isEqualTo(greeting));
    }

    private void assertProblem(HttpResponse<String> answer, int status, String detail) {
        assertThat(answer.statusCode()).isEqualTo(status);
        assertThat(answer.headers().firstValue("Content-Type")).contains("application/problem+json");
        assertThat(json.readTree(answer.body()).get("detail").stringValue()).contains(detail);
    }

    private HttpResponse<String> post(String key, String body) throws IOException, InterruptedException {
        return client.send(
                request(first, "/actuator/config/_" + key)
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
