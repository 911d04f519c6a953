// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.lang.reflect.Array;
import java.lang.reflect.Type;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.springframework.core.ResolvableType;
import org.springframework.util.StringUtils;

/**
 * What one injection point asks for.
 *
 * @param namespace the namespace
 * @param key the key
 * @param type the type to decode to, without the wrappers below
 * @param optional whether the value is wrapped in an {@link Optional}
 * @param live whether that is wrapped in a {@link Live}
 * @param defaultText the declared default, or null
 * @param required whether a missing key without a default is an error
 * @param target the injection point, for people
 */
record Demand(
        String namespace,
        String key,
        Type type,
        boolean optional,
        boolean live,
        @Nullable String defaultText,
        boolean required,
        String target) {

    static Demand of(
            ConfigValue annotation,
            ResolvableType declared,
            boolean nullable,
            String target,
            String defaultNamespace,
            UnaryOperator<String> placeholders) {
        ResolvableType type = declared;
        boolean live = type.resolve() == Live.class || type.resolve() == Supplier.class;
        if (live) {
            type = type.getGeneric();
        }
        boolean optional = type.resolve() == Optional.class;
        if (optional) {
            type = type.getGeneric();
        }
        Class<?> raw = type.resolve();
        if (raw == null) {
            throw new IllegalStateException(
                    "@ConfigValue on " + target + " needs a type argument: " + declared + " does not say what to read");
        }
        String key = placeholders.apply(annotation.key());
        if (!StringUtils.hasText(key)) {
            throw new IllegalStateException("@ConfigValue on " + target + " names no key");
        }
        String namespace = placeholders.apply(annotation.namespace());
        String defaultText = annotation.defaultValue();
        return new Demand(
                namespace.isEmpty() ? defaultNamespace : namespace.equals("_") ? "" : namespace,
                key,
                // A wildcard or type variable is read as what it is bound to.
                type.getType() instanceof Class<?> || type.hasGenerics() || raw.isArray() ? type.getType() : raw,
                optional,
                live,
                defaultText.equals(ConfigValue.NONE) ? null : placeholders.apply(defaultText),
                annotation.required() && !optional && !nullable,
                target);
    }

    /** What the language gives a variable of the type that nobody set. */
    @Nullable
    Object nothing() {
        if (optional) {
            return Optional.empty();
        }
        return type instanceof Class<?> raw && raw.isPrimitive() ? Array.get(Array.newInstance(raw, 1), 0) : null;
    }

    Object wrap(Object value) {
        return optional ? Optional.of(value) : value;
    }

    String typeName() {
        return type.getTypeName();
    }

    @Override
    public String toString() {
        return "key '" + key + "'" + (namespace.isEmpty() ? "" : " in namespace '" + namespace + "'") + " for " + target
                + " (" + typeName() + ")";
    }
}
