// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.StoreException;
import io.configmanager.WatchState;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.Live;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Import;
import org.springframework.core.env.Environment;

class ConfigTestTest {

    private static final Set<ApplicationContext> CONTEXTS = new HashSet<>();

    static class Checkout {
        @ConfigValue("checkout/limit")
        int limit;

        @ConfigValue(key = "checkout/greeting", defaultValue = "Hello")
        String greeting = "";

        final Live<String> color;

        Checkout(@ConfigValue(key = "color", namespace = "shop", defaultValue = "none") Live<String> color) {
            this.color = color;
        }
    }

    /** Each test changes what the others rely on, in one context. */
    @Nested
    @ConfigTest
    @Import(Checkout.class)
    @WithConfig(key = "checkout/limit", value = "5")
    @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
    class Slice {

        @Autowired
        private Checkout checkout;

        @Autowired
        private TestConfig config;

        @Autowired
        private Config applications;

        @BeforeEach
        void oneContext(@Autowired ApplicationContext context) {
            CONTEXTS.add(context);
            assertThat(CONTEXTS).hasSize(1);
        }

        @BeforeAll
        @AfterAll
        static void forget() {
            CONTEXTS.clear();
        }

        @ParameterizedTest
        @ValueSource(ints = {1, 2})
        @Order(1)
        void valuesAreSetDuringATestAndForgotten(int round) {
            assertThat(checkout.limit).isEqualTo(5);
            config.set("checkout/limit", 6);
            assertThat(checkout.limit).isEqualTo(6);
            config.set(Map.of("checkout/limit", 7, "checkout/greeting", "Ciao"));
            assertThat(checkout.limit).isEqualTo(7);
            assertThat(checkout.greeting).isEqualTo("Ciao");
            config.delete("checkout/greeting");
            assertThat(checkout.greeting).isEqualTo("Hello");
            config.delete("checkout/limit");
            config.namespace("shop").set("color", "red");
            assertThat(checkout.color.get()).isEqualTo("red");
            applications.set("of/the/application", round);
        }

        @Test
        @Order(2)
        @WithConfig(key = "checkout/greeting", value = "Hi there")
        @WithConfig(key = "color", value = "blue", namespace = "shop")
        void valuesAreSetBeforeATest() {
            assertThat(checkout.limit).isEqualTo(5);
            assertThat(checkout.greeting).isEqualTo("Hi there");
            assertThat(checkout.color.get()).isEqualTo("blue");
            assertThat(applications.entry("of/the/application")).isEmpty();
        }

        @Test
        @Order(3)
        void theStoreMayBeAway(@Autowired ConfigManager manager) {
            assertThat(checkout.greeting).isEqualTo("Hello");
            config.setStoreAvailable(false);
            config.set("checkout/greeting", "late");
            assertThatThrownBy(() -> applications.set("x", 1)).isInstanceOf(StoreException.class);
            assertThat(checkout.greeting).isEqualTo("Hello");
            config.setStoreAvailable(true);
            assertThat(checkout.greeting).isEqualTo("late");
            assertThat(manager.watchStatus().state()).isNotEqualTo(WatchState.STOPPED);
            config.setStoreAvailable(false);
        }

        @Test
        @Order(4)
        void afterwardsEverythingIsAsBefore() {
            assertThat(checkout.limit).isEqualTo(5);
            assertThat(checkout.greeting).isEqualTo("Hello");
            assertThat(checkout.color.get()).isEqualTo("none");
            applications.set("x", 1);
        }
    }

    /** Beside a whole application, with the import that it has. */
    @Nested
    @SpringBootTest(
            classes = Whole.Application.class,
            properties = {"spring.config.import=config:", "config.namespace=shop", "app.x=file"},
            webEnvironment = SpringBootTest.WebEnvironment.NONE)
    @ConfigTest
    @WithConfig(key = "app/limits", value = "{\"max\": 3}")
    class Whole {

        @SpringBootConfiguration
        static class Application {
            @Value("${app.limits.max}")
            int max;
        }

        @Autowired
        private Application application;

        @Autowired
        private Environment environment;

        @Autowired
        private TestConfig config;

        @Test
        void theEnvironmentHasTheEntriesAndFollows() {
            assertThat(application.max).isEqualTo(3);
            config.set("app/limits", Map.of("max", 4));
            assertThat(environment.getProperty("app.limits.max")).isEqualTo("4");
            config.namespace("").set("app/limits", Map.of("max", 5));
            assertThat(environment.getProperty("app.limits.max")).isEqualTo("4");
        }
    }
}
