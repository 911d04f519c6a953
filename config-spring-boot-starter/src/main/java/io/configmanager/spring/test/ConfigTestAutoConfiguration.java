// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.test;

import io.configmanager.ConfigManager;
import io.configmanager.codec.Codec;
import io.configmanager.codec.JsonCodec;
import io.configmanager.spring.ConfigManagerBuilderCustomizer;
import io.configmanager.store.MemoryConfigStore;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.core.env.Environment;

/** What a {@link ConfigTest} adds to the context. */
@AutoConfiguration
public final class ConfigTestAutoConfiguration {

    @Bean
    TestStore.Told configTestTold() {
        return new TestStore.Told();
    }

    @Bean
    @Order(Ordered.LOWEST_PRECEDENCE)
    ConfigManagerBuilderCustomizer configTestCustomizer(TestStore.Told told) {
        return builder -> builder.onApplied(told);
    }

    @Bean(destroyMethod = "")
    TestStore configTestStore(
            MemoryConfigStore store, ConfigManager manager, ObjectProvider<Codec> codecs, TestStore.Told told) {
        Codec json = codecs.stream()
                .filter(codec -> codec.name().equals(JsonCodec.NAME))
                .findFirst()
                .orElseGet(JsonCodec::new);
        return new TestStore(store, manager, json, told);
    }

    @Bean
    TestConfig testConfig(TestStore store, Environment environment) {
        return new TestConfig(store, environment.getProperty("config.namespace", ""));
    }
}
