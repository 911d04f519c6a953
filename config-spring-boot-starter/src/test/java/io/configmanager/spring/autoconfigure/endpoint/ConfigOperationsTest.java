// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Condition;
import io.configmanager.Config;
import io.configmanager.ConfigChange;
import io.configmanager.ConfigManager;
import io.configmanager.ValueType;
import io.configmanager.WriteOptions;
import io.configmanager.spring.ConfigListener;
import io.configmanager.spring.ConfigPrefix;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.Live;
import io.configmanager.store.Commit;
import io.configmanager.store.Operation;
import jakarta.validation.constraints.Max;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.context.annotation.Configuration;
import tools.jackson.databind.JsonNode;

/** What operators ask the endpoint beyond reading and writing an entry, over real HTTP. */
class ConfigOperationsTest extends EndpointFixture {

    static class Server {
        @ConfigValue(key = "server/threads", defaultValue = "8")
        int threads;

        @ConfigListener(keys = "server/threads")
        void resized(ConfigChange change) {}
    }

    @ConfigPrefix("server")
    record Limits(@DefaultValue("8") @Max(99) int threads) {}

    record UsesLimits(Live<Limits> limits) {}

    @ConfigPrefix("mail")
    @ConfigurationProperties("app.mail")
    record Mail(@DefaultValue("localhost") String host) {}

    @Configuration(proxyBeanMethods = false)
    @EnableConfigurationProperties(Mail.class)
    static class MailConfiguration {}

    record UsesMail(Live<Mail> mail) {}

    @Test
    void theOverviewSaysWhatEachTargetHasAndWhatItRejected() {
        writable.withBean(Server.class).withBean(UsesLimits.class).run(on((context, http) -> {
            http.post("_/server/threads", "{\"value\":16}");
            http.post("_/server/threads", "{\"value\":\"many\"}");
            await().untilAsserted(() ->
                    assertThat(binding(http.get(""), "Limits").has("lastError")).isTrue());

            JsonNode field = binding(http.get(""), "Server.threads");
            assertThat(field.get("key").stringValue()).isEqualTo("server/threads");
            assertThat(field.get("revision").asLong()).isEqualTo(1);
            assertThat(field.at("/lastRejection/revision").asLong()).isEqualTo(2);
            assertThat(field.at("/lastRejection/reason").stringValue()).startsWith("expected int");
            JsonNode group = binding(http.get(""), "Limits");
            assertThat(group.get("revision").asLong()).isEqualTo(1);
            assertThat(group.at("/lastRejection/revision").asLong()).isEqualTo(2);

            http.post("_/server/threads", "{\"value\":4}");
            await().untilAsserted(() -> assertThat(
                            binding(http.get(""), "Limits").get("revision").asLong())
                    .isEqualTo(3));
            JsonNode healed = binding(http.get(""), "Server.threads");
            assertThat(healed.has("lastError")).isFalse();
            assertThat(healed.at("/lastRejection/revision").asLong()).isEqualTo(2);
            JsonNode namespace = http.get("").body().at("/namespaces/0");
            assertThat(namespace.get("entries").intValue()).isEqualTo(1);
            assertThat(namespace.get("revision").asLong()).isEqualTo(3);
            assertThat(namespace.get("loading").stringValue()).isEqualTo("PRELOADED");
        }));
    }

