// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.Config;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import io.configmanager.spring.autoconfigure.ConfigStoreAutoConfiguration;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.MemoryConfigStore;
import org.junit.jupiter.api.Test;
import org.springframework.boot.actuate.autoconfigure.endpoint.EndpointAutoConfiguration;
import org.springframework.boot.actuate.autoconfigure.endpoint.jackson.JacksonEndpointAutoConfiguration;
import org.springframework.boot.actuate.autoconfigure.endpoint.web.WebEndpointAutoConfiguration;
import org.springframework.boot.actuate.autoconfigure.web.server.ManagementContextAutoConfiguration;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.convert.ApplicationConversionService;
import org.springframework.boot.http.codec.autoconfigure.CodecsAutoConfiguration;
import org.springframework.boot.jackson.autoconfigure.JacksonAutoConfiguration;
import org.springframework.boot.test.context.runner.ReactiveWebApplicationContextRunner;
import org.springframework.boot.webflux.autoconfigure.HttpHandlerAutoConfiguration;
import org.springframework.boot.webflux.autoconfigure.WebFluxAutoConfiguration;
import org.springframework.context.ApplicationContext;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;
import org.springframework.http.server.reactive.HttpHandler;
import org.springframework.mock.http.server.reactive.MockServerHttpRequest;
import org.springframework.mock.http.server.reactive.MockServerHttpResponse;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The endpoint as Spring Boot serves it on WebFlux. */
class ConfigEndpointWebFluxTest {

    private final ReactiveWebApplicationContextRunner application = new ReactiveWebApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    HttpHandlerAutoConfiguration.class,
                    WebFluxAutoConfiguration.class,
                    CodecsAutoConfiguration.class,
                    JacksonAutoConfiguration.class,
                    EndpointAutoConfiguration.class,
                    WebEndpointAutoConfiguration.class,
                    JacksonEndpointAutoConfiguration.class,
                    ManagementContextAutoConfiguration.class,
                    ConfigValueAutoConfiguration.class,
                    ConfigStoreAutoConfiguration.class,
                    ConfigManagerAutoConfiguration.class,
                    ConfigEndpointAutoConfiguration.class))
            .withInitializer(
                    context -> context.getEnvironment().setConversionService(new ApplicationConversionService()))
            .withPropertyValues(
                    "management.endpoints.web.exposure.include=*",
                    "management.endpoint.config.access=unrestricted",
                    "management.endpoint.config.show-values=always")
            .withBean(ConfigStore.class, MemoryConfigStore::new);

    @Test
    void aKeyIsWhatFollowsTheNamespace() {
        application.run(context -> {
            Config config = context.getBean(Config.class);
            JsonNode written = send(context, HttpMethod.POST, "_/app/limit", "{\"value\":\"5\"}", 200);
            assertThat(written.get("key").asString()).isEqualTo("app/limit");
            assertThat(config.get("app/limit", Integer.class)).isEqualTo(5);
            config.set("app/limit", 6);
            assertThat(send(context, HttpMethod.GET, "_/app/limit", "", 200)
                            .get("value")
                            .asInt())
                    .isEqualTo(6);
            assertThat(send(context, HttpMethod.GET, "_/app/limit?history=true", "", 200)
                            .get("versions")
                            .size())
                    .isEqualTo(2);
            assertThat(send(context, HttpMethod.GET, "_/app/none", "", 404)
                            .get("key")
                            .asString())
                    .isEqualTo("app/none");
            send(context, HttpMethod.DELETE, "_/app/limit", "", 204);
            assertThat(config.entry("app/limit")).isEmpty();
        });
    }

    @Test
    void aKeyMayBeginAsItsNamespaceIsCalled() {
        application.run(context -> {
            send(context, HttpMethod.POST, "shop/shop/open", "{\"value\":\"yes\"}", 200);
            JsonNode read = send(context, HttpMethod.GET, "shop/shop/open", "", 200);
            assertThat(read.get("namespace").asString()).isEqualTo("shop");
            assertThat(read.get("key").asString()).isEqualTo("shop/open");
            send(context, HttpMethod.POST, "shop/shop", "{\"value\":\"yes\"}", 200);
            assertThat(send(context, HttpMethod.GET, "shop/shop", "", 200)
                            .get("key")
                            .asString())
                    .isEqualTo("shop");
        });
    }

    private static JsonNode send(
            ApplicationContext context, HttpMethod method, String path, String body, int expectedStatus) {
        MockServerHttpRequest request = MockServerHttpRequest.method(method, "/actuator/config/" + path)
                .contentType(MediaType.APPLICATION_JSON)
                .body(body);
        MockServerHttpResponse response = new MockServerHttpResponse();
        context.getBean(HttpHandler.class).handle(request, response).block();
        assertThat(response.getStatusCode().value()).as(path).isEqualTo(expectedStatus);
        return JsonMapper.shared()
                .readTree(response.getBodyAsString().blockOptional().orElse("null"));
    }
}
