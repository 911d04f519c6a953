// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** Starts the quickstart: with the MongoDB of {@code MONGODB_URI}, or else with a server of its own. */
@SpringBootApplication
public class QuickstartMongoApplication {

    public static void main(String[] args) {
        SpringApplication.run(QuickstartMongoApplication.class, args);
    }
}
