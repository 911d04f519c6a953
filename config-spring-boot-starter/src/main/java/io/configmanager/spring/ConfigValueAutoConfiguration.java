// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.ConfigManager;
import io.configmanager.codec.Codec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.support.DefaultListableBeanFactory;
import org.springframework.boot.LazyInitializationExcludeFilter;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.context.properties.ConfigurationPropertiesBinding;
import org.springframework.boot.convert.ApplicationConversionService;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.PayloadApplicationEvent;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Role;
import org.springframework.context.event.ApplicationEventMulticaster;
import org.springframework.context.support.AbstractApplicationContext;
import org.springframework.core.Ordered;
import org.springframework.core.PriorityOrdered;
import org.springframework.core.convert.ConversionService;
import org.springframework.core.io.Resource;
import org.springframework.core.io.ResourceLoader;
import org.springframework.format.support.FormattingConversionService;
import org.springframework.util.ClassUtils;
import tools.jackson.databind.json.JsonMapper;

/**
 * Injection of {@link ConfigValue} and {@link ConfigPrefix}, and {@link ConfigListener}. Works without a {@code ConfigManager} too, as with {@code config.enabled=false}: every
 * target then has its default.
 */
@AutoConfiguration
public final class ConfigValueAutoConfiguration {

    @Bean
    @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
    static BeanFactoryPostProcessor configValueParameterSupport() {
        return new ParameterSupport();
    }

    @Bean
    @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
    static ConfigValueBeanPostProcessor configValueBeanPostProcessor(ConfigurableListableBeanFactory beanFactory) {
        return new ConfigValueBeanPostProcessor(
                () -> beanFactory.getBean(ConfigValueRegistry.class), new Demands(beanFactory));
    }

    @Bean
    ConvertingJsonCodec configJsonCodec(
            ObjectProvider<JsonMapper> mapper,
            ConfigurableListableBeanFactory beanFactory,
            ResourceLoader resourceLoader) {
        JsonMapper applications = mapper.getIfUnique();
        return new ConvertingJsonCodec(
                applications == null ? () -> JsonMapper.builder().build() : () -> applications,
                conversions(beanFactory, resourceLoader));
    }

    /** The application's own, as Spring Boot finds them for {@code @ConfigurationProperties}, then the usual ones. */
    private static List<ConversionService> conversions(
            ConfigurableListableBeanFactory beanFactory, ResourceLoader resourceLoader) {
        FormattingConversionService own = new FormattingConversionService();
        own.addConverter(String.class, Resource.class, resourceLoader::getResource);
        ApplicationConversionService.addBeans(own, beanFactory, ConfigurationPropertiesBinding.VALUE);
        List<ConversionService> conversions = new ArrayList<>(List.of(own));
        ConversionService applications = beanFactory.getConversionService();
        if (applications != null) {
            conversions.add(applications);
        }
        conversions.add(ApplicationConversionService.getSharedInstance());
        return conversions;
    }

    @Bean
    ConfigValueRegistry configValueRegistry(
            ObjectProvider<ConfigManager> manager,
            ObjectProvider<Codec> codecs,
            ConvertingJsonCodec configJsonCodec,
            ConfigurableListableBeanFactory beanFactory,
            ConfigurableApplicationContext context) {
        Map<String, Codec> byName = new LinkedHashMap<>();
        codecs.orderedStream().forEach(codec -> byName.put(codec.name(), codec));
        ConfigValueRegistry ofParent = ofParent(beanFactory);
        return new ConfigValueRegistry(
                manager::getIfAvailable,
                byName,
                configJsonCodec,
                () -> new GroupBinder(
                        byName,
                        conversions(beanFactory, context),
                        beanFactory::copyRegisteredEditorsTo,
                        context.getEnvironment(),
                        ClassUtils.isPresent(
                                        "jakarta.validation.Validator",
                                        ConfigValueAutoConfiguration.class.getClassLoader())
                                ? BeanValidation.of(beanFactory)
                                : null),
                ofParent == null ? context : event -> publishHere(event, context),
                known -> {
                    if (beanFactory instanceof DefaultListableBeanFactory factory
                            && factory.getAutowireCandidateResolver()
                                    instanceof ConfigValueCandidateResolver resolver) {
                        new ParameterScan(factory).forEach(parameter -> resolver.check(parameter, known));
                    }
                },
                ofParent);
    }

    private static @Nullable ConfigValueRegistry ofParent(ConfigurableListableBeanFactory beanFactory) {
        BeanFactory parent = beanFactory.getParentBeanFactory();
        boolean ownManager = beanFactory.getBeanNamesForType(ConfigManager.class, true, false).length > 0;
        return parent == null || ownManager
                ? null
                : parent.getBeanProvider(ConfigValueRegistry.class).getIfAvailable();
    }

    /** Not in the parent context as well, which publishes its own. */
    private static void publishHere(Object event, ConfigurableApplicationContext context) {
        context.getBean(
                        AbstractApplicationContext.APPLICATION_EVENT_MULTICASTER_BEAN_NAME,
                        ApplicationEventMulticaster.class)
                .multicastEvent(new PayloadApplicationEvent<>(context, event));
    }

    @Bean
    @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
    static ConfigListenerBeanPostProcessor configListenerBeanPostProcessor(
            ConfigurableListableBeanFactory beanFactory) {
        return new ConfigListenerBeanPostProcessor(
                beanFactory, () -> beanFactory.getBean(ConfigValueRegistry.class), new Demands(beanFactory));
    }

    /** A listener that nobody has asked for yet would hear nothing, which {@code spring.main.lazy-initialization} does not mean. */
    @Bean
    static LazyInitializationExcludeFilter configListenerLazyInitializationExcludeFilter() {
        return (beanName, definition, type) -> ConfigListenerBeanPostProcessor.listens(type);
    }

    @Bean
    ConfigManagerBuilderCustomizer configValueCustomizer(ConfigValueRegistry registry) {
        return builder -> builder.onApplied(registry);
    }

    private static final class ParameterSupport implements BeanFactoryPostProcessor, PriorityOrdered {

        @Override
        public void postProcessBeanFactory(ConfigurableListableBeanFactory beanFactory) {
            if (beanFactory instanceof DefaultListableBeanFactory factory) {
                factory.setAutowireCandidateResolver(new ConfigValueCandidateResolver(
                        factory.getAutowireCandidateResolver(),
                        () -> factory.getBean(ConfigValueRegistry.class),
                        new Demands(factory),
                        factory));
                if (factory.getConversionService() == null) {
                    // As SpringApplication does: taking a value out of its Optional needs one.
                    factory.setConversionService(ApplicationConversionService.getSharedInstance());
                }
            }
        }

        @Override
        public int getOrder() {
            return Ordered.HIGHEST_PRECEDENCE;
        }
    }
}
