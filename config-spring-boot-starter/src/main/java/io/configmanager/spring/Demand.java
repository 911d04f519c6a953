// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.Watcher;
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
 * @param form what is injected: the value, or something that follows it
 * @param defaultText the declared default, or null
 * @param required whether a missing key without a default is an error
 * @param target the injection point, for people
 */
record Demand(
        String namespace,
        String key,
        Type type,
        boolean optional,
        Form form,
        @Nullable String defaultText,
        boolean required,
        String target) {

    /** What is injected. */
    enum Form {
        VALUE,
        LIVE,
        WATCHER
    }

    static Demand of(
            ConfigValue annotation,
            ResolvableType declared,
            boolean nullable,
            String target,
            String namespace,
            UnaryOperator<String> placeholders) {
        ResolvableType type = declared;
        Form form = type.resolve() == Live.class || type.resolve() == Supplier.class
                ? Form.LIVE
                : type.resolve() == Watcher.class ? Form.WATCHER : Form.VALUE;
        if (form != Form.VALUE) {
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
        String defaultText = annotation.defaultValue();
        return new Demand(
                namespace,
                key,
                // A wildcard or type variable is read as what it is bound to.
                type.getType() instanceof Class<?> || type.hasGenerics() || raw.isArray() ? type.getType() : raw,
                optional,
                form,
                defaultText.equals(ConfigValue.NONE) ? null : placeholders.apply(defaultText),
                annotation.required() && !optional && !nullable,
                target);
    }

    boolean follows() {
        return form != Form.VALUE;
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

    ConfigBinding described(
            boolean follows,
            int instances,
            long revision,
            @Nullable String lastError,
            ConfigBinding.@Nullable Rejected lastRejection) {
        return new ConfigBinding(
                namespace, key, target, typeName(), null, follows, instances, revision, lastError, lastRejection);
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
