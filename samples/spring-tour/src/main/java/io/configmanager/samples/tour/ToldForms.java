// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.tour;

import io.configmanager.Config;
import io.configmanager.ConfigChange;
import io.configmanager.spring.ConfigChangedEvent;
import io.configmanager.spring.ConfigListener;
import io.configmanager.spring.ConfigValue;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;

/** What a bean is told: {@link ConfigListener} and {@link ConfigChangedEvent}. */
@Configuration(proxyBeanMethods = false)
class ToldForms {

    private final Config config;

    private volatile String value = Form.DEFAULT;
    private volatile String change = Form.DEFAULT;
    private volatile String event = Form.DEFAULT;

    ToldForms(Config config) {
        this.config = config;
    }

    @ConfigListener
    void onValue(@ConfigValue(key = "tour/told-value", defaultValue = Form.DEFAULT) String newest) {
        value = newest;
    }

    @ConfigListener("tour/told-change")
    void onChange(ConfigChange one) {
        change = one.after() == null ? Form.DEFAULT : read(one.key());
    }

    @EventListener
    void onEvent(ConfigChangedEvent changed) {
        if (changed.changes().changes().stream().anyMatch(one -> one.key().equals("tour/told-event"))) {
            event = read("tour/told-event");
        }
    }

    private String read(String key) {
        return config.get(key, String.class, Form.DEFAULT);
    }

    @Bean
    Form aMethodToldOfAValue() {
        return Form.of("tour/told-value", () -> value);
    }

    @Bean
    Form aMethodToldOfAChange() {
        return Form.of("tour/told-change", () -> change);
    }

    @Bean
    Form anApplicationEvent() {
        return Form.of("tour/told-event", () -> event);
    }
}
