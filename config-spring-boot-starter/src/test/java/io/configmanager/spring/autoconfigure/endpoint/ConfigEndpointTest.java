// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigNames;
import io.configmanager.NamespaceStatus;
import io.configmanager.WriteOptions;
import io.configmanager.spring.ConfigValue;
import jakarta.servlet.Filter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import java.security.Principal;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.boot.actuate.endpoint.SanitizingFunction;
import org.springframework.boot.test.context.assertj.AssertableWebApplicationContext;
import org.springframework.boot.test.context.runner.ContextConsumer;
import org.springframework.boot.web.server.servlet.context.AnnotationConfigServletWebServerApplicationContext;
import tools.jackson.databind.JsonNode;

/** The endpoint over real HTTP. */
class ConfigEndpointTest extends EndpointFixture {

    @Test
    void aWriteIsAnsweredWithTheStoredEntryAndShownAtOnce() {
        writable.withBean(Greeter.class).run(on((context, http) -> {
            Answer answer = http.post("_/app/greeting?author=alice", """
                    {"value": "Bonjour", "comment": "for the French"}""");

            assertThat(answer.status()).isEqualTo(200);
            assertThat(answer.type()).isEqualTo("application/json");
            assertThat(answer.body().propertyNames())
                    .containsExactly(
                            "namespace",
                            "key",
                            "value",
                            "type",
                            "version",
                            "revision",
                            "createdAt",
                            "updatedAt",
                            "author");
            assertThat(text(answer, "namespace")).isEmpty();
            assertThat(text(answer, "key")).isEqualTo("app/greeting");
            assertThat(text(answer, "value")).isEqualTo("Bonjour");
            assertThat(text(answer, "type")).isEqualTo("string");
            assertThat(text(answer, "version")).isEqualTo("1");
            assertThat(text(answer, "revision")).isEqualTo("1");
            assertThat(text(answer, "author")).isEqualTo("alice");
            assertThat(context.getBean(Greeter.class).greeting).isEqualTo("Bonjour");
            assertThat(http.get("_/app/greeting").body()).isEqualTo(answer.body());
            assertThat(context.getBean(Config.class)
                            .history("app/greeting", 1, null)
                            .items()
                            .get(0)
                            .comment())
                    .isEqualTo("for the French");
        }));
    }

    @Test
    void anyJsonIsAValue() {
        writable.run(on((context, http) -> {
            for (String value :
                    List.of("5", "1.50", "true", "\"5\"", "[1,\"a\",{\"b\":null}]", "{\"a\":{\"b\":[1]}}")) {
                assertThat(http.post("_/x", "{\"value\":" + value + "}").body().get("value"))
                        .isEqualTo(json.readTree(value));
            }
            assertThat(http.post("_/x", "{\"value\":5}").body().get("type").stringValue())
                    .isEqualTo("integer");
            assertThat(context.getBean(Config.class).get("x", Integer.class)).isEqualTo(5);
        }));
    }

    @Test
    void conditions() {
        writable.run(on((context, http) -> {
            http.post("_/x", "{\"value\":1}");
            assertThat(http.post("_/x", "{\"value\":2,\"version\":1}").status()).isEqualTo(200);

            Answer conflict = http.post("_/x", "{\"value\":3,\"version\":1}");
            assertProblem(conflict, 409, "the write expected version 1, but the key has version 2");
            assertThat(text(conflict, "namespace")).isEmpty();
            assertThat(text(conflict, "key")).isEqualTo("x");
            assertThat(text(conflict, "expectedVersion")).isEqualTo("1");
            assertThat(text(conflict, "actualVersion")).isEqualTo("2");

            Answer exists = http.post("_/x", "{\"value\":3,\"create\":true}");
            assertProblem(exists, 409, "expected the key to be absent");
            assertThat(text(exists, "actualVersion")).isEqualTo("2");

            assertProblem(http.delete("_/x?version=1"), 409, "expected version 1");
            assertThat(http.delete("_/x?version=2").status()).isEqualTo(204);
            assertThat(context.getBean(Config.class).entry("x")).isEmpty();
            assertProblem(http.delete("_/x"), 404, "No value for key 'x'");
            assertThat(http.post("_/x", "{\"value\":3,\"create\":true}").status())
                    .isEqualTo(200);
        }));
    }

