// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigFilter;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
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
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;

/**
 * Two instances on a real PostgreSQL, watched by a real Prometheus, while one thing after the other goes wrong: the dashboard
 * has something to show, and each alert fires after its fault and not before.
 */
@ExtendWith(OutputCaptureExtension.class)
class LiveMonitoringTest {

    private static final Duration LONG = Duration.ofMinutes(2);
    private static final String SECRET = "planted-secret-value";

    /** What nobody wants to wait for in a test, and still far from what a slow machine does by itself. */
    private static final Map<String, String> THRESHOLDS = Map.of(
            "config_watch_staleness_seconds > 60", "config_watch_staleness_seconds > 8",
            "config_outbox_oldest_age_seconds > 3600", "config_outbox_oldest_age_seconds > 5",
            "config_subscriptions_lag_seconds > 10", "config_subscriptions_lag_seconds > 5",
            "(rate(config_propagation_seconds_bucket[5m]))) > 1", "(rate(config_propagation_seconds_bucket[5m]))) > 2",
            "config_revision_applied offset 1m", "config_revision_applied offset 2m");

    @TempDir
    private Path directory;

    private final HttpClient client = HttpClient.newHttpClient();
    private final Spans spans = new Spans();
    private final ScheduledExecutorService traffic = Executors.newSingleThreadScheduledExecutor();
    private final Map<String, Instant> faults = new TreeMap<>();
    private final Set<String> unseen = new LinkedHashSet<>();
    private Instant faulty = Instant.MAX;
    private int port;
    private int changes;
    private @Nullable EmbeddedPostgres database;
    private Instance first;
    private Instance second;
    private Prometheus prometheus;
    private ScheduledFuture<?> using;

    /** A running application. */
    private record Instance(ConfigurableApplicationContext context, String address) {}

    /** Where spans go instead of to a collector. */
    private static final class Spans implements SpanExporter {

        final Queue<SpanData> all = new ConcurrentLinkedQueue<>();

        @Override
        public CompletableResultCode export(Collection<SpanData> some) {
            all.addAll(some);
            return CompletableResultCode.ofSuccess();
        }

        @Override
        public CompletableResultCode flush() {
            return CompletableResultCode.ofSuccess();
        }

        @Override
        public CompletableResultCode shutdown() {
            return CompletableResultCode.ofSuccess();
        }
    }

    @BeforeEach
    void start() throws Exception {
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        startDatabase(port);
        sql("CREATE ROLE first SUPERUSER LOGIN; CREATE ROLE second SUPERUSER LOGIN");
        first = startInstance("first");
        second = startInstance("second");
        prometheus = Prometheus.start(directory, List.of(first.address(), second.address()), THRESHOLDS);
        Documents.panels().forEach(panel -> unseen.addAll(panel.expressions()));
        using = traffic.scheduleWithFixedDelay(this::useBoth, 0, 250, TimeUnit.MILLISECONDS);
    }

    @AfterEach
    void stop() throws Exception {
        traffic.shutdownNow();
        if (prometheus != null) {
            prometheus.stop();
        }
        for (Instance instance : new Instance[] {first, second}) {
            if (instance != null) {
                instance.context().close();
            }
        }
        stopDatabase();
    }

    @Test
    @Timeout(value = 15, unit = TimeUnit.MINUTES)
    void theDashboardShowsAndTheAlertsTell(CapturedOutput output) throws Exception {
        allIsWell();
        oneInstanceIsCutOffAndTheOtherIsUnwell();
        theDatabaseIsAway();
        somethingCutsConnectionsAndABackupIsRestored();
        nobodySaysTheSecret(output);
        instancesEnd();

        assertThat(using.isDone()).as("somebody used both, all the time").isFalse();
        await("every alert has fired")
                .atMost(LONG)
                .untilAsserted(() -> assertThat(prometheus.firstFired().keySet())
                        .isEqualTo(Documents.alerts().keySet()));
        prometheus.firstFired().forEach((alert, at) -> assertThat(at).as(alert).isAfter(faults.get(alert)));
        assertThat(prometheus.ruleErrors()).isEmpty();
    }

