// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigManager;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.MemoryConfigStore;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.core.env.ConfigurableEnvironment;

/**
 * Keeps the imported property sources current: they follow the manager from the moment that it is connected, and are told of
 * a change before listeners are. They are looked up each time, because a refresh of Spring Cloud replaces them.
 */
final class ConfigEnvironment implements BeanPostProcessor, ConfigManagerBuilder.Applier, DisposableBean {

    private static final Logger log = LoggerFactory.getLogger(ConfigEnvironment.class);

    private final ConfigurableEnvironment environment;
    private final @Nullable ConfigEnvironment ofParent;
    private final Set<ConfigEnvironment> ofChildren = ConcurrentHashMap.newKeySet();
    private volatile @Nullable ConfigManager manager;

    /** @param ofParent the one of the parent context, whose manager this follows until there is another */
    ConfigEnvironment(ConfigurableEnvironment environment, @Nullable ConfigEnvironment ofParent) {
        this.environment = environment;
        this.ofParent = ofParent;
        ConfigManager known = ofParent == null ? null : ofParent.manager;
        if (ofParent != null && known != null) {
            ofParent.ofChildren.add(this);
            follow(known);
        }
    }

    @Override
    public void destroy() {
        if (ofParent != null) {
            ofParent.ofChildren.remove(this);
        }
    }

    Set<String> namespaces() {
        Set<String> namespaces = new LinkedHashSet<>();
        ConfigPropertySource.of(environment).forEach(source -> namespaces.add(namespace(source)));
        return namespaces;
    }

    void fill(MemoryConfigStore store) {
        for (ConfigPropertySource source : ConfigPropertySource.of(environment)) {
            source.fill(
                    store.snapshot(Set.of(namespace(source)), Integer.MAX_VALUE).entries(), true);
        }
    }

    /** Whether an import has already waited for the store in vain. */
    boolean storeWasAway() {
        return ConfigPropertySource.of(environment).stream().anyMatch(ConfigPropertySource::storeWasAway);
    }

    @Override
    public Object postProcessAfterInitialization(Object bean, String beanName) {
        if (bean instanceof ConfigManager connected) {
            destroy();
            follow(connected);
        }
        return bean;
    }

    private void follow(ConfigManager connected) {
        manager = connected;
        for (ConfigPropertySource source : ConfigPropertySource.of(environment)) {
            if (source.problem() != null) {
                log.warn("{} was left empty at the start: {}", source.getName(), source.problem());
            }
            follow(source, connected);
        }
    }

    @Override
    public void accept(ConfigChangeSet changes) {
        ConfigManager connected = manager;
        if (connected != null) {
            ConfigPropertySource.of(environment).stream()
                    .filter(source -> namespace(source).equals(changes.namespace()))
                    .forEach(source -> follow(source, connected));
        }
        ofChildren.forEach(child -> child.accept(changes));
    }

    private void follow(ConfigPropertySource source, ConfigManager connected) {
        String namespace = namespace(source);
        source.follow(() -> connected.namespace(namespace).view());
    }

    private String namespace(ConfigPropertySource source) {
        return source.namespace(environment.getProperty("config.namespace", ""));
    }
}
