// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.lang.annotation.Annotation;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.DependencyDescriptor;
import org.springframework.context.annotation.ContextAnnotationAutowireCandidateResolver;
import org.springframework.core.MethodParameter;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationUtils;

/**
 * Resolves annotated parameters of constructors, {@code @Bean} methods and {@code @Autowired} methods; everything else as
 * before.
 *
 * <p>A value is handed over where Spring would take a lazy proxy, because nothing converts or interprets it from there on: a
 * suggested value that is a string would be evaluated, and what is stored must never be an expression.
 */
final class ConfigValueCandidateResolver extends ContextAnnotationAutowireCandidateResolver {

    private final Supplier<ConfigValueRegistry> registry;
    private final Demands demands;

    ConfigValueCandidateResolver(Supplier<ConfigValueRegistry> registry, Demands demands) {
        this.registry = registry;
        this.demands = demands;
    }

    @Override
    public @Nullable Object getLazyResolutionProxyIfNecessary(
            DependencyDescriptor descriptor, @Nullable String beanName) {
        ConfigValue annotation = annotation(descriptor);
        return annotation == null
                ? super.getLazyResolutionProxyIfNecessary(descriptor, beanName)
                : supply(annotation, descriptor);
    }

    /**
     * Reached for what is inside of an {@code Optional} or {@code ObjectProvider}, and for a value that does not exist. The
     * wrapper keeps Spring from evaluating a string, and is taken off by its conversion.
     */
    @Override
    public @Nullable Object getSuggestedValue(DependencyDescriptor descriptor) {
        ConfigValue annotation = annotation(descriptor);
        return annotation == null
                ? super.getSuggestedValue(descriptor)
                : Optional.ofNullable(supply(annotation, descriptor));
    }

    private @Nullable Object supply(ConfigValue annotation, DependencyDescriptor descriptor) {
        return registry.get()
                .supply(demands.of(
                        annotation, descriptor.getResolvableType(), !descriptor.isRequired(), target(descriptor)));
    }

    private static String target(DependencyDescriptor descriptor) {
        MethodParameter parameter = descriptor.getMethodParameter();
        if (parameter == null) {
            return String.valueOf(descriptor.getMember());
        }
        String name = descriptor.getDependencyName();
        String executable =
                parameter.getMethod() == null ? "" : "." + parameter.getMethod().getName();
        return parameter.getDeclaringClass().getName() + executable + "("
                + (name == null ? "parameter " + parameter.getParameterIndex() : name) + ")";
    }

    /** Fields belong to {@link ConfigValueBeanPostProcessor}. */
    private static @Nullable ConfigValue annotation(DependencyDescriptor descriptor) {
        if (descriptor.getMethodParameter() == null) {
            return null;
        }
        for (Annotation annotation : descriptor.getAnnotations()) {
            if (annotation instanceof ConfigValue direct) {
                return AnnotationUtils.getAnnotation(direct, ConfigValue.class);
            }
            ConfigValue meta =
                    AnnotatedElementUtils.getMergedAnnotation(annotation.annotationType(), ConfigValue.class);
            if (meta != null) {
                return meta;
            }
        }
        return null;
    }
}
