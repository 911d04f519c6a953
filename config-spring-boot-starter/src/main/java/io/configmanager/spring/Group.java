// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigView;
import java.lang.reflect.Modifier;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.TargetSource;
import org.springframework.aop.framework.ProxyFactory;

/** The newest instance of a type with {@link ConfigPrefix}. Built aside from one view and then replaced at once. */
final class Group implements Live<Object>, TargetSource {

    private final Class<?> type;
    private final String namespace;
    private final String prefix;
    private final @Nullable String properties;

    private volatile @Nullable Object instance;
    private volatile List<Rejection> rejections = List.of();
    private long revision;
    private ConfigBinding.@Nullable Rejected lastRejection;

    /** @param properties the prefix of its {@code @ConfigurationProperties}; null if it has none */
    Group(Class<?> type, String namespace, String prefix, @Nullable String properties) {
        this.type = type;
        this.namespace = namespace;
        this.prefix = prefix;
        this.properties = properties;
    }

    Class<?> type() {
        return type;
    }

    String namespace() {
        return namespace;
    }

    String prefix() {
        return prefix;
    }

    @Nullable
    String properties() {
        return properties;
    }

    /** What stands against the newest state; empty if the instance shows it. */
    List<Rejection> rejections() {
        return rejections;
    }

    boolean dependsOn(ConfigChangeSet changes) {
        return changes.changes().stream().anyMatch(change -> dependsOn(changes.namespace(), change.key()));
    }

    boolean dependsOn(String changedNamespace, String key) {
        return namespace.equals(changedNamespace) && (prefix.isEmpty() || key.startsWith(prefix + "/"));
    }

    /** Makes the first instance, if there is none; false if that cannot be. */
    synchronized boolean begin(GroupBinder binder, Supplier<@Nullable ConfigView> source) {
        if (instance == null) {
            refresh(binder, source);
        }
        return instance != null;
    }

    /**
     * Makes the newest instance; if that cannot be, the last one stays.
     *
     * @param source asked under this group's lock, so that the newest view wins
     * @return the view, if its news were rejected; null if they were not
     */
    synchronized @Nullable ConfigView refresh(GroupBinder binder, Supplier<@Nullable ConfigView> source) {
        ConfigView view = source.get();
        GroupBinder.Result result = binder.bind(this, view == null ? List.of() : view.entries());
        rejections = result.rejections();
        if (result.instance() != null) {
            instance = result.instance();
            revision = view == null ? 0 : view.revision();
            return null;
        }
        rejected(view == null ? 0 : view.revision());
        return view;
    }

    /** The newest state cannot even be looked at. */
    synchronized void reject(String reason) {
        rejections = List.of(new Rejection(prefix + "/", type.getName(), reason));
        rejected(ConfigValueRegistry.UNREAD);
    }

    private void rejected(long at) {
        lastRejection = new ConfigBinding.Rejected(at, reasons(rejections));
    }

    synchronized ConfigBinding described() {
        return new ConfigBinding(
                namespace,
                prefix + "/",
                type.getSimpleName(),
                type.getName(),
                properties,
                true,
                1,
                revision,
                rejections.isEmpty() ? null : reasons(rejections),
                lastRejection);
    }

    static String reasons(List<Rejection> rejections) {
        return rejections.stream().map(Rejection::toString).collect(Collectors.joining("; "));
    }

    @Override
    public Object get() {
        Object now = instance;
        if (now == null) {
            throw new MissingConfigException(
                    rejections.stream().map(this::describe).toList());
        }
        return now;
    }

    /** What answers from the newest instance at each call; the instance itself if its class cannot have such a proxy. */
    Object proxy() {
        if (!proxyable()) {
            return get();
        }
        return factory().getProxy(type.getClassLoader());
    }

    /** The class of {@link #proxy()}, if there is one. */
    Class<?> proxyClass() {
        return factory().getProxyClass(type.getClassLoader());
    }

    private ProxyFactory factory() {
        ProxyFactory factory = new ProxyFactory();
        factory.setTargetSource(this);
        if (type.isInterface()) {
            factory.addInterface(type);
        } else {
            factory.setProxyTargetClass(true);
        }
        return factory;
    }

    boolean proxyable() {
        return !Modifier.isFinal(type.getModifiers());
    }

    /** What is wrong with a key, and for whom. */
    String describe(Rejection rejection) {
        return "key '" + rejection.key() + "'" + (namespace.isEmpty() ? "" : " in namespace '" + namespace + "'")
                + " for " + type.getName() + " (" + rejection.expected() + "): " + rejection.reason();
    }

    @Override
    public Class<?> getTargetClass() {
        return type;
    }

    @Override
    public Object getTarget() {
        return get();
    }

    @Override
    public String toString() {
        return "Live<" + type.getName() + ">";
    }
}
