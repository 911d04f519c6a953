// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.lang.reflect.Field;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.InjectionPoint;
import org.springframework.beans.factory.NoSuchBeanDefinitionException;
import org.springframework.beans.factory.UnsatisfiedDependencyException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.MethodParameter;
import org.springframework.core.ResolvableType;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.Order;

/** Says which annotation is missing where Spring misses a bean. Before Spring Boot's own, which would advise to define one. */
@Order(0)
final class MissingAnnotationFailureAnalyzer extends AbstractFailureAnalyzer<NoSuchBeanDefinitionException> {

    @Override
    protected @Nullable FailureAnalysis analyze(Throwable rootFailure, NoSuchBeanDefinitionException cause) {
        InjectionPoint point = null;
        for (Throwable each = rootFailure; each != null; each = each.getCause()) {
            if (each instanceof UnsatisfiedDependencyException unsatisfied) {
                point = unsatisfied.getInjectionPoint();
            }
        }
        if (point == null || point.getAnnotation(ConfigValue.class) != null) {
            return null;
        }
        MethodParameter parameter = point.getMethodParameter();
        Field copied = parameter == null || parameter.getConstructor() == null ? null : annotatedField(parameter);
        if (copied != null) {
            return new FailureAnalysis(
                    "The field " + copied.getDeclaringClass().getName() + "." + copied.getName()
                            + " has @ConfigValue, but the parameter of the constructor that sets it has not.",
                    "If Lombok writes the constructor, add this line to lombok.config:\n\n    lombok.copyableAnnotations += "
                            + ConfigValue.class.getName() + "\n\nElse annotate the parameter.",
                    cause);
        }
        ResolvableType wanted = parameter != null
                ? ResolvableType.forMethodParameter(parameter)
                : point.getField() == null ? ResolvableType.NONE : ResolvableType.forField(point.getField());
        if (wanted.resolve() != Live.class) {
            return null;
        }
        String type = wanted.getGeneric().toString();
        return new FailureAnalysis(
                "Nothing says what the Live<" + type + "> of " + point.getMember() + " follows.",
                "Annotate it with @ConfigValue(\"the/key\"), or the class " + type
                        + " with @ConfigPrefix(\"the/prefix\").",
                cause);
    }

    private static @Nullable Field annotatedField(MethodParameter parameter) {
        return Arrays.stream(parameter.getDeclaringClass().getDeclaredFields())
                .filter(field -> field.getGenericType().equals(parameter.getGenericParameterType()))
                .filter(field -> AnnotatedElementUtils.hasAnnotation(field, ConfigValue.class))
                .findFirst()
                .orElse(null);
    }
}
