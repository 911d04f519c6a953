// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.lang.annotation.Annotation;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.aot.generate.GenerationContext;
import org.springframework.aot.hint.BindingReflectionHintsRegistrar;
import org.springframework.aot.hint.ExecutableMode;
import org.springframework.aot.hint.MemberCategory;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.support.ClassHintUtils;
import org.springframework.beans.factory.aot.BeanRegistrationAotContribution;
import org.springframework.beans.factory.aot.BeanRegistrationAotProcessor;
import org.springframework.beans.factory.aot.BeanRegistrationCode;
import org.springframework.beans.factory.support.RegisteredBean;
import org.springframework.boot.context.properties.bind.BindableRuntimeHintsRegistrar;
import org.springframework.core.ResolvableType;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.util.ClassUtils;
import org.springframework.util.ReflectionUtils;

/**
 * Tells a native image which fields and methods {@link ConfigValue} sets at the start, which methods {@link ConfigListener}
 * calls, which types values are read as, and how the types with {@link ConfigPrefix} are bound and proxied. Only
 * those proxies need reflection for a later read.
 */
final class ConfigValueAotProcessor implements BeanRegistrationAotProcessor {

    @Override
    public @Nullable BeanRegistrationAotContribution processAheadOfTime(RegisteredBean bean) {
        Found found = new Found();
        Class<?> type = ClassUtils.getUserClass(bean.getBeanClass());
        if (!type.getName().startsWith("org.springframework.")) {
            found.in(type);
        }
        Method factory = bean.getMergedBeanDefinition().getResolvedFactoryMethod();
        if (factory != null) {
            found.parameters(factory);
        }
        return found.isEmpty() ? null : found;
    }

    /** What one bean needs. */
    private static final class Found implements BeanRegistrationAotContribution {

        private final List<Field> fields = new ArrayList<>();
        private final List<Method> methods = new ArrayList<>();
        private final List<Type> values = new ArrayList<>();
        private final Set<Class<?>> groups = new LinkedHashSet<>();

        boolean isEmpty() {
            return methods.isEmpty() && values.isEmpty() && groups.isEmpty();
        }

        void in(Class<?> type) {
            groupsOf(type);
            ReflectionUtils.doWithFields(type, field -> {
                if (isAnnotated(field, ConfigValue.class)) {
                    fields.add(field);
                    values.add(field.getGenericType());
                } else if (ConfigValueBeanPostProcessor.isInjectedBySpring(field)) {
                    groupsOf(field.getGenericType());
                }
            });
            ReflectionUtils.doWithMethods(type, method -> {
                boolean listens = isAnnotated(method, ConfigListener.class);
                boolean set = isAnnotated(method, ConfigValue.class);
                if (set) {
                    values.addAll(List.of(method.getGenericParameterTypes()));
                }
                boolean takesValues = false;
                if (listens || ConfigValueBeanPostProcessor.isInjectedBySpring(method)) {
                    parameters(method);
                } else {
                    takesValues = values(method);
                }
                if (listens || set || takesValues) {
                    methods.add(method);
                }
            });
            for (Constructor<?> constructor : type.getDeclaredConstructors()) {
                parameters(constructor);
            }
        }

        void parameters(Executable executable) {
            values(executable);
            for (Type parameter : executable.getGenericParameterTypes()) {
                groupsOf(parameter);
            }
        }

        private boolean values(Executable executable) {
            boolean some = false;
            for (Parameter parameter : executable.getParameters()) {
                if (isAnnotated(parameter, ConfigValue.class)) {
                    values.add(parameter.getParameterizedType());
                    some = true;
                }
            }
            return some;
        }

        private void groupsOf(Type type) {
            forEachClass(type, one -> {
                if (isAnnotated(one, ConfigPrefix.class)) {
                    groups.add(one);
                }
            });
        }

        @Override
        public void applyTo(GenerationContext generation, BeanRegistrationCode code) {
            RuntimeHints hints = generation.getRuntimeHints();
            fields.forEach(hints.reflection()::registerField);
            methods.forEach(method -> hints.reflection().registerMethod(method, ExecutableMode.INVOKE));
            new BindingReflectionHintsRegistrar()
                    .registerReflectionHints(hints.reflection(), values.toArray(Type[]::new));
            groups.forEach(group -> register(group, hints));
        }

        private static void register(Class<?> type, RuntimeHints hints) {
            Set<Type> bound = new LinkedHashSet<>();
            if (type.isInterface()) {
                hints.proxies().registerJdkProxy(type);
                for (Method method : type.getMethods()) {
                    bound.add(method.getGenericReturnType());
                }
            } else {
                bound.add(type);
            }
            // Boot's hints leave out properties of a type that stands elsewhere.
            new BindingReflectionHintsRegistrar()
                    .registerReflectionHints(hints.reflection(), bound.toArray(Type[]::new));
            bound.forEach(one -> forEachClass(one, part -> {
                if (!part.isPrimitive() && !part.isEnum() && !part.getName().startsWith("java.")) {
                    BindableRuntimeHintsRegistrar.forTypes(part).registerHints(hints);
                }
            }));
            Group group = new Group(type, "", "", null);
            if (group.proxyable()) {
                hints.reflection()
                        .registerType(
                                type, MemberCategory.INVOKE_PUBLIC_METHODS, MemberCategory.INVOKE_DECLARED_METHODS);
                // A proxy of a class is written into the application, because it is made here.
                ClassHintUtils.registerProxyIfNecessary(group.proxyClass(), hints);
            }
        }
    }

    /** The class of a type and those of its arguments. */
    private static void forEachClass(Type type, Consumer<Class<?>> visitor) {
        Class<?> raw = ResolvableType.forType(type).resolve();
        if (raw != null) {
            visitor.accept(raw.isArray() ? raw.getComponentType() : raw);
        }
        if (type instanceof ParameterizedType parameterized) {
            for (Type argument : parameterized.getActualTypeArguments()) {
                forEachClass(argument, visitor);
            }
        }
    }

    private static boolean isAnnotated(AnnotatedElement element, Class<? extends Annotation> annotation) {
        return AnnotatedElementUtils.hasAnnotation(element, annotation);
    }
}