    @Test
    void historyIsNewestFirstInPages() {
        writable.run(on((context, http) -> {
            http.post("_/a/b?author=alice", "{\"value\":{\"x\":1},\"comment\":\"first\"}");
            http.post("_/a/b", "{\"value\":2}");
            http.delete("_/a/b?comment=gone&author=bob");

            JsonNode history = http.get("_/a/b?history=true").body();
            assertThat(history.propertyNames()).containsExactly("namespace", "key", "versions", "cursor");
            assertThat(history.get("versions"))
                    .extracting(line ->
                            line.get("version").asInt() + " " + line.get("kind").stringValue())
                    .containsExactly("3 DELETE", "2 PUT", "1 PUT");
            assertThat(history.at("/versions/0/comment").stringValue()).isEqualTo("gone");
            assertThat(history.at("/versions/0/author").stringValue()).isEqualTo("bob");
            assertThat(history.at("/versions/0").has("value")).isFalse();
            assertThat(history.at("/versions/1/value").intValue()).isEqualTo(2);
            assertThat(history.at("/versions/2/value/x").intValue()).isEqualTo(1);
            assertThat(history.at("/versions/2/author").stringValue()).isEqualTo("alice");
            assertThat(history.at("/versions/2/revision").intValue()).isEqualTo(1);
            assertThat(Instant.parse(history.at("/versions/2/at").stringValue()))
                    .isAfter(Instant.EPOCH);

            Answer first = http.get("_/a/b?history=true&limit=2");
            assertThat(first.body().get("versions")).hasSize(2);
            JsonNode last = http.get("_/a/b?history=true&limit=2&cursor=" + text(first, "cursor"))
                    .body();
            assertThat(last.get("versions")).hasSize(1);
            assertThat(last.get("cursor").stringValue()).isEmpty();

            assertProblem(http.get("_/nope?history=true"), 404, "No value for key 'nope'");
            assertProblem(http.get("_/a/b?history=true&limit=1001"), 400, "limit");
            assertProblem(http.get("_/a/b?history=true&cursor=x"), 400, "cursor");
            assertProblem(http.get("_/a/b?history=maybe"), 400, "true or false");
            assertProblem(http.get("_/a/b?history=true&explain=true"), 400, "exclude");
            http.post("other/x", "{\"value\":1}");
            assertThat(http.get("other/x?history=true").body().get("versions")).hasSize(1);
        }));
    }

    /** What could be meant in two ways is refused, and stores nothing. */
    @Test
    void whatIsNotSaidInOnePlaceIsRefused() {
        writable.run(on((context, http) -> {
            http.post("_/a", "{\"value\":1}");
            for (String query : List.of("version=1", "create=true", "secret=true", "rollback=1", "ttl=1m")) {
                assertThat(http.post("_/a?" + query, "{\"value\":2}").status())
                        .as(query)
                        .isEqualTo(400);
            }
            for (String body : List.of(
                    "{\"value\":2,\"value\":3}",
                    "{\"value\":2,\"secret\":true,\"secret\":false}",
                    "{\"value\":1e99999999999}",
                    "{\"value\":2,\"comment\":\"" + "x".repeat(4_097) + "\"}",
                    "{\"value\":2,\"author\":\"" + "x".repeat(256) + "\"}")) {
                assertThat(http.post("_/a", body).status()).as(body).isEqualTo(400);
            }
            assertThat(http.post("_/a?dryRun=false", "{\"value\":2,\"dryRun\":true}")
                            .status())
                    .isEqualTo(400);
            assertThat(http.get("_?changes=true&since=-1h").status()).isEqualTo(400);
            assertThat(text(http.get("_/a"), "value")).isEqualTo("1");
        }));
    }

    @Test
    void noVersionOfAKeyThatWasEverASecretIsShown() {
        writable.run(on((context, http) -> {
            http.post("_/later", "{\"value\":\"hunter2\"}");
            http.post("_/later", "{\"value\":\"x\",\"secret\":true}");
            http.post("_/earlier", "{\"value\":\"hunter2\",\"secret\":true}");
            http.delete("_/earlier");
            http.post("_/earlier", "{\"value\":\"plain\"}");
            assertThat(text(http.get("_/earlier"), "value")).isEqualTo("plain");

            for (String query : List.of("history=true", "history=true&limit=1", "explain=true")) {
                assertThat(http.get("_/later?" + query).body().toString()).doesNotContain("hunter2");
                assertThat(http.get("_/earlier?" + query).body().toString()).doesNotContain("hunter2");
            }
            assertThat(http.get("_/later?history=true").body().get("versions"))
                    .allSatisfy(
                            line -> assertThat(line.get("value").stringValue()).isEqualTo(MASKED));
        }));
        runner.withPropertyValues("management.endpoint.config.show-values=never")
                .run(on((context, http) -> {
                    context.getBean(Config.class).set("x", "top");
                    assertThat(http.get("_/x?history=true")
                                    .body()
                                    .at("/versions/0/value")
                                    .stringValue())
                            .isEqualTo(MASKED);
                }));
    }

