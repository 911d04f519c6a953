// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.springframework.core.annotation.AliasFor;

/**
 * Calls a method of a singleton bean for every change set that changes one of the keys, after the cache, typed groups and
 * injected values of the application show it, in revision order, never by two threads at once.
 *
 * <p>Parameters may be the {@link io.configmanager.ConfigChangeSet} (only the changes that were asked for), one
 * {@link io.configmanager.ConfigChange} (the method is then called for each), values with {@link ConfigValue} and types with
 * {@link ConfigPrefix} (the newest ones, whether or not they changed), and beans. Without keys and prefixes, those of its
 * values and types are meant; if it has none, every key.
 *
 * <p>Methods with {@code @Order} of one namespace are called one after the other, in that order, so that a slow one holds
 * back those after it. A method without waits for nobody. What one throws is logged and counted and disturbs no other.
 */
@Target({ElementType.METHOD, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
@Documented
public @interface ConfigListener {

    /** The keys; {@code *}, {@code **} and {@code ?} are wildcards. {@code ${…}} is resolved by the {@code Environment}. */
    @AliasFor("keys")
    String[] value() default {};

    /** The keys; {@code *}, {@code **} and {@code ?} are wildcards. {@code ${…}} is resolved by the {@code Environment}. */
    @AliasFor("value")
    String[] keys() default {};

    /** All keys below these: {@code app} means {@code app/…}. */
    String[] prefixes() default {};

    /** The namespace; by default the one of {@code config.namespace}. {@code _} is the store's default namespace. */
    String namespace() default "";
}
