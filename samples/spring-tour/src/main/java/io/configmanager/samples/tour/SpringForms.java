// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.tour;

import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;

/** What Spring itself reads: the environment, by {@code spring.config.import=config:}, and log levels. */
@Configuration(proxyBeanMethods = false)
class SpringForms {

    private static final String LOGGER = "tour.example";

    @Bean
    Form aProperty(Environment environment) {
        return Form.of("tour/property", () -> environment.getProperty("tour.property", Form.DEFAULT));
    }

    @Bean
    Form aBoundProperty(Environment environment) {
        return new Form(
                "tour/group",
                value -> "{\"someText\": \"" + value + "\"}",
                () -> Binder.get(environment)
                        .bind("tour.group.some-text", String.class)
                        .orElse(Form.DEFAULT));
    }

    @Bean
    Form aLogLevel(LoggingSystem logging) {
        return new Form("logging/level/" + LOGGER, value -> value.equals("one") ? "\"debug\"" : "\"error\"", () -> {
            var logger = logging.getLoggerConfiguration(LOGGER);
            if (logger == null || logger.getConfiguredLevel() == null) {
                return Form.DEFAULT;
            }
            return switch (logger.getConfiguredLevel()) {
                case DEBUG -> "one";
                case ERROR -> "two";
                default -> "another level";
            };
        });
    }
}