    @Test
    void changesOfANamespace() {
        writable.run(on((context, http) -> {
            http.post("_/a?author=alice", "{\"value\":1,\"comment\":\"why\"}");
            http.post("_/b", "{\"value\":\"hunter2\",\"secret\":true}");
            http.delete("_/a");
            http.post("other/x", "{\"value\":1}");

            Answer all = http.get("_?changes=true&since=1h");
            assertThat(all.body().propertyNames()).containsExactly("namespace", "since", "changes", "cursor");
            assertThat(all.body().get("changes"))
                    .extracting(line -> line.get("key").stringValue() + " "
                            + line.get("kind").stringValue() + " "
                            + line.get("version").asInt())
                    .containsExactly("a DELETE 2", "b PUT 1", "a PUT 1");
            assertThat(all.body().at("/changes/2/author").stringValue()).isEqualTo("alice");
            assertThat(all.body().at("/changes/2/comment").stringValue()).isEqualTo("why");
            assertThat(all.body().at("/changes/2/revision").intValue()).isEqualTo(1);
            assertThat(all.body().toString()).doesNotContain("value").doesNotContain("hunter2");
            assertThat(http.get("_?changes=true").body().get("changes")).hasSize(3);

            Answer first = http.get("_?changes=true&limit=2");
            JsonNode second = http.get("_?changes=true&limit=2&cursor=" + text(first, "cursor"))
                    .body();
            assertThat(second.at("/changes/0/version").intValue()).isEqualTo(1);
            assertThat(second.get("cursor").stringValue()).isEmpty();
            String later = Instant.now().plusSeconds(60).toString();
            assertThat(http.get("_?changes=true&since=" + later).body().get("changes"))
                    .isEmpty();
            assertThat(http.get("_?changes=true&since="
                                    + all.body().at("/changes/0/at").stringValue())
                            .body()
                            .get("changes"))
                    .isNotEmpty();
            assertThat(http.get("other?changes=true").body().get("changes")).hasSize(1);

            for (String wrong : List.of("soon", "-", "999999999999h", "1h:", "1960-01-01T00:00:00Z")) {
                assertProblem(http.get("_?changes=true&since=" + wrong), 400, "since");
            }
            assertProblem(http.get("_?since=1h"), 400, "needs 'changes=true'");
            assertProblem(http.get("_?changes=true&prefix=a"), 400, "exclude");
            assertProblem(http.get("_?changes=true&limit=0"), 400, "limit");
            assertProblem(http.get("_?changes=true&cursor=x"), 400, "cursor");
        }));
    }

    @Test
    void aRollbackStoresAnOldValueAsANewVersion() {
        writable.withBean(Server.class).run(on((context, http) -> {
            http.post("_/server/threads", "{\"value\":16}");
            http.post("_/server/threads", "{\"value\":32}");

            Answer answer = http.post("_/server/threads?author=alice", "{\"rollback\":1,\"version\":2}");

            assertThat(answer.status()).isEqualTo(200);
            assertThat(text(answer, "value")).isEqualTo("16");
            assertThat(text(answer, "version")).isEqualTo("3");
            assertThat(text(answer, "author")).isEqualTo("alice");
            assertThat(context.getBean(Server.class).threads).isEqualTo(16);
            assertThat(http.get("_/server/threads?history=true")
                            .body()
                            .at("/versions/0/comment")
                            .stringValue())
                    .isEqualTo("rollback to version 1");

            assertProblem(http.post("_/server/threads", "{\"rollback\":1,\"version\":2}"), 409, "expected version 2");
            http.delete("_/server/threads");
            assertThat(http.post("_/server/threads", "{\"rollback\":2,\"create\":true,\"comment\":\"undo\"}")
                            .status())
                    .isEqualTo(200);
            Answer removal = http.post("_/server/threads", "{\"rollback\":4}");
            assertProblem(removal, 409, "Version 4 is the removal of the key");
            assertThat(text(removal, "newestVersion")).isEqualTo("5");
            assertProblem(http.post("_/server/threads", "{\"rollback\":9}"), 404, "no version 9 yet; the newest is 5");
            assertProblem(http.post("_/nope", "{\"rollback\":1}"), 404, "No value for key 'nope'");
            assertProblem(http.post("_/server/threads", "{\"rollback\":0}"), 400, "versions start at 1");
            assertProblem(http.post("_/server/threads", "{\"rollback\":\"1\"}"), 400, "'rollback'");
            assertProblem(http.post("_/server/threads", "{\"rollback\":1,\"value\":2}"), 400, "exclude");

            store.memory.compact();
            Answer forgotten = http.post("_/server/threads", "{\"rollback\":1}");
            assertProblem(forgotten, 404, "older than the history that the store keeps");
            assertThat(text(forgotten, "type")).isEqualTo("urn:config:problem:forgotten-version");
        }));
    }

