// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.store.ConfigStore;
import java.util.HashSet;
import java.util.Set;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.sql.init.dependency.AbstractBeansOfTypeDependsOnDatabaseInitializationDetector;

/** The store is used only after its tables, and those of Flyway or Liquibase, are there. */
final class ConfigStoreDependsOnDatabaseInitializationDetector
        extends AbstractBeansOfTypeDependsOnDatabaseInitializationDetector {

    @Override
    public Set<String> detect(ConfigurableListableBeanFactory beanFactory) {
        Set<String> names = new HashSet<>(super.detect(beanFactory));
        // A store that is there already, such as that of a test, has no definition that could depend on anything.
        names.removeIf(name -> beanFactory.containsSingleton(name) && !beanFactory.containsBeanDefinition(name));
        return names;
    }

    @Override
    protected Set<Class<?>> getDependsOnDatabaseInitializationBeanTypes() {
        return Set.of(ConfigStore.class);
    }
}