    @Test
    void invalidNamesAreRefusedWithTheRule() {
        writable.run(on((context, http) -> {
            for (String key : List.of("a%20b", "a//b", "a..b", "a/", "x".repeat(ConfigNames.MAX_KEY_LENGTH + 1))) {
                assertProblem(http.post("_/" + key, "{\"value\":1}"), 400, "Invalid key");
            }
            assertProblem(http.get("_/a%20b"), 400, "only A-Z a-z 0-9 _ . - / are allowed");
            assertProblem(http.delete("_/a%20b"), 400, "only A-Z a-z 0-9 _ . - / are allowed");
            assertProblem(http.post("-x/a", "{\"value\":1}"), 400, "must start with a letter or digit");
            assertProblem(http.get("internal:x"), 400, "reserved");
            assertProblem(http.get("internal:x/a"), 400, "reserved");
        }));
    }

    @Test
    void bodiesThatAreWrongAreRefusedWithTheReason() {
        writable.run(on((context, http) -> {
            assertProblem(http.post("_/x", "{\"value\":"), 400, "not JSON: line 1");
            assertProblem(http.post("_/x", "{\"value\":1} 2"), 400, "not JSON");
            assertProblem(http.post("_/x", "Bonjour"), 400, "not JSON");
            assertProblem(http.post("_/x", ""), 400, "must be a JSON object");
            assertProblem(http.post("_/x", "[1]"), 400, "must be a JSON object");
            assertProblem(http.post("_/x", "{}"), 400, "'value' is missing");
            assertProblem(http.post("_/x", "{\"value\":null}"), 400, "'value' is missing or null");
            assertProblem(http.post("_/x", "{\"value\":1,\"vesion\":1}"), 400, "'vesion' is unknown");
            assertProblem(http.post("_/x", "{\"value\":1,\"version\":\"1\"}"), 400, "'version'");
            assertProblem(http.post("_/x", "{\"value\":1,\"version\":0}"), 400, "versions start at 1");
            assertProblem(http.post("_/x", "{\"value\":1,\"ttl\":\"soon\"}"), 400, "ttl");
            assertProblem(http.post("_/x", "{\"value\":1,\"version\":1,\"create\":true}"), 400, "exclude");
            assertProblem(http.post("_/x", "{\"value\":\"" + "a".repeat(1500) + "\"}"), 400, "limit of 1024 bytes");
            assertProblem(
                    http.post("_/x", "{\"value\":\"" + "a".repeat(10 * 1024 * 1024) + "\"}"), 413, "maximum-size");
            assertThat(context.getBean(Config.class).entry("x")).isEmpty();
            assertThat(http.send("POST", "_/x", "text/plain", "x").status()).isEqualTo(415);
            assertThat(http.send("PUT", "_/x", "application/json", "{}").status())
                    .isEqualTo(405);
        }));
    }

    @Test
    void aTimeToLive() {
        writable.run(on((context, http) -> {
            assertThat(http.post("_/x", "{\"value\":1,\"ttl\":\"10m\"}").body().has("expiresAt"))
                    .isTrue();
            assertThat(http.post("_/x", "{\"value\":1,\"ttl\":\"0s\"}").body().has("expiresAt"))
                    .isFalse();
        }));
    }

