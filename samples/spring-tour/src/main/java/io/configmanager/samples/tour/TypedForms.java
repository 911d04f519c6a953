// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.tour;

import io.configmanager.spring.ConfigPrefix;
import io.configmanager.spring.Live;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Types whose properties are the keys below a prefix: {@link ConfigPrefix}. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(TypedForms.TextProperties.class)
class TypedForms {

    @ConfigPrefix("tour/typed-record")
    record TextRecord(@DefaultValue(Form.DEFAULT) String text) {}

    @ConfigPrefix("tour/typed-interface")
    interface TextInterface {
        default String text() {
            return Form.DEFAULT;
        }
    }

    @ConfigPrefix
    @ConfigurationProperties("tour.typed-properties")
    static class TextProperties {

        private String text = Form.DEFAULT;

        public String getText() {
            return text;
        }

        public void setText(String text) {
            this.text = text;
        }
    }

    @Bean
    Form aTypedRecord(Live<TextRecord> live) {
        return Form.of("tour/typed-record/text", () -> live.get().text());
    }

    @Bean
    Form aTypedInterface(TextInterface proxy) {
        return Form.of("tour/typed-interface/text", proxy::text);
    }

    @Bean
    Form aPropertiesClass(TextProperties proxy) {
        return Form.of("tour/typed-properties/text", proxy::getText);
    }
}
