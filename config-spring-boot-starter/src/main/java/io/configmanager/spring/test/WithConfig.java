// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.test;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * An entry that exists during a {@link ConfigTest}. On a class it is there before the context starts, and classes that differ
 * in it have contexts of their own; on a method it is set before the test and gone after it.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@Documented
@Repeatable(WithConfig.All.class)
public @interface WithConfig {

    String key();

    /** JSON, or any other text, which then is that text: {@code 5}, {@code 5s}, <code>{"max": 5}</code>. */
    String value();

    /** The namespace; by default the one of {@code config.namespace}. {@code _} is the store's default namespace. */
    String namespace() default "";

    /** Several of them. */
    @Target({ElementType.TYPE, ElementType.METHOD})
    @Retention(RetentionPolicy.RUNTIME)
    @Documented
    @interface All {
        WithConfig[] value();
    }
}
