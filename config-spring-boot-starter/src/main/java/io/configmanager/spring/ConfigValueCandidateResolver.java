// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.lang.reflect.Field;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.beans.factory.ObjectFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinitionHolder;
import org.springframework.beans.factory.config.DependencyDescriptor;
import org.springframework.beans.factory.support.AutowireCandidateResolver;
import org.springframework.core.MethodParameter;
import org.springframework.core.ResolvableType;
import org.springframework.core.annotation.MergedAnnotation;
import org.springframework.core.annotation.MergedAnnotations;
import org.springframework.util.ClassUtils;

/**
 * Resolves annotated parameters of constructors, {@code @Bean} methods and {@code @Autowired} methods; everything else is
 * left to the resolver that was there before.
 *
 * <p>A value is handed over where Spring would take a lazy proxy, because nothing converts or interprets it from there on: a
 * suggested value that is a string would be evaluated, and what is stored must never be an expression.
 */
record ConfigValueCandidateResolver(
        AutowireCandidateResolver others,
        Supplier<ConfigValueRegistry> registry,
        Demands demands,
        ListableBeanFactory beanFactory)
        implements AutowireCandidateResolver {

    @Override
    public @Nullable Object getLazyResolutionProxyIfNecessary(
            DependencyDescriptor descriptor, @Nullable String beanName) {
        ConfigValue annotation = annotation(descriptor);
        if (annotation != null) {
            return supply(annotation, descriptor);
        }
        Object group = group(descriptor);
        return group == null ? others.getLazyResolutionProxyIfNecessary(descriptor, beanName) : group;
    }

    /**
     * Reached for what is inside of an {@code Optional} or {@code ObjectProvider}, and for a value that does not exist. The
     * wrapper keeps Spring from evaluating a string, and is taken off by its conversion.
     */
    @Override
    public @Nullable Object getSuggestedValue(DependencyDescriptor descriptor) {
        ConfigValue annotation = annotation(descriptor);
        if (annotation != null) {
            Object value = supply(annotation, descriptor);
            return value == null && isPrimitive(descriptor) ? null : Optional.ofNullable(value);
        }
        Object group = group(descriptor);
        return group == null ? others.getSuggestedValue(descriptor) : Optional.of(group);
    }

    @Override
    public boolean isAutowireCandidate(BeanDefinitionHolder definition, DependencyDescriptor descriptor) {
        return others.isAutowireCandidate(definition, descriptor);
    }

    @Override
    public boolean isRequired(DependencyDescriptor descriptor) {
        return others.isRequired(descriptor);
    }

    @Override
    public boolean hasQualifier(DependencyDescriptor descriptor) {
        return others.hasQualifier(descriptor);
    }

    @Override
    public @Nullable String getSuggestedName(DependencyDescriptor descriptor) {
        return others.getSuggestedName(descriptor);
    }

    @Override
    public @Nullable Class<?> getLazyResolutionProxyClass(DependencyDescriptor descriptor, @Nullable String beanName) {
        return others.getLazyResolutionProxyClass(descriptor, beanName);
    }

    @Override
    public AutowireCandidateResolver cloneIfNecessary() {
        return new ConfigValueCandidateResolver(others.cloneIfNecessary(), registry, demands, beanFactory);
    }

    private @Nullable Object supply(ConfigValue annotation, DependencyDescriptor descriptor) {
        return registry.get().supply(demand(annotation, descriptor), isProvided(descriptor));
    }

    private Demand demand(ConfigValue annotation, DependencyDescriptor descriptor) {
        boolean nullable = !descriptor.isRequired();
        // A primitive that may be absent has a default of Kotlin's, which nothing, but not a zero, stands for.
        ResolvableType type = nullable && isPrimitive(descriptor)
                ? ResolvableType.forClass(ClassUtils.resolvePrimitiveIfNecessary(descriptor.getDependencyType()))
                : descriptor.getResolvableType();
        return demands.of(annotation, type, nullable, target(descriptor));
    }

    private static boolean isPrimitive(DependencyDescriptor descriptor) {
        return descriptor.getDependencyType().isPrimitive();
    }

    /** Says what is missing for a dependency that was not asked for yet. */
    void check(DependencyDescriptor descriptor, ConfigValueRegistry known) {
        ConfigValue annotation = annotation(descriptor);
        if (annotation != null) {
            known.check(demand(annotation, descriptor));
            return;
        }
        Group group = wantedGroup(descriptor);
        if (group != null) {
            known.group(group, false);
        }
    }

    /** A typed group, or what follows it; null if the dependency is something else. */
    private @Nullable Object group(DependencyDescriptor descriptor) {
        Group wanted = wantedGroup(descriptor);
        if (wanted == null) {
            return null;
        }
        boolean live = isLive(descriptor.getResolvableType());
        Group known = registry.get().group(wanted, !live && !wanted.proxyable());
        if (live) {
            return known;
        }
        return isProvided(descriptor) ? known.proxy() : registry.get().once(known, target(descriptor));
    }

    /** Null also if there is a bean for the dependency. */
    private @Nullable Group wantedGroup(DependencyDescriptor descriptor) {
        ResolvableType wanted = descriptor.getResolvableType();
        boolean live = isLive(wanted);
        Class<?> type = live ? wanted.getGeneric().resolve() : wanted.resolve();
        Group group = type == null ? null : demands.group(type);
        return group == null
                        || (!live && group.properties() != null)
                        || beanFactory.getBeanNamesForType(wanted, true, false).length > 0
                ? null
                : group;
    }

    /** Whether it is what an {@link ObjectProvider} asks for, again at each call. */
    private static boolean isProvided(DependencyDescriptor descriptor) {
        MethodParameter parameter = descriptor.getMethodParameter();
        Field field = descriptor.getField();
        Class<?> declared = parameter != null
                ? parameter.getParameterType()
                : field == null ? descriptor.getDependencyType() : field.getType();
        return ObjectFactory.class.isAssignableFrom(declared);
    }

    private static boolean isLive(ResolvableType type) {
        return type.resolve() == Live.class || type.resolve() == Supplier.class;
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
        MergedAnnotation<ConfigValue> annotation =
                MergedAnnotations.from(descriptor.getAnnotations()).get(ConfigValue.class);
        return annotation.synthesize(MergedAnnotation::isPresent).orElse(null);
    }
}
