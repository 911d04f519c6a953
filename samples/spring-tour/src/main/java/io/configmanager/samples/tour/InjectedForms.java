// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.tour;

import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.Live;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** What {@link ConfigValue} injects. */
@Configuration(proxyBeanMethods = false)
class InjectedForms {

    @ConfigValue(key = "tour/field", defaultValue = Form.DEFAULT)
    private String field = "";

    @ConfigValue("tour/initialized-field")
    private String initialized = Form.DEFAULT;

    @ConfigValue("tour/optional")
    private Optional<String> optional = Optional.empty();

    @ConfigValue(key = "tour/list", defaultValue = Form.DEFAULT)
    private List<String> list = List.of();

    @ConfigValue("tour/record")
    private Optional<Text> text = Optional.empty();

    private String handedOver = "";

    record Text(String text) {}

    @ConfigValue(key = "tour/method", defaultValue = Form.DEFAULT)
    void setHandedOver(String value) {
        handedOver = value;
    }

    @Bean
    Form aField() {
        return Form.of("tour/field", () -> field);
    }

    @Bean
    Form anInitializedField() {
        return Form.of("tour/initialized-field", () -> initialized);
    }

    @Bean
    Form anOptional() {
        return Form.of("tour/optional", () -> optional.orElse(Form.DEFAULT));
    }

    @Bean
    Form aList() {
        return new Form("tour/list", value -> "[\"" + value + "\", \"more\"]", () -> list.get(0));
    }

    @Bean
    Form aRecord() {
        return new Form(
                "tour/record",
                value -> "{\"text\": \"" + value + "\"}",
                () -> text.map(Text::text).orElse(Form.DEFAULT));
    }

    @Bean
    Form aMethod() {
        return Form.of("tour/method", () -> handedOver);
    }

    @Bean
    Form aLiveParameter(@ConfigValue(key = "tour/live", defaultValue = Form.DEFAULT) Live<String> live) {
        return Form.of("tour/live", live);
    }

    @Bean
    Form aSupplier(@ConfigValue(key = "tour/supplier", defaultValue = Form.DEFAULT) Supplier<String> supplier) {
        return Form.of("tour/supplier", supplier);
    }
}
