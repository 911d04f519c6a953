// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.observability;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** The quickstart's application on the PostgreSQL of {@code spring.datasource.url}. */
@SpringBootApplication(
        scanBasePackages = {"io.configmanager.samples.observability", "io.configmanager.samples.quickstart"})
public class ObservabilityApplication {

    public static void main(String[] arguments) {
        SpringApplication.run(ObservabilityApplication.class, arguments);
    }
}
