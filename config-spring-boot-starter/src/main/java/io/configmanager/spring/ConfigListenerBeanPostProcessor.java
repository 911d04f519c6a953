// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.InjectionPoint;
import org.springframework.beans.factory.NoSuchBeanDefinitionException;
import org.springframework.beans.factory.UnsatisfiedDependencyException;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.config.DependencyDescriptor;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.MethodParameter;
import org.springframework.core.Nullness;
import org.springframework.core.ResolvableType;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationUtils;
import org.springframework.core.annotation.Order;
import org.springframework.util.ReflectionUtils;

/** Subscribes the methods with {@link ConfigListener} of every singleton, when the bean is complete. */
final class ConfigListenerBeanPostProcessor implements BeanPostProcessor {

    private final ConfigurableListableBeanFactory beanFactory;
    private final Supplier<ConfigValueRegistry> registry;
    private final Demands demands;

    private final Set<Class<?>> without = ConcurrentHashMap.newKeySet();

    /** The methods with an order, by namespace. */
    private final Map<String, InOrder> inOrder = new ConcurrentHashMap<>();

    ConfigListenerBeanPostProcessor(
            ConfigurableListableBeanFactory beanFactory, Supplier<ConfigValueRegistry> registry, Demands demands) {
        this.beanFactory = beanFactory;
        this.registry = registry;
        this.demands = demands;
    }

    @Override
    public Object postProcessAfterInitialization(Object bean, String beanName) {
        Class<?> type = AopProxyUtils.ultimateTargetClass(bean);
        if (!without.contains(type)) {
            Map<Method, ConfigListener> methods = methods(type);
            if (methods.isEmpty()) {
                without.add(type);
            }
            methods.forEach((method, annotation) -> subscribe(bean, beanName, method, annotation));
        }
        return bean;
    }

    static boolean listens(Class<?> type) {
        return !methods(type).isEmpty();
    }

    private static Map<Method, ConfigListener> methods(Class<?> type) {
        return type.getName().startsWith("org.springframework.")
                        || !AnnotationUtils.isCandidateClass(type, ConfigListener.class)
                ? Map.of()
                : MethodIntrospector.selectMethods(type, (MethodIntrospector.MetadataLookup<@Nullable ConfigListener>)
                        method -> AnnotatedElementUtils.getMergedAnnotation(method, ConfigListener.class));
    }

    private void subscribe(Object bean, String beanName, Method method, ConfigListener annotation) {
        if (beanFactory.containsBean(beanName) && !beanFactory.isSingleton(beanName)) {
            throw new IllegalStateException("@ConfigListener on " + method
                    + " needs a singleton, because nobody tells when another bean ends; use Live<T> or a"
                    + " Watcher there");
        }
        ConfigManager manager = registry.get().manager();
        if (manager == null) {
            return;
        }
        Order order = AnnotatedElementUtils.getMergedAnnotation(method, Order.class);
        String namespace = demands.namespace(annotation.namespace());
        Listener listener =
                new Listener(bean, beanName, method, annotation, namespace, order == null ? 0 : order.value());
        registry.get()
                .listens(namespace, method.getDeclaringClass().getName() + "." + method.getName(), listener::wants);
        if (order == null) {
            registry.get().subscribe(manager, namespace, listener.narrowest(), listener);
            return;
        }
        inOrder.computeIfAbsent(namespace, name -> {
                    InOrder all = new InOrder();
                    registry.get().subscribe(manager, name, ConfigFilter.ALL, all);
                    return all;
                })
                .add(listener);
    }

    /** Calls several methods one after the other. */
    private static final class InOrder implements io.configmanager.ConfigListener {

        private volatile List<Listener> listeners = List.of();

        synchronized void add(Listener listener) {
            List<Listener> sorted = new ArrayList<>(listeners);
            sorted.add(listener);
            sorted.sort(Comparator.comparingInt(one -> one.order));
            listeners = sorted;
        }

        @Override
        public void onChange(ConfigChangeSet changes) {
            RuntimeException failure = null;
            for (Listener listener : listeners) {
                try {
                    listener.onChange(changes);
                } catch (RuntimeException e) {
                    if (failure == null) {
                        failure = e;
                    } else {
                        failure.addSuppressed(e);
                    }
                }
            }
            if (failure != null) {
                throw failure;
            }
        }
    }

    /** What a parameter gets at a call. */
    @FunctionalInterface
    private interface Argument {
        @Nullable
        Object of(ConfigChangeSet changes, @Nullable ConfigChange one);
    }

