// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.springframework.core.annotation.AliasFor;

/**
 * Injects the value of a key, and keeps it current where the target can follow.
 *
 * <p>A field, a method with one parameter, and a {@link Live} or {@link java.util.function.Supplier} anywhere follow their
 * key. A final field and any other constructor or method parameter get the value once, and a warning says so.
 *
 * <p>The value may be anything that Spring's conversion service or Jackson can make of the stored one: primitives,
 * {@code String}, {@code Duration}, {@code DataSize}, enums, collections, maps, records, and an
 * {@link java.util.Optional} of these.
 *
 * <p>A key that does not exist, or was deleted, means the default: {@link #defaultValue()}, else what the field was
 * initialized with. With neither, a {@linkplain #required() required} key stops the start; if it is deleted later, its last
 * value stays. A value that cannot be converted is reported and the last good one, at first the default, stays.
 *
 * <p>{@code ${…}} in key, namespace and default is resolved by the {@code Environment}.
 */
@Target({ElementType.FIELD, ElementType.METHOD, ElementType.PARAMETER, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
@Documented
public @interface ConfigValue {

    /** What {@link #defaultValue()} is where none was declared; no text that a person would write. */
    String NONE = "\n\t\uE000\uE001\n";

    /** The key. */
    @AliasFor("key")
    String value() default "";

    /** The key. */
    @AliasFor("value")
    String key() default "";

    /** The namespace; by default the one of {@code config.namespace}. {@code _} is the store's default namespace. */
    String namespace() default "";

    /** The value while the key does not exist, as text: {@code 5s}, {@code a,b}, or JSON for a record. */
    String defaultValue() default NONE;

    /** Whether a missing key without a default stops the start; otherwise the target is left as it is. */
    boolean required() default true;
}
