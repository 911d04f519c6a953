// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.config.DependencyDescriptor;
import org.springframework.beans.factory.support.RootBeanDefinition;
import org.springframework.core.DefaultParameterNameDiscoverer;
import org.springframework.core.MethodParameter;
import org.springframework.core.ParameterNameDiscoverer;

/**
 * Finds the parameters of all beans that the start makes. One that is missing ends the start before the others are asked
 * for, and a user wants to hear of all at once.
 */
final class ParameterScan {

    private final ConfigurableListableBeanFactory beanFactory;
    private final ParameterNameDiscoverer names = new DefaultParameterNameDiscoverer();

    ParameterScan(ConfigurableListableBeanFactory beanFactory) {
        this.beanFactory = beanFactory;
    }

    void forEach(Consumer<DependencyDescriptor> visitor) {
        for (String name : beanFactory.getBeanDefinitionNames()) {
            Executable executable = executable(name, beanFactory.getMergedBeanDefinition(name));
            for (int i = 0; executable != null && i < executable.getParameterCount(); i++) {
                MethodParameter parameter = MethodParameter.forExecutable(executable, i);
                parameter.initParameterNameDiscovery(names);
                visitor.accept(new DependencyDescriptor(parameter, true));
            }
        }
    }

    /** What makes the bean; null if that is not made at the start or cannot be told. */
    private @Nullable Executable executable(String name, BeanDefinition definition) {
        if (definition.isAbstract() || definition.isLazyInit() || !definition.isSingleton()) {
            return null;
        }
        // Asking for the type makes the definition know its factory method.
        Class<?> type = beanFactory.getType(name, false);
        if (type == null || !(definition instanceof RootBeanDefinition root) || root.getInstanceSupplier() != null) {
            return null;
        }
        Method factory = root.getResolvedFactoryMethod();
        if (factory != null || root.getFactoryMethodName() != null) {
            return factory;
        }
        Constructor<?>[] constructors =
                root.hasBeanClass() ? root.getBeanClass().getDeclaredConstructors() : type.getDeclaredConstructors();
        return constructors.length == 1
                ? constructors[0]
                : Arrays.stream(constructors)
                        .filter(one -> one.isAnnotationPresent(Autowired.class))
                        .findFirst()
                        .orElse(null);
    }
}
