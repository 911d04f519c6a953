// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.test;

import io.configmanager.store.Commit;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.Operation;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.test.context.ContextConfigurationAttributes;
import org.springframework.test.context.ContextCustomizer;
import org.springframework.test.context.ContextCustomizerFactory;
import org.springframework.test.context.MergedContextConfiguration;
import org.springframework.test.context.TestContextAnnotationUtils;

/** Gives the context of a {@link ConfigTest} its store, with what {@link WithConfig} says of the class. */
final class ConfigTestContextCustomizerFactory implements ContextCustomizerFactory {

    @Override
    public @Nullable ContextCustomizer createContextCustomizer(
            Class<?> testClass, List<ContextConfigurationAttributes> configuration) {
        return TestContextAnnotationUtils.hasAnnotation(testClass, ConfigTest.class)
                ? new Customizer(List.copyOf(
                        TestContextAnnotationUtils.getMergedRepeatableAnnotations(testClass, WithConfig.class)))
                : null;
    }

    /** Equal, and so of the same context, if the entries are. */
    private record Customizer(List<WithConfig> entries) implements ContextCustomizer {

        @Override
        public void customizeContext(ConfigurableApplicationContext context, MergedContextConfiguration configuration) {
            String namespace = context.getEnvironment().getProperty("config.namespace", "");
            MemoryConfigStore store = new MemoryConfigStore();
            List<Operation> operations = entries.stream()
                    .map(entry -> TestStore.put(namespace, entry))
                    .toList();
            if (!operations.isEmpty()) {
                store.commit(Commit.of(operations, "test", null));
            }
            context.getBeanFactory().registerSingleton("configStore", store);
        }
    }
}
