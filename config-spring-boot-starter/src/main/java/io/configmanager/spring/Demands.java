// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.util.function.UnaryOperator;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.core.ResolvableType;

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
        return Demand.of(annotation, type, nullable, target, placeholders.apply("${config.namespace:}"), placeholders);
    }
}
