// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.springframework.core.annotation.AliasFor;

/**
 * A type whose properties are the keys below a prefix: {@code app/limits/max-items} is {@code maxItems} of the prefix
 * {@code app/limits}. Its instances are bound as Spring Boot binds {@code @ConfigurationProperties}, each of one view of the
 * namespace, so that an instance never holds half of a change; it is validated if Bean Validation is present.
 *
 * <p>Inject a {@code Live<Limits>} or {@code Supplier<Limits>}: each {@code get()} is the newest whole instance. An interface
 * or a class that is not final may also be injected itself, as a proxy that asks the newest instance at each call. A record
 * injected itself is the instance of that moment, and a warning says so. A bean of the wanted type goes before.
 *
 * <p>A constructor parameter needs a key unless it has a {@code @DefaultValue}, a method of an interface unless it is a
 * {@code default} method, which is called while there is no key, and neither does if it is an {@code Optional} or
 * {@code @Nullable}. What is missing or does not fit stops the start, with a list of all; later such a change
 * is reported and the last good instance stays, whole.
 *
 * <p>On a class with {@code @ConfigurationProperties} the properties of the environment are the defaults, and command line,
 * system properties and environment variables go before the store. Its bean is the proxy; keys that are missing leave what
 * Spring Boot would. Its prefix, if none is given here, is that of {@code @ConfigurationProperties} with {@code /} for
 * {@code .}.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Documented
public @interface ConfigPrefix {

    /** The prefix, without {@code /} at its end; {@code ${…}} is resolved by the {@code Environment}. */
    @AliasFor("prefix")
    String value() default "";

    /** The prefix, without {@code /} at its end; {@code ${…}} is resolved by the {@code Environment}. */
    @AliasFor("value")
    String prefix() default "";

    /** The namespace; by default the one of {@code config.namespace}. {@code _} is the store's default namespace. */
    String namespace() default "";
}