    private void allIsWell() throws Exception {
        assertThat(post("app/password", "{\"value\":\"" + SECRET + "\",\"secret\":true}"))
                .isEqualTo(200);
        post("price/apple", "{\"value\":3}");
        await("two instances are scraped and show the same").atMost(LONG).untilAsserted(() -> {
            assertThat(prometheus.scrapeErrors()).isEmpty();
            assertThat(prometheus.query("config_revision_applied > 5")).hasSize(2);
            assertThat(prometheus.query("config_watch_staleness_seconds < 6")).hasSize(2);
        });
        await("the dashboard has data").atMost(LONG).untilAsserted(() -> {
            look();
            assertThat(unseen).as("without a fault, all but errors").allMatch(one -> one.contains("outcome!="));
        });
        assertThat(prometheus.firstFired()).isEmpty();
        aWriteIsASpanOfItsRequest();
        List<String> threads = Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith("config-") && !name.matches("config-(listener|outbox|replay).*"))
                .sorted()
                .toList();
        assertThat(threads)
                .as("two instances, observed")
                .containsExactly("config-maintenance", "config-maintenance", "config-watch", "config-watch");
    }

    private void aWriteIsASpanOfItsRequest() {
        await("a span of a commit").atMost(LONG).until(() -> spans.all.stream().anyMatch(this::isCommitOfARequest));
        await("a span of a change set")
                .atMost(LONG)
                .until(() -> spans.all.stream()
                        .anyMatch(span -> span.getName().equals("config apply")
                                && span.getAttributes().asMap().toString().contains("config.revision")));
    }

    private boolean isCommitOfARequest(SpanData span) {
        return span.getName().equals("config store commit")
                && spans.all.stream()
                        .anyMatch(request -> request.getName().startsWith("http post")
                                && request.getTraceId().equals(span.getTraceId())
                                && request.getSpanId().equals(span.getParentSpanId()));
    }

    /** The second one cannot log in. The first one gets no notifications, values that are wrong, and has a listener that hangs. */
    private void oneInstanceIsCutOffAndTheOtherIsUnwell() throws Exception {
        fault(
                "ConfigInstanceStale",
                "ConfigLaggard",
                "ConfigHintsMissed",
                "ConfigPropagationSlow",
                "ConfigValueRejected",
                "ConfigBindingErrors",
                "ConfigListenerSlow");
        CompletableFuture<Boolean> decided = new CompletableFuture<>();
        first.context().getBean(Config.class).listen(ConfigFilter.keys("app/timeout"), set -> decided.join());
        post("app/greeting", "{\"value\":\"Bonjour\"}");
        sql("ALTER ROLE second NOLOGIN");
        sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'second'");
        String announcing = sql("SELECT string_agg(pg_get_functiondef(p), ';') FROM unnest(ARRAY["
                + "'config_revision'::regproc, 'config_record'::regproc]) p");
        sql(announcing.replace("pg_notify(", "concat("));
        sql("UPDATE config_entry SET value = 'not json' WHERE key = 'app/greeting'");
        post("app/timeout", "{\"value\":\"soon\"}");

        fires("ConfigInstanceStale", second);
        fires("ConfigLaggard", second);
        fires("ConfigValueRejected", first);
        fires("ConfigBindingErrors", first);
        fires("ConfigListenerSlow", first);
        fires("ConfigHintsMissed", first);
        fires("ConfigPropagationSlow", first);

        decided.complete(true);
        sql(announcing);
        sql("ALTER ROLE second LOGIN");
        post("app/greeting", "{\"value\":\"Bonjour\"}");
        silent("ConfigInstanceStale");
        silent("ConfigLaggard");
        silent("ConfigListenerSlow");
    }

    private void theDatabaseIsAway() throws Exception {
        fault("ConfigOutboxOld", "ConfigOutboxConflict");
        stopDatabase();
        assertThat(post("price/apple", "{\"value\":4}")).as("queued").isEqualTo(202);
        // Where no instance sees it, another one is faster.
        startDatabase(0);
        sql("UPDATE config_entry SET value = '5' WHERE key = 'price/apple'");
        stopDatabase();
        fires("ConfigOutboxOld", first);
        fires("ConfigInstanceStale", first, second);
        look();
        startDatabase(port);
        fires("ConfigOutboxConflict", first);
        silent("ConfigInstanceStale");
        silent("ConfigOutboxOld");
        look();
        assertThat(unseen)
                .as("expressions of the dashboard that never had a number")
                .isEmpty();
    }

    private void somethingCutsConnectionsAndABackupIsRestored() throws Exception {
        fault("ConfigReconnecting", "ConfigResync");
        await("reconnecting").atMost(LONG).until(() -> {
            double before = reconnects();
            sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'first'"
                    + " AND application_name = 'config-feed'");
            await("live again").atMost(LONG).until(() -> reconnects() > before);
            return prometheus.firing("ConfigReconnecting").contains(first.address());
        });
        sql("UPDATE config_head SET lineage = gen_random_uuid()");
        fires("ConfigResync", first, second);
    }

    private void nobodySaysTheSecret(CapturedOutput output) throws Exception {
        String scrapes = body(first, "/actuator/prometheus") + body(second, "/actuator/prometheus");
        assertThat(scrapes).contains("config_revision_applied").doesNotContain(SECRET);
        Set<String> metrics = Documents.metrics(scrapes.replaceAll("(?m)^#.*", ""));
        assertThat(Documents.documentedMetrics()).as("with tracing, too").containsAll(metrics);
        assertThat(spans.all)
                .hasSizeGreaterThan(100)
                .noneMatch(span -> span.toString().contains(SECRET));
        assertThat(output.getAll()).doesNotContain(SECRET);
    }

    private void instancesEnd() throws Exception {
        fault("ConfigInstanceDown", "ConfigAbsent");
        second.context().close();
        fires("ConfigInstanceDown", second);
        first.context().close();
        fires("ConfigAbsent");
    }

    private void fault(String... alerts) {
        faulty = Instant.now();
        for (String alert : alerts) {
            assertThat(prometheus.firing(alert)).as(alert).isEmpty();
            faults.put(alert, faulty);
        }
    }

    private void fires(String alert, Instance... at) {
        Set<String> expected = at.length == 0
                ? Set.of("")
                : Stream.of(at).map(Instance::address).collect(Collectors.toSet());
        await(alert + " fires")
                .atMost(LONG)
                .untilAsserted(() -> assertThat(prometheus.fired(alert, faulty)).isEqualTo(expected));
    }

    private void silent(String alert) {
        await(alert + " is silent again")
                .atMost(LONG)
                .until(() -> prometheus.firing(alert).isEmpty());
    }

    /** Evaluates what the dashboard has not shown yet. */
    private void look() {
        unseen.removeIf(expression -> prometheus
                .query(Prometheus.faster(expression
                        .replace("$__rate_interval", "5m")
                        .replace("$job", ".*")
                        .replace("$instance", ".*")))
                .values()
                .stream()
                .anyMatch(Double::isFinite));
    }

    private double reconnects() {
        return first.context()
                .getBean(MeterRegistry.class)
                .get("config.watch.reconnects")
                .functionCounter()
                .count();
    }

    private void useBoth() {
        try {
            post("app/color", "{\"value\":\"#" + (100_000 + changes++) + "\"}");
            for (Instance instance : List.of(first, second)) {
                body(instance, "/price/apple");
                body(instance, "/price/none");
            }
        } catch (IOException e) {
            // An instance that has ended.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Instance startInstance(String name) {
        SpringApplication application = new SpringApplication(ObservabilityApplication.class);
        application.setRegisterShutdownHook(false);
        application.addInitializers(context ->
                ((GenericApplicationContext) context).registerBean("spans", SpanExporter.class, () -> spans));
        ConfigurableApplicationContext context = application.run(
                "--server.port=0",
                "--server.address=127.0.0.1",
                "--spring.datasource.url=jdbc:postgresql://127.0.0.1:" + port + "/postgres",
                "--spring.datasource.username=" + name,
                "--spring.datasource.hikari.connection-timeout=500",
                "--config.store.postgres.poll-interval=3s",
                "--config.watch.last-retry=500ms",
                "--config.outbox.enabled=true",
                "--config.outbox.directory=" + directory.resolve("outbox-" + name),
                "--management.opentelemetry.tracing.export.schedule-delay=200ms");
        return new Instance(context, "127.0.0.1:" + context.getEnvironment().getRequiredProperty("local.server.port"));
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

    /** Runs statements and returns the first column of the first row, if there is one. */
    private String sql(String statements) throws SQLException {
        try (Connection connection = database.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement()) {
            if (!statement.execute(statements)) {
                return "";
            }
            try (ResultSet row = statement.getResultSet()) {
                return row.next() ? row.getString(1) : "";
            }
        }
    }

    private int post(String key, String body) throws IOException, InterruptedException {
        HttpResponse<String> answer = client.send(
                request(first, "/actuator/config/_/" + key)
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body))
                        .build(),
                BodyHandlers.ofString());
        return answer.statusCode();
    }

    private String body(Instance instance, String path) throws IOException, InterruptedException {
        return client.send(request(instance, path).build(), BodyHandlers.ofString())
                .body();
    }

    private static HttpRequest.Builder request(Instance instance, String path) {
        return HttpRequest.newBuilder(URI.create("http://" + instance.address() + path));
    }
}