    @Test
    void unknownKeysAndPages() {
        writable.run(on((context, http) -> {
            Config config = context.getBean(Config.class);
            config.set("app/a", 1);
            config.set("app/b", 2);
            config.set("other", 3);

            assertProblem(http.get("_/nope"), 404, "No value for key 'nope' in namespace ''");
            Answer all = http.get("_");
            assertThat(all.body().get("entries")).hasSize(3);
            assertThat(text(all, "cursor")).isEmpty();
            Answer first = http.get("_?prefix=app&limit=1");
            assertThat(first.body().at("/entries/0/key").stringValue()).isEqualTo("app/a");
            Answer second = http.get("_?prefix=app&limit=1&cursor=" + text(first, "cursor"));
            assertThat(second.body().at("/entries/0/key").stringValue()).isEqualTo("app/b");
            assertProblem(http.get("_?limit=many"), 400, "whole number");
            assertProblem(http.get("_?limit=0"), 400, "limit");
            assertProblem(http.get("_?limit=1001"), 400, "limit");
            assertProblem(http.get("_?cursor=nonsense"), 400, "cursor");
            assertProblem(http.get("_?prefix=a..b"), 400, "must not contain ..");
        }));
    }

    @Test
    void lookingAtANamespaceDoesNotMakeItActive() {
        writable.run(on((context, http) -> {
            assertThat(http.post("other/x", "{\"value\":1}").status()).isEqualTo(200);
            assertThat(http.get("other").body().get("entries")).hasSize(1);
            assertThat(text(http.get("other/x"), "value")).isEqualTo("1");
            assertThat(context.getBean(ConfigManager.class).activeNamespaces())
                    .extracting(NamespaceStatus::name)
                    .containsExactly("");
        }));
    }

    @Test
    void theOverview() {
        writable.withBean(Greeter.class).run(on((context, http) -> {
            http.post("_/app/greeting", "{\"value\":[1]}");
            JsonNode overview = http.get("").body();
            assertThat(overview.propertyNames())
                    .containsExactly("store", "status", "watch", "cache", "namespaces", "bindings");
            assertThat(overview.at("/watch/state").stringValue()).isEqualTo("LIVE");
            assertThat(overview.at("/cache/size").intValue()).isEqualTo(1);
            assertThat(overview.at("/namespaces/0/loading").stringValue()).isEqualTo("PRELOADED");
            assertThat(overview.at("/bindings/0/key").stringValue()).isEqualTo("app/greeting");
            assertThat(overview.at("/bindings/0/target").stringValue()).endsWith("Greeter.greeting");
            assertThat(overview.at("/bindings/0/follows").booleanValue()).isTrue();
        }));
    }

    @Test
    void secretsAreMaskedAlways() {
        writable.run(on((context, http) -> {
            context.getBean(Config.class).set("password", "hunter2", WriteOptions.DEFAULT.asSecret());
            Answer written = http.post("_/token", "{\"value\":\"hunter2\",\"secret\":true}");
            assertThat(text(written, "value")).isEqualTo(MASKED);
            assertThat(text(written, "type")).isEqualTo("secret");
            assertThat(text(http.get("_/token"), "value")).isEqualTo(MASKED);
            assertThat(http.get("_").body().toString()).doesNotContain("hunter2");
            assertThat(http.get("_/password").body().toString()).doesNotContain("hunter2");
        }));
    }

    @Test
    void valuesAreShownByTheRulesOfSpringBoot() {
        ContextConsumer<AssertableWebApplicationContext> hidden = on((context, http) -> {
            context.getBean(Config.class).set("x", 1);
            assertThat(text(http.get("_/x"), "value")).isEqualTo(MASKED);
            assertThat(http.get("_").body().at("/entries/0/value").stringValue())
                    .isEqualTo(MASKED);
        });
        runner.withPropertyValues("management.endpoint.config.show-values=never")
                .run(hidden);
        runner.withPropertyValues("management.endpoint.config.show-values=when-authorized")
                .run(hidden);
        runner.withPropertyValues("management.endpoint.config.show-values=when-authorized")
                .withBean(Filter.class, () -> signedInAs("alice"))
                .run(on((context, http) -> {
                    context.getBean(Config.class).set("x", 1);
                    assertThat(text(http.get("_/x"), "value")).isEqualTo("1");
                }));
        runner.withBean(
                        SanitizingFunction.class,
                        () -> data -> data.getKey().endsWith("pin") ? data.withSanitizedValue() : data)
                .run(on((context, http) -> {
                    context.getBean(Config.class).set("app/pin", 1);
                    assertThat(text(http.get("_/app/pin"), "value")).isEqualTo(MASKED);
                }));
    }

