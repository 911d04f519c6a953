// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The quickstart while its database is stopped and started, over HTTP. */
class DatabaseAwayTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    @TempDir
    private Path directory;

    private final HttpClient client = HttpClient.newHttpClient();
    private final JsonMapper json = JsonMapper.builder().build();
    private int port;
    private @Nullable EmbeddedPostgres database;
    private @Nullable ConfigurableApplicationContext application;

    @BeforeEach
    void start() throws Exception {
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        startDatabase(port);
        startApplication();
        assertThat(post("config/_/app/greeting", "{\"value\":\"Bonjour\"}").statusCode())
                .isEqualTo(200);
    }

    @AfterEach
    void stop() throws IOException {
        stopApplication();
        stopDatabase();
    }

    @Test
    void itRestartsWithTheLastValuesAndQueuesWrites() throws Exception {
        stopDatabase();
        stopApplication();
        startApplication();
        assertThat(get("/greeting").body()).isEqualTo("Bonjour");
        assertThat(tree("config").get("watch").get("state").stringValue()).isEqualTo("STALE");

        HttpResponse<String> answer = post("config/_/app/greeting", "{\"value\":\"Hallo\",\"author\":\"alice\"}");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
        JsonNode queued = json.readTree(answer.body());
        assertThat(queued.get("status").stringValue()).isEqualTo("QUEUED");
        assertThat(queued.get("entry").get("pending").booleanValue()).isTrue();
        assertThat(tree("config/_/app/greeting").get("value").stringValue()).isEqualTo("Hallo");
        JsonNode outbox = tree("configoutbox");
        assertThat(outbox.get("outbox").get("pending").intValue()).isEqualTo(1);
        JsonNode write = outbox.get("writes").get(0);
        assertThat(write.get("id").stringValue())
                .isEqualTo(queued.get("operationId").stringValue());
        assertThat(write.get("state").stringValue()).isEqualTo("PENDING");
        assertThat(write.get("changes").get(0).get("ours").get("value").stringValue())
                .isEqualTo("Hallo");
        assertThat(get("/actuator/prometheus").body()).contains("config_outbox_pending_writes 1.0");
        assertThat(get("/actuator/health/config").body()).contains("\"outbox.pending\":1");

        startDatabase(port);
        await().atMost(SOON).until(() -> get("/greeting").body().equals("Hallo"));
        assertThat(sql("SELECT author FROM config_entry WHERE key = 'app/greeting'"))
                .isEqualTo("alice");
        await().atMost(SOON).until(() -> tree("configoutbox").get("writes").isEmpty());
        assertThat(tree("config/_/app/greeting").get("pending")).isNull();
    }

    @Test
    void whatAnotherInstanceChangedMeanwhileIsAConflictThatOnePostResolves() throws Exception {
        stopDatabase();
        String id = json.readTree(
                        post("config/_/app/greeting", "{\"value\":\"mine\"}").body())
                .get("operationId")
                .stringValue();
        post("config/_/app/password", "{\"value\":\"hush\",\"secret\":true}");
        // Where the application cannot see it yet.
        startDatabase(0);
        sql("UPDATE config_entry SET value = '\"theirs\"' WHERE key = 'app/greeting' RETURNING key");
        sql(
                "INSERT INTO config_entry (key, value, type) VALUES ('app/password', '\"whisper\"', 'secret') RETURNING key");
        stopDatabase();
        startDatabase(port);

        await().atMost(SOON)
                .until(() -> tree("configoutbox?state=conflict").get("writes").size() == 2);
        HttpResponse<String> conflicts = get("/actuator/configoutbox");
        JsonNode change = json.readTree(conflicts.body())
                .get("writes")
                .get(0)
                .get("changes")
                .get(0);
        assertThat(change.get("ours").get("value").stringValue()).isEqualTo("mine");
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(tree("configoutbox")
                                .get("writes")
                                .get(0)
                                .get("changes")
                                .get(0)
                                .get("theirs")
                                .get("value")
                                .stringValue())
                        .isEqualTo("theirs"));
        assertThat(conflicts.body()).doesNotContain("hush").doesNotContain("whisper");
        assertThat(get("/greeting").body()).isEqualTo("theirs");

        assertThat(post("configoutbox/" + id, "{\"action\":\"guess\"}").statusCode())
                .isEqualTo(400);
        assertThat(post("configoutbox/none", "{\"action\":\"force\"}").statusCode())
                .isEqualTo(400);
        assertThat(post("configoutbox/" + id, "{\"action\":\"force\"}").statusCode())
                .isEqualTo(204);
        await().atMost(SOON).until(() -> get("/greeting").body().equals("mine"));
        assertThat(post("configoutbox/" + id, "{\"action\":\"force\"}").statusCode())
                .isEqualTo(404);
    }

    private void startDatabase(int at) throws IOException {
        EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder()
                .setDataDirectory(directory.resolve("postgres"))
                .setCleanDataDirectory(false)
                .setServerConfig("listen_addresses", "127.0.0.1");
        database = at == 0 ? builder.start() : builder.setPort(at).start();
    }

    private void stopDatabase() throws IOException {
        if (database != null) {
            database.close();
            database = null;
        }
    }

    private String sql(String statement) throws SQLException {
        try (Connection connection = database.getPostgresDatabase().getConnection();
                Statement each = connection.createStatement();
                var row = each.executeQuery(statement)) {
            assertThat(row.next()).isTrue();
            return row.getString(1);
        }
    }

    private void startApplication() {
        SpringApplication starting = new SpringApplication(QuickstartApplication.class);
        starting.setRegisterShutdownHook(false);
        application = starting.run(
                "--server.port=0",
                "--spring.datasource.url=jdbc:postgresql://127.0.0.1:" + port + "/postgres?user=postgres",
                "--spring.datasource.hikari.connection-timeout=500",
                "--config.watch.last-retry=500ms",
                "--config.startup.timeout=2s",
                "--config.snapshot.enabled=true",
                "--config.snapshot.directory=" + directory.resolve("snapshot"),
                "--config.outbox.enabled=true",
                "--config.outbox.directory=" + directory.resolve("outbox"));
    }

    private void stopApplication() {
        if (application != null) {
            application.close();
            application = null;
        }
    }

    private JsonNode tree(String path) throws IOException, InterruptedException {
        return json.readTree(get("/actuator/" + path).body());
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(request(path).build(), BodyHandlers.ofString());
    }

    private HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
        return client.send(
                request("/actuator/" + path)
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body))
                        .build(),
                BodyHandlers.ofString());
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(
                "http://127.0.0.1:" + application.getEnvironment().getRequiredProperty("local.server.port") + path));
    }
}