    @Test
    void aRollbackKeepsSecretsAndHowTheyWereEncoded() {
        writable.run(on((context, http) -> {
            Config config = context.getBean(Config.class);
            store.memory.commit(Commit.of(
                    List.of(new Operation.Put(
                            "", "raw", "{\"a\":   1}", "json", ValueType.OBJECT, null, Condition.ALWAYS)),
                    null,
                    null));
            config.delete("raw");
            assertThat(http.post("_/raw", "{\"rollback\":1}").status()).isEqualTo(200);
            assertThat(config.latest("raw").orElseThrow().value()).isEqualTo("{\"a\":   1}");

            config.set("password", "hunter2");
            config.set("password", "other", WriteOptions.DEFAULT.asSecret());
            config.delete("password");
            Answer dry = http.post("_/password", "{\"rollback\":1,\"dryRun\":true}");
            Answer restored = http.post("_/password", "{\"rollback\":1}");
            assertThat(dry.body().at("/entry/value").stringValue()).isEqualTo(MASKED);
            assertThat(text(restored, "value")).isEqualTo(MASKED);
            assertThat(text(restored, "type")).isEqualTo("secret");
            assertThat(config.get("password", String.class)).isEqualTo("hunter2");
        }));
    }

    @Test
    void aDryRunStoresNothingAndSaysWhoWouldRejectIt() {
        writable.withBean(Server.class).withBean(UsesLimits.class).run(on((context, http) -> {
            http.post("_/server/threads", "{\"value\":16}");
            http.post("_/server/threads", "{\"value\":32}");
            Config config = context.getBean(Config.class);
            await().until(() -> context.getBean(UsesLimits.class).limits().get().threads() == 32);

            JsonNode good = http.post("_/server/threads", "{\"value\":64,\"dryRun\":true}")
                    .body();
            assertThat(good.get("dryRun").booleanValue()).isTrue();
            assertThat(good.get("accepted").booleanValue()).isTrue();
            assertThat(good.at("/entry/version").intValue()).isEqualTo(3);
            assertThat(good.at("/entry/value").intValue()).isEqualTo(64);
            assertThat(good.get("targets"))
                    .extracting(target -> target.get("target").stringValue())
                    .hasSize(2)
                    .anyMatch(target -> target.endsWith("Server.threads"))
                    .contains("Limits");
            assertThat(good.get("listeners"))
                    .extracting(JsonNode::stringValue)
                    .containsExactly(Server.class.getName() + ".resized");

            JsonNode tooMany =
                    http.post("_/server/threads?dryRun=true", "{\"value\":100}").body();
            assertThat(tooMany.get("accepted").booleanValue()).isFalse();
            assertThat(trial(tooMany, "Server.threads").get("accepted").booleanValue())
                    .isTrue();
            assertThat(trial(tooMany, "Limits").get("rejection").stringValue())
                    .isEqualTo("server/threads: must be less than or equal to 99");
            JsonNode wrong = http.post("_/server/threads", "{\"value\":\"hunter2\",\"secret\":true,\"dryRun\":true}")
                    .body();
            assertThat(trial(wrong, "Server.threads").get("rejection").stringValue())
                    .isEqualTo("expected int, found a text that does not fit it");
            assertThat(trial(wrong, "Limits").get("accepted").booleanValue()).isFalse();
            assertThat(wrong.at("/entry/value").stringValue()).isEqualTo(MASKED);
            assertThat(wrong.toString()).doesNotContain("hunter2");
            assertThat(http.post("_/server/threads", "{\"rollback\":1,\"dryRun\":true}")
                            .body()
                            .at("/entry/value")
                            .intValue())
                    .isEqualTo(16);
            JsonNode removed =
                    http.delete("_/server/threads?dryRun=true&version=2").body();
            assertThat(removed.get("accepted").booleanValue()).isTrue();
            assertThat(removed.has("entry")).isFalse();

            assertProblem(http.post("_/server/threads", "{\"value\":1,\"version\":1,\"dryRun\":true}"), 409, "version");
            assertProblem(http.delete("_/server/threads?dryRun=true&version=1"), 409, "expected version 1");
            assertProblem(http.delete("_/nope?dryRun=true"), 404, "No value");
            assertProblem(http.post("_/x", "{\"value\":1,\"dryRun\":\"yes\"}"), 400, "'dryRun'");
            assertProblem(http.post("_/x?dryRun=yes", "{\"value\":1}"), 400, "true or false");
            assertProblem(
                    http.post("_/x", "{\"dryRun\":true,\"value\":\"" + "a".repeat(1500) + "\"}"), 400, "limit of 1024");

            assertThat(config.latest("server/threads").orElseThrow().version()).isEqualTo(2);
            assertThat(config.latest("x")).isEmpty();
            assertThat(context.getBean(Server.class).threads).isEqualTo(32);
            assertThat(context.getBean(UsesLimits.class).limits().get().threads())
                    .isEqualTo(32);
        }));
    }

