// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.lang.annotation.Annotation;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.PropertyValues;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.config.InstantiationAwareBeanPostProcessor;
import org.springframework.context.annotation.Bean;
import org.springframework.core.BridgeMethodResolver;
import org.springframework.core.Nullness;
import org.springframework.core.ResolvableType;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationUtils;
import org.springframework.util.ClassUtils;
import org.springframework.util.ReflectionUtils;

/** Binds annotated fields and methods of every bean, before the bean is initialized and before it is wrapped in a proxy. */
final class ConfigValueBeanPostProcessor implements InstantiationAwareBeanPostProcessor {

    private static final Logger log = LoggerFactory.getLogger(ConfigValueBeanPostProcessor.class);

    private final Supplier<ConfigValueRegistry> registry;
    private final Demands demands;
    private final Map<Class<?>, List<Point>> points = new ConcurrentHashMap<>();

    /** Binds an annotated field or method of a bean. */
    @FunctionalInterface
    private interface Point {
        void bind(Object bean, ConfigValueRegistry registry);
    }

    ConfigValueBeanPostProcessor(Supplier<ConfigValueRegistry> registry, Demands demands) {
        this.registry = registry;
        this.demands = demands;
    }

    /** Instead of a live {@code @ConfigurationProperties} bean there is the proxy of its group. */
    @Override
    public @Nullable Object postProcessBeforeInstantiation(Class<?> beanClass, String beanName) {
        Group group = demands.group(beanClass);
        if (group == null || group.properties() == null) {
            return null;
        }
        ConfigValueRegistry known = registry.get();
        return known.once(known.group(group, !group.proxyable()), "The bean '" + beanName + "'");
    }

    /** Finds them before Spring injects anything, so that its own errors do not hide what is wrong with them. */
    @Override
    public boolean postProcessAfterInstantiation(Object bean, String beanName) {
        points.computeIfAbsent(bean.getClass(), this::find);
        return true;
    }

    @Override
    public PropertyValues postProcessProperties(PropertyValues properties, Object bean, String beanName) {
        for (Point point : points.computeIfAbsent(bean.getClass(), this::find)) {
            point.bind(bean, registry.get());
        }
        return properties;
    }

    private List<Point> find(Class<?> beanClass) {
        Class<?> type = ClassUtils.getUserClass(beanClass);
        if (!AnnotationUtils.isCandidateClass(type, ConfigValue.class)) {
            return List.of();
        }
        List<Point> found = new ArrayList<>();
        ReflectionUtils.doWithFields(type, field -> find(field, type, found));
        ReflectionUtils.doWithMethods(
                type,
                method -> find(method, type, found),
                method -> !method.isSynthetic()
                        && !BridgeMethodResolver.findBridgedMethod(method).isBridge()
                        && method.equals(ClassUtils.getMostSpecificMethod(method, type)));
        return List.copyOf(found);
    }

    private void find(Field field, Class<?> type, List<Point> found) {
        ConfigValue annotation = annotation(field);
        if (annotation == null || isSetByConstructor(field, annotation)) {
            return;
        }
        String target = type.getName() + "." + field.getName();
        if (isInjectedBySpring(field)) {
            throw new IllegalStateException("@ConfigValue injects " + target
                    + " by itself; remove @Autowired or @Inject, which look for a bean");
        }
        if (Modifier.isStatic(field.getModifiers())) {
            log.warn("@ConfigValue is not supported on the static field {}", target);
            return;
        }
        boolean nullable = Nullness.forField(field) == Nullness.NULLABLE;
        Demand demand = demands.of(annotation, ResolvableType.forField(field, type), nullable, target);
        found.add((bean, known) -> known.bind(bean, field, demand));
    }

    private void find(Method method, Class<?> type, List<Point> found) {
        ConfigValue annotation = annotation(method);
        if (annotation == null && method.getParameterCount() == 1 && !isInjectedBySpring(method)) {
            annotation = annotation(method.getParameters()[0]);
        }
        if (annotation == null) {
            return;
        }
        String target = type.getName() + "." + method.getName() + "()";
        if (method.getParameterCount() != 1 || Modifier.isStatic(method.getModifiers())) {
            throw new IllegalStateException(
                    "@ConfigValue on " + target + " needs an instance method with one parameter");
        }
        boolean nullable = Nullness.forParameter(method.getParameters()[0]) == Nullness.NULLABLE;
        Demand demand = demands.of(annotation, ResolvableType.forMethodParameter(method, 0, type), nullable, target);
        found.add((bean, known) -> known.bind(bean, method, demand));
    }

    /** Kotlin and Lombok put the annotation on a parameter of the constructor and on the field that is set from it. */
    private static boolean isSetByConstructor(Field field, ConfigValue annotation) {
        return Modifier.isFinal(field.getModifiers())
                && Arrays.stream(field.getDeclaringClass().getDeclaredConstructors())
                        .flatMap(constructor -> Arrays.stream(constructor.getParameters()))
                        .anyMatch(parameter -> annotation.equals(annotation(parameter)));
    }

    static boolean isInjectedBySpring(AnnotatedElement element) {
        for (Annotation annotation : element.getAnnotations()) {
            if (annotation.annotationType().getName().endsWith(".Inject")) {
                return true;
            }
        }
        return AnnotatedElementUtils.hasAnnotation(element, Autowired.class)
                || AnnotatedElementUtils.hasAnnotation(element, Bean.class);
    }

    private static @Nullable ConfigValue annotation(AnnotatedElement element) {
        return AnnotatedElementUtils.getMergedAnnotation(element, ConfigValue.class);
    }
}
