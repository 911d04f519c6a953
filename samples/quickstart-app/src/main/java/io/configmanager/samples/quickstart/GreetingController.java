// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import io.configmanager.spring.ConfigValue;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** All that it takes to follow a key. */
@RestController
class GreetingController {

    @ConfigValue(key = "app/greeting", defaultValue = "Hello")
    private String greeting = "";

    @GetMapping("/greeting")
    String greeting() {
        return greeting;
    }
}