    private final class Listener implements io.configmanager.ConfigListener {

        private final Object bean;
        private final Method method;
        private final int order;
        private final List<ConfigFilter> filters = new ArrayList<>();
        private final List<Argument> arguments = new ArrayList<>();
        private final boolean eachChange;

        Listener(Object bean, String beanName, Method method, ConfigListener annotation, String namespace, int order) {
            this.bean = bean;
            this.method = AopUtils.selectInvocableMethod(method, bean.getClass());
            this.order = order;
            ReflectionUtils.makeAccessible(this.method);
            List<ConfigFilter> ofParameters = new ArrayList<>();
            boolean each = false;
            for (int i = 0; i < method.getParameterCount(); i++) {
                MethodParameter parameter = new MethodParameter(method, i);
                each |= parameter.getParameterType() == ConfigChange.class;
                arguments.add(argument(parameter, beanName, namespace, ofParameters));
            }
            this.eachChange = each;
            for (String key : annotation.keys()) {
                String resolved = demands.text(key);
                filters.add(
                        resolved.contains("*") || resolved.contains("?")
                                ? ConfigFilter.glob(resolved)
                                : ConfigFilter.keys(resolved));
            }
            for (String prefix : annotation.prefixes()) {
                filters.add(ConfigFilter.prefix(demands.text(prefix)));
            }
            if (filters.isEmpty()) {
                filters.addAll(ofParameters);
            }
        }

        private Argument argument(
                MethodParameter parameter, String beanName, String namespace, List<ConfigFilter> ofParameters) {
            Class<?> type = parameter.getParameterType();
            if (type == ConfigChangeSet.class) {
                return (changes, one) -> changes;
            }
            if (type == ConfigChange.class) {
                return (changes, one) -> one;
            }
            ConfigValue value = AnnotatedElementUtils.getMergedAnnotation(parameter.getParameter(), ConfigValue.class);
            if (value != null) {
                Demand demand = demands.of(
                        value,
                        ResolvableType.forMethodParameter(parameter),
                        Nullness.forMethodParameter(parameter) == Nullness.NULLABLE,
                        String.valueOf(parameter.getMethod()));
                if (demand.namespace().equals(namespace)) {
                    ofParameters.add(ConfigFilter.keys(demand.key()));
                }
                if (demand.follows()) {
                    Object follower = registry.get().supply(demand, false);
                    return (changes, one) -> follower;
                }
                LiveValue live = registry.get().live(demand);
                return (changes, one) -> live.get();
            }
            Group group = demands.group(type);
            if (group != null) {
                Group known = registry.get().group(group, false);
                if (known.namespace().equals(namespace)) {
                    ofParameters.add(ConfigFilter.prefix(known.prefix()));
                }
                return (changes, one) -> known.get();
            }
            try {
                Object dependency = beanFactory.resolveDependency(new DependencyDescriptor(parameter, true), beanName);
                return (changes, one) -> dependency;
            } catch (NoSuchBeanDefinitionException e) {
                throw new UnsatisfiedDependencyException(null, beanName, new InjectionPoint(parameter), e);
            }
        }

        /** What the subscription itself can tell apart. */
        ConfigFilter narrowest() {
            return filters.size() == 1 ? filters.get(0) : ConfigFilter.ALL;
        }

        boolean wants(String key) {
            return filters.isEmpty() || filters.stream().anyMatch(filter -> filter.matches(key));
        }

        @Override
        public void onChange(ConfigChangeSet changes) {
            List<ConfigChange> wanted = changes.changes().stream()
                    .filter(change -> wants(change.key()))
                    .toList();
            if (wanted.isEmpty()) {
                return;
            }
            ConfigChangeSet part = new ConfigChangeSet(
                    changes.namespace(), changes.epoch(), changes.revision(), changes.resync(), wanted);
            if (eachChange) {
                wanted.forEach(change -> call(part, change));
            } else {
                call(part, null);
            }
        }

        private void call(ConfigChangeSet changes, @Nullable ConfigChange one) {
            try {
                method.invoke(
                        bean,
                        arguments.stream()
                                .map(argument -> argument.of(changes, one))
                                .toArray());
            } catch (InvocationTargetException e) {
                throw new IllegalStateException("@ConfigListener " + method + " failed", e.getCause());
            } catch (IllegalAccessException e) {
                throw new IllegalStateException("@ConfigListener " + method + " cannot be called", e);
            }
        }
    }
}
