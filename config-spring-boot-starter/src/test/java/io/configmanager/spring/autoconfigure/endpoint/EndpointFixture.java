// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import io.configmanager.spring.autoconfigure.ConfigStoreAutoConfiguration;
import io.configmanager.spring.autoconfigure.SwitchableStore;
import io.configmanager.store.ConfigStore;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.convert.ApplicationConversionService;
import org.springframework.boot.test.context.assertj.AssertableWebApplicationContext;
import org.springframework.boot.test.context.runner.ContextConsumer;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;
import org.springframework.boot.tomcat.autoconfigure.servlet.TomcatServletWebServerAutoConfiguration;
import org.springframework.boot.web.server.servlet.context.AnnotationConfigServletWebServerApplicationContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** An application with the endpoint, asked over real HTTP. */
abstract class EndpointFixture {

    static final String MASKED = "******";

    final HttpClient client = HttpClient.newHttpClient();
    final JsonMapper json = JsonMapper.builder().build();
    final SwitchableStore store = new SwitchableStore();
    final WebApplicationContextRunner runner = new WebApplicationContextRunner(
                    AnnotationConfigServletWebServerApplicationContext::new)
            .withConfiguration(AutoConfigurations.of(
                    TomcatServletWebServerAutoConfiguration.class,
                    org.springframework.boot.webmvc.autoconfigure.DispatcherServletAutoConfiguration.class,
                    org.springframework.boot.webmvc.autoconfigure.WebMvcAutoConfiguration.class,
                    org.springframework.boot.webmvc.autoconfigure.error.ErrorMvcAutoConfiguration.class,
                    org.springframework.boot.http.converter.autoconfigure.HttpMessageConvertersAutoConfiguration.class,
                    org.springframework.boot.jackson.autoconfigure.JacksonAutoConfiguration.class,
                    org.springframework.boot.actuate.autoconfigure.endpoint.EndpointAutoConfiguration.class,
                    org.springframework.boot.actuate.autoconfigure.endpoint.web.WebEndpointAutoConfiguration.class,
                    org.springframework.boot.actuate.autoconfigure.endpoint.jackson.JacksonEndpointAutoConfiguration
                            .class,
                    org.springframework.boot.actuate.autoconfigure.web.server.ManagementContextAutoConfiguration.class,
                    ConfigValueAutoConfiguration.class,
                    ConfigStoreAutoConfiguration.class,
                    ConfigManagerAutoConfiguration.class,
                    ConfigEndpointAutoConfiguration.class))
            // As SpringApplication does, so that "read-only" is an Access.
            .withInitializer(
                    context -> context.getEnvironment().setConversionService(new ApplicationConversionService()))
            .withPropertyValues(
                    "server.port=0",
                    "management.endpoints.web.exposure.include=*",
                    "management.endpoint.config.show-values=always",
                    "config.value.maximum-size=1KB")
            .withBean(ConfigStore.class, store::store);
    final WebApplicationContextRunner writable =
            runner.withPropertyValues("management.endpoint.config.access=unrestricted");

    record Answer(int status, String type, @Nullable JsonNode body) {}

    static void assertProblem(Answer answer, int status, String detail) {
        assertThat(answer.status()).isEqualTo(status);
        assertThat(answer.type()).isEqualTo("application/problem+json");
        assertThat(answer.body().propertyNames()).startsWith("type", "title", "status", "detail");
        assertThat(text(answer, "type")).startsWith("urn:config:problem:");
        assertThat(text(answer, "status")).isEqualTo(Integer.toString(status));
        assertThat(text(answer, "detail")).contains(detail);
    }

    static String text(Answer answer, String member) {
        return answer.body().get(member).asString();
    }

    interface Check {
        void on(AssertableWebApplicationContext context, Http http) throws Exception;
    }

    final ContextConsumer<AssertableWebApplicationContext> on(Check check) {
        return context -> {
            check.on(context, http(context, "/actuator/config"));
        };
    }

    final Http http(AssertableWebApplicationContext context, String path) {
        assertThat(context).hasNotFailed();
        int port = context.getSourceApplicationContext(AnnotationConfigServletWebServerApplicationContext.class)
                .getWebServer()
                .getPort();
        return new Http(port, path);
    }

    final class Http {

        private final String base;

        Http(int port, String path) {
            this.base = "http://127.0.0.1:" + port + path;
        }

        Answer get(String path) throws IOException, InterruptedException {
            return send("GET", path, null, null);
        }

        Answer delete(String path) throws IOException, InterruptedException {
            return send("DELETE", path, null, null);
        }

        Answer post(String path, String body) throws IOException, InterruptedException {
            return send("POST", path, "application/json", body);
        }

        Answer send(String method, String path, @Nullable String type, @Nullable String body)
                throws IOException, InterruptedException {
            HttpRequest.Builder request = HttpRequest.newBuilder(
                            URI.create(base + (path.isEmpty() || path.startsWith("?") ? "" : "/") + path))
                    .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
            if (type != null) {
                request.header("Content-Type", type);
            }
            HttpResponse<String> response = client.send(request.build(), BodyHandlers.ofString());
            String contentType = response.headers().firstValue("Content-Type").orElse("");
            return new Answer(
                    response.statusCode(),
                    contentType,
                    contentType.contains("json") ? json.readTree(response.body()) : null);
        }
    }
}
