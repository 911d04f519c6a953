// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.aot.hint.BindingReflectionHintsRegistrar;
import org.springframework.aot.hint.ExecutableMode;
import org.springframework.beans.factory.aot.BeanRegistrationAotContribution;
import org.springframework.beans.factory.aot.BeanRegistrationAotProcessor;
import org.springframework.beans.factory.support.RegisteredBean;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.util.ClassUtils;
import org.springframework.util.ReflectionUtils;

/**
 * Tells a native image which fields and methods {@link ConfigValue} sets at the start, and which types values are read as.
 * Nothing of a later read needs reflection.
 */
final class ConfigValueAotProcessor implements BeanRegistrationAotProcessor {

    @Override
    public @Nullable BeanRegistrationAotContribution processAheadOfTime(RegisteredBean bean) {
        Class<?> type = ClassUtils.getUserClass(bean.getBeanClass());
        List<Field> fields = new ArrayList<>();
        List<Method> methods = new ArrayList<>();
        List<Type> values = new ArrayList<>();
        ReflectionUtils.doWithFields(type, fields::add, ConfigValueAotProcessor::isAnnotated);
        fields.forEach(field -> values.add(field.getGenericType()));
        ReflectionUtils.doWithMethods(type, method -> {
            if (isAnnotated(method) || !valuesOf(method).isEmpty()) {
                methods.add(method);
                values.addAll(List.of(method.getGenericParameterTypes()));
            }
        });
        for (Constructor<?> constructor : type.getDeclaredConstructors()) {
            values.addAll(valuesOf(constructor));
        }
        Method factory = bean.getMergedBeanDefinition().getResolvedFactoryMethod();
        if (factory != null) {
            values.addAll(valuesOf(factory));
        }
        return values.isEmpty()
                ? null
                : (generation, code) -> {
                    var hints = generation.getRuntimeHints().reflection();
                    fields.forEach(hints::registerField);
                    methods.forEach(method -> hints.registerMethod(method, ExecutableMode.INVOKE));
                    new BindingReflectionHintsRegistrar().registerReflectionHints(hints, values.toArray(Type[]::new));
                };
    }

    private static List<Type> valuesOf(Executable executable) {
        List<Type> values = new ArrayList<>();
        for (Parameter parameter : executable.getParameters()) {
            if (AnnotatedElementUtils.hasAnnotation(parameter, ConfigValue.class)) {
                values.add(parameter.getParameterizedType());
            }
        }
        return values;
    }

    private static boolean isAnnotated(AnnotatedElement element) {
        return AnnotatedElementUtils.hasAnnotation(element, ConfigValue.class);
    }
}
