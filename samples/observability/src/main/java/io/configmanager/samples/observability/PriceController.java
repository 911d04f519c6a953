// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.observability;

import io.configmanager.Config;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

/** Reads by key, from memory: a hit for a product that has a price of its own, a miss for any other. */
@RestController
class PriceController {

    private static final int USUAL = 100;

    private final Config config;

    PriceController(Config config) {
        this.config = config;
    }

    @GetMapping("/price/{product}")
    int price(@PathVariable String product) {
        return config.get("price/" + product, Integer.class, USUAL);
    }
}
