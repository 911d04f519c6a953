// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The Prometheus that is installed on this machine, with the real files of this sample in which time runs faster. */
final class Prometheus {

    /** What is a minute in the files takes two seconds here. */
    private static final int FASTER = 30;

    private static final Pattern DURATION = Pattern.compile("(for: |\\[|offset )(\\d+)([smh])");
    private static final Duration LONG = Duration.ofSeconds(60);

    private final HttpClient client = HttpClient.newHttpClient();
    private final Process process;
    private final int port;

    private Prometheus(Process process, int port) {
        this.process = process;
        this.port = port;
    }

    /** @param instead what stands in the rules, and what to write there before durations become shorter */
    static Prometheus start(Path directory, List<String> targets, Map<String, String> instead) throws IOException {
        String rules = Documents.text(Documents.PROMETHEUS.resolve("alerts.yml"));
        for (Map.Entry<String, String> threshold : instead.entrySet()) {
            assertThat(rules).containsOnlyOnce(threshold.getKey());
            rules = rules.replace(threshold.getKey(), threshold.getValue());
        }
        String config = Documents.text(Documents.PROMETHEUS.resolve("prometheus.yml"));
        assertThat(config).contains("[app-1:8080, app-2:8080]");
        config = config.replace("[app-1:8080, app-2:8080]", targets.toString()).replace("15s", "500ms");
        Files.writeString(directory.resolve("alerts.yml"), faster(rules));
        Files.writeString(directory.resolve("prometheus.yml"), config);

        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        Process process = new ProcessBuilder(
                        executable("prometheus"),
                        "--config.file=" + directory.resolve("prometheus.yml"),
                        "--storage.tsdb.path=" + directory.resolve("data"),
                        "--web.listen-address=127.0.0.1:" + port,
                        "--log.level=warn")
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("prometheus.log").toFile())
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        Prometheus started = new Prometheus(process, port);
        await().atMost(LONG).ignoreExceptions().until(() -> {
            assertThat(process.isAlive())
                    .as(() -> Documents.text(directory.resolve("prometheus.log")))
                    .isTrue();
            return started.get("/-/ready").statusCode() == 200;
        });
        return started;
    }

    /** Runs promtool where the files are, and expects that it is content. */
    static String promtool(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(executable("promtool")));
        command.addAll(List.of(arguments));
        Process tool = new ProcessBuilder(command)
                .directory(Documents.PROMETHEUS.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(tool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(tool.waitFor()).as(output).isZero();
        return output;
    }

    private static String executable(String name) {
        for (String directory : System.getenv("PATH").split(File.pathSeparator)) {
            Path candidate = Path.of(directory, name);
            if (Files.isExecutable(candidate)) {
                return candidate.toString();
            }
        }
        throw new AssertionError(
                name + " is not in the PATH. The dashboard and the alerts are tested against a real Prometheus:"
                        + " apt-get install -y --no-install-recommends prometheus, or brew install prometheus, or unpack"
                        + " https://prometheus.io/download/. To build without it: ./mvnw -pl '!samples/observability' verify");
    }

    /** Every duration of an expression or a rule, made shorter. */
    static String faster(String text) {
        return DURATION.matcher(text).replaceAll(match -> match.group(1) + millis(match) / FASTER + "ms");
    }

    private static long millis(MatchResult match) {
        long unit = switch (match.group(3)) {
            case "s" -> 1_000;
            case "m" -> 60_000;
            default -> 3_600_000;
        };
        return Long.parseLong(match.group(2)) * unit;
    }

    /** The series of the answer with their values. */
    Map<JsonNode, Double> query(String expression) {
        Map<JsonNode, Double> answer = new java.util.HashMap<>();
        tree("/api/v1/query?query=" + URLEncoder.encode(expression, StandardCharsets.UTF_8))
                .at("/data/result")
                .forEach(sample -> answer.put(
                        sample.get("metric"), number(sample.get("value").get(1).stringValue())));
        return answer;
    }

    /** Instances for which the alert fires now; {@code ""} stands for one that is about none. */
    Set<String> firing(String alert) {
        Set<String> instances = new TreeSet<>();
        tree("/api/v1/alerts").at("/data/alerts").forEach(one -> {
            if (one.at("/labels/alertname").stringValue().equals(alert)
                    && one.get("state").stringValue().equals("firing")) {
                instances.add(one.at("/labels/instance").asString(""));
            }
        });
        return instances;
    }

    /** Instances for which the alert has fired since then, if only for a moment. */
    Set<String> fired(String alert, Instant since) {
        long millis = Math.max(1, Duration.between(since, Instant.now()).toMillis());
        Set<String> instances = new TreeSet<>();
        query("max_over_time(ALERTS{alertstate=\"firing\",alertname=\"%s\"}[%dms])".formatted(alert, millis))
                .keySet()
                .forEach(labels -> instances.add(labels.at("/instance").asString("")));
        return instances;
    }

    /** When each alert fired for the first time, as Prometheus has recorded it. */
    Map<String, Instant> firstFired() {
        Map<String, Instant> first = new TreeMap<>();
        query("min by (alertname) (min_over_time(timestamp(ALERTS{alertstate=\"firing\"})[15m:500ms]))")
                .forEach((labels, seconds) -> first.put(
                        labels.get("alertname").stringValue(), Instant.ofEpochMilli((long) (seconds * 1_000))));
        return first;
    }

    /** What is wrong with a scrape; empty if all succeed. */
    String scrapeErrors() {
        StringBuilder errors = new StringBuilder();
        tree("/api/v1/targets")
                .at("/data/activeTargets")
                .forEach(target -> errors.append(target.get("lastError").stringValue()));
        return errors.toString();
    }

    /** What is wrong with a rule; empty if all were evaluated without an error. */
    List<String> ruleErrors() {
        List<String> errors = new ArrayList<>();
        tree("/api/v1/rules")
                .at("/data/groups")
                .forEach(group -> group.get("rules").forEach(rule -> {
                    if (!rule.get("health").stringValue().equals("ok")) {
                        errors.add(rule.toString());
                    }
                }));
        return errors;
    }

    private JsonNode tree(String path) {
        HttpResponse<String> answer = get(path);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return JsonMapper.shared().readTree(answer.body());
    }

    private HttpResponse<String> get(String path) {
        try {
            return client.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                            .build(),
                    BodyHandlers.ofString());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static double number(String text) {
        return switch (text) {
            case "+Inf" -> Double.POSITIVE_INFINITY;
            case "-Inf" -> Double.NEGATIVE_INFINITY;
            default -> Double.parseDouble(text);
        };
    }

    void stop() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(10, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
        }
    }
}
