// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.ConfigEntry;
import io.configmanager.codec.Codec;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.PropertyEditorRegistry;
import org.springframework.boot.context.properties.bind.AbstractBindHandler;
import org.springframework.boot.context.properties.bind.BindContext;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.bind.DataObjectPropertyName;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.context.properties.bind.PlaceholdersResolver;
import org.springframework.boot.context.properties.bind.PropertySourcesPlaceholdersResolver;
import org.springframework.boot.context.properties.source.ConfigurationProperty;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertySource;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.boot.context.properties.source.ConfigurationPropertyState;
import org.springframework.core.MethodParameter;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.core.Nullness;
import org.springframework.core.ResolvableType;
import org.springframework.core.convert.ConversionService;
import org.springframework.core.env.Environment;
import org.springframework.core.env.PropertySource;
import org.springframework.core.env.StandardEnvironment;

/** Makes instances of {@link Group}s by Spring Boot's binder, and says all that stands against it. */
record GroupBinder(
        Map<String, Codec> codecs,
        List<ConversionService> conversions,
        Consumer<PropertyEditorRegistry> editors,
        Environment environment,
        @Nullable BeanValidation validation) {

    /** An instance, or why there is none. */
    record Result(@Nullable Object instance, List<Rejection> rejections) {}

    /** @param entries all of the namespace; none if there is no store: then it is made of defaults */
    Result bind(Group group, Collection<ConfigEntry> entries) {
        return new Attempt(group, entries).run();
    }

    private final class Attempt extends AbstractBindHandler {

        private final Group group;
        private final ConfigurationPropertyName base;
        private final ViewSource source;
        private final Map<ConfigurationPropertyName, Object> defaults = new HashMap<>();
        private final Map<ConfigurationPropertyName, Rejection> rejections = new LinkedHashMap<>();

        Attempt(Group group, Collection<ConfigEntry> entries) {
            this.group = group;
            this.base = ConfigurationPropertyName.of(group.properties() == null ? "group" : group.properties());
            this.source = new ViewSource(entries, group.prefix(), base, codecs);
        }

        Result run() {
            // What is stored is never an expression; what stands in application.properties may be.
            PlaceholdersResolver placeholders = PlaceholdersResolver.NONE;
            if (group.properties() != null) {
                PlaceholdersResolver ofEnvironment = new PropertySourcesPlaceholdersResolver(environment);
                placeholders = value -> source.holds(value) ? value : ofEnvironment.resolvePlaceholders(value);
            }
            Binder binder = new Binder(sources(), placeholders, conversions, editors, null, null);
            Class<?> type = group.type();
            Object instance = type.isInterface()
                    ? bindInterface(binder, type)
                    : binder.bindOrCreate(base, Bindable.of(type), this);
            if (rejections.isEmpty() && instance != null && validation != null) {
                validation.violations(instance).forEach(this::reject);
            }
            return new Result(rejections.isEmpty() ? instance : null, List.copyOf(rejections.values()));
        }

        private List<ConfigurationPropertySource> sources() {
            List<ConfigurationPropertySource> sources = new ArrayList<>();
            if (group.properties() != null) {
                int afterVariables = 0;
                for (ConfigurationPropertySource other : ConfigurationPropertySources.get(environment)) {
                    sources.add(other);
                    if (other.getUnderlyingSource() instanceof PropertySource<?> known
                            && known.getName().equals(StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME)) {
                        afterVariables = sources.size();
                    }
                }
                sources.add(afterVariables, source);
            } else {
                sources.add(source);
            }
            sources.add(new Defaults(defaults));
            return sources;
        }

        private Object bindInterface(Binder binder, Class<?> type) {
            Map<String, Object> values = new HashMap<>();
            Method[] methods = type.getMethods();
            Arrays.sort(methods, Comparator.comparing(Method::getName));
            for (Method method : methods) {
                if (Modifier.isStatic(method.getModifiers())) {
                    continue;
                }
                if (method.getParameterCount() > 0 || method.getReturnType() == void.class) {
                    if (method.isDefault()) {
                        continue;
                    }
                    throw new IllegalStateException("@ConfigPrefix cannot implement " + method);
                }
                ConfigurationPropertyName name = base.append(dashed(method.getName()));
                Bindable<Object> wanted = Bindable.of(ResolvableType.forMethodReturnType(method, type));
                if (source.keyOf(name) != null
                        || source.containsDescendantOf(name) == ConfigurationPropertyState.PRESENT) {
                    binder.bind(name, wanted, this).ifBound(value -> values.put(method.getName(), value));
                } else if (method.getReturnType() == Optional.class) {
                    values.put(method.getName(), Optional.empty());
                } else if (isRequired(wanted)) {
                    missing(name, wanted);
                }
            }
            return Proxy.newProxyInstance(
                    type.getClassLoader(),
                    new Class<?>[] {type},
                    new Snapshot(type, Map.copyOf(values), new ConcurrentHashMap<>()));
        }

        @Override
        public <T> @Nullable Bindable<T> onStart(
                ConfigurationPropertyName name, Bindable<T> target, BindContext context) {
            if (target.getType().resolve() == Optional.class) {
                defaults.put(name, Optional.empty());
            }
            return target;
        }

        /** Goes on, so that all that is wrong is found. */
        @Override
        public @Nullable Object onFailure(
                ConfigurationPropertyName name, Bindable<?> target, BindContext context, Exception error) {
            if (rejections.keySet().stream().anyMatch(name::isAncestorOf)) {
                // Refused because a part of it was.
                return null;
            }
            String expected = target.getType().getType().getTypeName();
            ConfigurationProperty property = context.getConfigurationProperty();
            if (NestedExceptionUtils.getMostSpecificCause(error) instanceof ViewSource.UnreadableException e) {
                rejections.put(name, new Rejection(e.key(), expected, String.valueOf(e.getMessage())));
            } else if (property == null || !property.getName().equals(name)) {
                // Its message is not ours and may hold the value.
                String cause = NestedExceptionUtils.getMostSpecificCause(error)
                        .getClass()
                        .getName();
                rejections.put(name, new Rejection(key(name), expected, "refused by " + expected + " with a " + cause));
            } else {
                String found = property.getOrigin() instanceof ViewSource.Key key
                        ? key.kind()
                        : "a property of the environment";
                rejections.put(
                        name,
                        new Rejection(
                                key(property.getName()),
                                expected,
                                "expected " + expected
                                        + ConvertingJsonCodec.constants(
                                                target.getType().toClass()) + ", found " + found
                                        + " that does not fit it"));
            }
            return null;
        }

        @Override
        public void onFinish(
                ConfigurationPropertyName name, Bindable<?> target, BindContext context, @Nullable Object result) {
            if (result == null && isRequired(target) && !rejections.containsKey(name)) {
                missing(name, target);
            }
        }

        private void missing(ConfigurationPropertyName name, Bindable<?> target) {
            String expected = target.getType().getType().getTypeName();
            boolean structured = source.containsDescendantOf(name) == ConfigurationPropertyState.PRESENT;
            rejections.put(
                    name,
                    new Rejection(
                            key(name),
                            expected,
                            structured
                                    ? "expected " + expected + ", found an object or a list that does not fit it"
                                    : "there is no such key"));
        }

        private boolean isRequired(Bindable<?> target) {
            return group.properties() == null
                    && target.getType().getSource() instanceof MethodParameter parameter
                    && (parameter.getConstructor() != null
                            || parameter.getDeclaringClass().isInterface())
                    && !(parameter.getMethod() != null && parameter.getMethod().isDefault())
                    && target.getAnnotation(DefaultValue.class) == null
                    && Nullness.forMethodParameter(parameter) != Nullness.NULLABLE;
        }

        private void reject(BeanValidation.Violation violation) {
            ConfigurationPropertyName name = base.append(ConfigurationPropertyName.adapt(violation.path(), '.'));
            rejections.put(name, new Rejection(key(name), violation.constraint(), violation.message()));
        }

        private String key(ConfigurationPropertyName name) {
            String known = source.keyOf(name);
            if (known != null) {
                return known;
            }
            String below = name.getNumberOfElements() <= base.getNumberOfElements()
                    ? ""
                    : name.subName(base.getNumberOfElements()).toString().replace('.', '/');
            return group.prefix() + (group.prefix().isEmpty() ? "" : "/") + below;
        }
    }

    /** What goes behind everything else; nothing is below its names. */
    private record Defaults(Map<ConfigurationPropertyName, Object> values) implements ConfigurationPropertySource {

        @Override
        public @Nullable ConfigurationProperty getConfigurationProperty(ConfigurationPropertyName name) {
            Object value = values.get(name);
            return value == null ? null : new ConfigurationProperty(name, value, null);
        }

        @Override
        public ConfigurationPropertyState containsDescendantOf(ConfigurationPropertyName name) {
            return ConfigurationPropertyState.ABSENT;
        }
    }

    /** The property that a method of an interface stands for. */
    private static String dashed(String method) {
        String name = method;
        for (String beginning : List.of("get", "is")) {
            if (method.startsWith(beginning)
                    && method.length() > beginning.length()
                    && Character.isUpperCase(method.charAt(beginning.length()))) {
                name = method.substring(beginning.length());
                break;
            }
        }
        return DataObjectPropertyName.toDashedForm(name);
    }

    /** Implements an interface by values that do not change. */
    private record Snapshot(Class<?> type, Map<String, Object> values, Map<Method, MethodHandle> defaults)
            implements InvocationHandler {

        @Override
        public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] arguments) throws Throwable {
            if (method.getDeclaringClass() == Object.class) {
                return switch (method.getName()) {
                    case "equals" -> arguments != null && proxy == arguments[0];
                    case "hashCode" -> System.identityHashCode(proxy);
                    default -> type.getName();
                };
            }
            Object value = values.get(method.getName());
            if (value != null || !method.isDefault()) {
                return value;
            }
            MethodHandle handle = defaults.get(method);
            if (handle == null) {
                // InvocationHandler.invokeDefault refuses an interface that is not public.
                Class<?> owner = method.getDeclaringClass();
                handle = MethodHandles.privateLookupIn(owner, MethodHandles.lookup())
                        .unreflectSpecial(method, owner);
                defaults.put(method, handle);
            }
            return handle.bindTo(proxy).invokeWithArguments(arguments == null ? new Object[0] : arguments);
        }
    }
}