    @Test
    void anExplanationNamesWhoWinsAndWhoHasIt() {
        writable.withBean(Server.class).withBean(UsesLimits.class).run(on((context, http) -> {
            JsonNode unset = http.get("_/server/threads?explain=true").body();
            assertThat(unset.get("winner").stringValue()).isEqualTo("NONE");
            assertThat(unset.has("entry")).isFalse();
            assertThat(trial(unset, "Server.threads").get("shows").stringValue())
                    .isEqualTo("DEFAULT");

            http.post("_/server/threads?author=alice", "{\"value\":16,\"comment\":\"load\"}");
            JsonNode stored = http.get("_/server/threads?explain=true").body();
            assertThat(stored.get("winner").stringValue()).isEqualTo("STORED");
            assertThat(stored.at("/entry/value").intValue()).isEqualTo(16);
            assertThat(stored.at("/inStore/revision").intValue()).isEqualTo(1);
            assertThat(stored.at("/lastChange/author").stringValue()).isEqualTo("alice");
            assertThat(stored.at("/lastChange/comment").stringValue()).isEqualTo("load");
            assertThat(trial(stored, "Server.threads").get("shows").stringValue())
                    .isEqualTo("STORED");
            assertThat(trial(stored, "Server.threads").get("revision").intValue())
                    .isEqualTo(1);
            assertThat(stored.get("listeners")).hasSize(1);

            http.post("_/server/threads", "{\"value\":\"many\"}");
            await().untilAsserted(() -> assertThat(
                            trial(http.get("_/server/threads?explain=true").body(), "Limits")
                                    .get("shows")
                                    .stringValue())
                    .isEqualTo("LAST_GOOD"));
            JsonNode bad = http.get("_/server/threads?explain=true").body();
            assertThat(trial(bad, "Server.threads")
                            .at("/lastRejection/revision")
                            .intValue())
                    .isEqualTo(2);
            assertThat(trial(bad, "Server.threads").get("revision").intValue()).isEqualTo(1);

            http.delete("_/server/threads?author=bob");
            JsonNode gone = http.get("_/server/threads?explain=true").body();
            assertThat(gone.at("/lastChange/kind").stringValue()).isEqualTo("DELETE");
            assertThat(gone.at("/lastChange/author").stringValue()).isEqualTo("bob");

            http.post("other/x", "{\"value\":1}");
            JsonNode elsewhere = http.get("other/x?explain=true").body();
            assertThat(elsewhere.has("winner")).isFalse();
            assertThat(elsewhere.at("/inStore/value").intValue()).isEqualTo(1);
            assertThat(context.getBean(ConfigManager.class).activeNamespaces()).hasSize(1);

            store.goAway();
            JsonNode away = http.get("_/server/threads?explain=true").body();
            assertThat(away.get("storeProblem").stringValue()).contains("said goodbye");
        }));
    }

