// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.test;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.Live;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.webmvc.test.autoconfigure.WebMvcTest;
import org.springframework.context.annotation.Import;
import org.springframework.web.bind.annotation.RestController;

/** A slice of Spring Boot has no store, so every value is its default. */
@WebMvcTest(TestSliceTest.Shop.class)
@Import(TestSliceTest.Shop.class)
class TestSliceTest {

    @Autowired
    private Shop shop;

    @SpringBootConfiguration
    static class Application {}

    @RestController
    static class Shop {

        @ConfigValue(key = "shop/greeting", defaultValue = "Hello")
        String greeting;

        final Live<Duration> timeout;

        Shop(@ConfigValue(key = "shop/timeout", defaultValue = "5s") Live<Duration> timeout) {
            this.timeout = timeout;
        }
    }

    @Test
    void targetsHaveTheirDefaults() {
        assertThat(shop.greeting).isEqualTo("Hello");
        assertThat(shop.timeout.get()).isEqualTo(Duration.ofSeconds(5));
    }
}
