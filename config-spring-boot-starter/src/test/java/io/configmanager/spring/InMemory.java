// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import io.configmanager.spring.autoconfigure.ConfigStoreAutoConfiguration;
import io.configmanager.store.ConfigStore;
import java.util.function.Supplier;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** An application whose configuration is in memory. */
public final class InMemory {

    private InMemory() {}

    /** @param more auto-configurations besides those of values, store and manager */
    public static ApplicationContextRunner runner(Supplier<ConfigStore> store, Class<?>... more) {
        return new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        ConfigValueAutoConfiguration.class,
                        ConfigStoreAutoConfiguration.class,
                        ConfigManagerAutoConfiguration.class))
                .withConfiguration(AutoConfigurations.of(more))
                .withBean(ConfigStore.class, store);
    }
}