    @Test
    void propertiesOfTheJvmWinOverEntriesForTypesThatAreBoundToThem() {
        writable.withUserConfiguration(MailConfiguration.class)
                .withBean(UsesMail.class)
                .withSystemProperties("app.mail.host=from-the-jvm")
                .run(on((context, http) -> {
                    http.post("_/mail/host", "{\"value\":\"stored\"}");
                    JsonNode explained = http.get("_/mail/host?explain=true").body();
                    assertThat(explained.get("winner").stringValue()).isEqualTo("STORED");
                    assertThat(explained.at("/properties/0/name").stringValue()).isEqualTo("app.mail.host");
                    assertThat(explained.at("/properties/0/winner").stringValue())
                            .isEqualTo("systemProperties");
                    assertThat(trial(explained, "Mail").get("shows").stringValue())
                            .isEqualTo("PROPERTY");
                    assertThat(context.getBean(UsesMail.class).mail().get().host())
                            .isEqualTo("from-the-jvm");
                    assertThat(explained.toString()).doesNotContain("from-the-jvm");
                }));
        writable.withUserConfiguration(MailConfiguration.class)
                .withBean(UsesMail.class)
                .withPropertyValues("app.mail.host=below")
                .run(on((context, http) -> {
                    JsonNode unset = http.get("_/mail/host?explain=true").body();
                    assertThat(trial(unset, "Mail").get("shows").stringValue()).isEqualTo("PROPERTY");
                }));
    }

    @Test
    void aQueuedWriteWinsUntilTheStoreHasIt(@TempDir Path directory) {
        writable.withPropertyValues("config.outbox.enabled=true", "config.outbox.directory=" + directory)
                .withBean(Server.class)
                .run(on((context, http) -> {
                    http.post("_/server/threads", "{\"value\":16}");
                    store.goAway();
                    assertThat(http.post("_/server/threads?author=alice", "{\"value\":32}")
                                    .status())
                            .isEqualTo(202);
                    JsonNode queued = http.get("_/server/threads?explain=true").body();
                    assertThat(queued.get("winner").stringValue()).isEqualTo("QUEUED");
                    assertThat(queued.at("/entry/value").intValue()).isEqualTo(32);
                    assertThat(queued.at("/stored/value").intValue()).isEqualTo(16);
                    assertThat(queued.at("/queued/0/state").stringValue()).isEqualTo("PENDING");
                    assertThat(queued.at("/queued/0/author").stringValue()).isEqualTo("alice");
                    assertThat(trial(queued, "Server.threads").get("shows").stringValue())
                            .isEqualTo("STORED");

                    assertThat(http.delete("_/server/threads").status()).isEqualTo(202);
                    JsonNode removed = http.get("_/server/threads?explain=true").body();
                    assertThat(removed.get("winner").stringValue()).isEqualTo("QUEUED");
                    assertThat(removed.has("entry")).isFalse();
                    assertThat(removed.at("/stored/value").intValue()).isEqualTo(16);
                    store.comeBack();
                }));
    }

    private static JsonNode binding(Answer overview, String target) {
        return named(overview.body().get("bindings"), target);
    }

    private static JsonNode trial(JsonNode answer, String target) {
        return named(answer.get("targets"), target);
    }

    private static JsonNode named(JsonNode targets, String name) {
        JsonNode found = null;
        for (@Nullable JsonNode target : targets) {
            if (target != null && target.get("target").stringValue().endsWith(name)) {
                found = target;
            }
        }
        assertThat(found).as("target %s in %s", name, targets).isNotNull();
        return found;
    }
}