    @Test
    void theSignedInUserIsTheAuthor() {
        writable.withBean(Filter.class, () -> signedInAs("alice"))
                .run(on((context, http) -> assertThat(text(http.post("_/x?author=mallory", "{\"value\":1}"), "author"))
                        .isEqualTo("alice")));
    }

    @Test
    void readOnlyUnlessUnrestricted() {
        runner.run(on((context, http) -> {
            context.getBean(Config.class).set("x", 1);
            assertThat(http.get("_/x").status()).isEqualTo(200);
            assertThat(http.post("_/x", "{\"value\":2}").status()).isEqualTo(405);
            assertThat(http.post("_/x", "{\"value\":").status()).isEqualTo(405);
            assertThat(http.delete("_/x").status()).isEqualTo(405);
            assertThat(context.getBean(Config.class).get("x", Integer.class)).isEqualTo(1);
        }));
        writable.withPropertyValues("management.endpoints.access.max-permitted=read-only")
                .run(on((context, http) ->
                        assertThat(http.post("_/x", "{\"value\":2}").status()).isEqualTo(405)));
        runner.withPropertyValues("management.endpoint.config.access=none")
                .run(on((context, http) -> assertThat(http.get("").status()).isEqualTo(404)));
        writable.withPropertyValues("management.endpoints.web.exposure.include=health")
                .run(on((context, http) -> {
                    assertThat(http.get("").status()).isEqualTo(404);
                    assertThat(http.post("_/x", "{\"value\":2}").status()).isEqualTo(404);
                }));
        writable.withPropertyValues("config.enabled=false")
                .run(on((context, http) -> assertThat(http.get("").status()).isEqualTo(404)));
    }

    @Test
    void aStoreThatIsAwayIsSaidSo() {
        writable.run(on((context, http) -> {
            context.getBean(Config.class).set("x", 1);
            store.goAway();
            assertProblem(http.post("_/x", "{\"value\":2}"), 503, "The server said goodbye");
            assertProblem(http.get("other/x"), 503, "The server said goodbye");
            assertThat(text(http.get("_/x"), "value")).isEqualTo("1");
            context.getBean(ConfigManager.class).close();
            assertProblem(http.post("_/x", "{\"value\":2}"), 503, "closed");
        }));
    }

    @Test
    void otherBasePathsAndPorts() {
        writable.withPropertyValues(
                        "management.endpoints.web.base-path=/manage",
                        "management.endpoints.web.path-mapping.config=settings")
                .run(context -> {
                    Http http = new Http(
                            context.getSourceApplicationContext(
                                            AnnotationConfigServletWebServerApplicationContext.class)
                                    .getWebServer()
                                    .getPort(),
                            "/manage/settings");
                    assertThat(http.post("_/a/b", "{\"value\":{\"c\":1}}").status())
                            .isEqualTo(200);
                    assertThat(http.get("_/a/b").body().at("/value/c").intValue())
                            .isEqualTo(1);
                });
    }

    private static Filter signedInAs(String name) {
        return (request, response, chain) -> chain.doFilter(
                new HttpServletRequestWrapper((HttpServletRequest) request) {
                    @Override
                    public Principal getUserPrincipal() {
                        return () -> name;
                    }
                },
                response);
    }

    static class Greeter {
        @ConfigValue(key = "app/greeting", defaultValue = "Hello")
        String greeting = "";
    }
}
