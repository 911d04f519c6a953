// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.core.ResolvableType;
import org.springframework.core.annotation.AnnotatedElementUtils;

/** Reads annotations in one application: knows its placeholders and its namespace. */
final class Demands {

    private final UnaryOperator<String> placeholders;

    Demands(ConfigurableBeanFactory beanFactory) {
        this.placeholders = text -> {
            String resolved = beanFactory.resolveEmbeddedValue(text);
            return resolved == null ? "" : resolved;
        };
    }

    Demand of(ConfigValue annotation, ResolvableType type, boolean nullable, String target) {
        return Demand.of(annotation, type, nullable, target, namespace(annotation.namespace()), placeholders);
    }

    /** The group of a type; null if the type is none. */
    @Nullable
    Group group(Class<?> type) {
        ConfigPrefix annotation = AnnotatedElementUtils.getMergedAnnotation(type, ConfigPrefix.class);
        if (annotation == null) {
            return null;
        }
        ConfigurationProperties properties =
                AnnotatedElementUtils.getMergedAnnotation(type, ConfigurationProperties.class);
        String base = properties == null ? null : properties.prefix();
        String prefix = text(annotation.prefix());
        return new Group(
                type,
                namespace(annotation.namespace()),
                prefix.isEmpty() && base != null ? base.replace('.', '/') : prefix,
                base);
    }

    String text(String text) {
        return placeholders.apply(text);
    }

    String namespace(String declared) {
        String namespace = text(declared.isEmpty() ? "${config.namespace:}" : declared);
        return namespace.equals("_") ? "" : namespace;
    }
}
