// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.test;

import io.configmanager.store.Operation;
import java.util.List;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.springframework.context.ApplicationContext;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.test.context.junit.jupiter.SpringExtension;

/** Sets what {@link WithConfig} says of a test method, and puts everything back after it. */
final class ConfigTestExtension implements BeforeEachCallback, AfterEachCallback {

    @Override
    public void beforeEach(ExtensionContext test) {
        ApplicationContext application = SpringExtension.getApplicationContext(test);
        String namespace = application.getEnvironment().getProperty("config.namespace", "");
        List<Operation> entries =
                AnnotatedElementUtils.getMergedRepeatableAnnotations(test.getRequiredTestMethod(), WithConfig.class)
                        .stream()
                        .map(entry -> TestStore.put(namespace, entry))
                        .toList();
        application.getBean(TestStore.class).begin(entries);
    }

    @Override
    public void afterEach(ExtensionContext test) {
        SpringExtension.getApplicationContext(test).getBean(TestStore.class).reset();
    }
}
