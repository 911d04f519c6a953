// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.test;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.test.context.TestPropertySource;
import org.springframework.test.context.junit.jupiter.SpringExtension;

/**
 * A test whose configuration is in memory, whatever the application uses, and can be set with {@link WithConfig} and
 * {@link TestConfig}. After each test it is again what it was before the first one, so that the context stays clean and
 * is shared.
 *
 * <p>Alone it is a slice: live configuration and nothing else, for the beans that the test names with {@code @Import} or
 * {@code @ContextConfiguration}. Beside {@code @SpringBootTest} it changes nothing but the store. Needs
 * {@code spring-boot-test} and JUnit 5 or later; tests that share a context must not run at the same time.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Documented
@Inherited
@ExtendWith({SpringExtension.class, ConfigTestExtension.class})
@TestPropertySource(
        properties = {"config.store.type=memory", "config.snapshot.enabled=false", "config.watch.last-retry=200ms"})
@ImportAutoConfiguration
public @interface ConfigTest {}
