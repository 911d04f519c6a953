// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** Starts the quickstart: with the database of {@code spring.datasource.url}, or else with one of its own. */
@SpringBootApplication
public class QuickstartApplication {

    public static void main(String[] args) {
        SpringApplication.run(QuickstartApplication.class, args);
    }
}
