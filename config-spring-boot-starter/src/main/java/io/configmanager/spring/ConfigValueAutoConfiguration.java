// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.ConfigManager;
import io.configmanager.codec.Codec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.support.DefaultListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.convert.ApplicationConversionService;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Role;
import org.springframework.core.Ordered;
import org.springframework.core.PriorityOrdered;
import org.springframework.core.convert.ConversionService;
import tools.jackson.databind.json.JsonMapper;

/**
 * Injection of {@link ConfigValue}. Works without a {@code ConfigManager} too, as with {@code config.enabled=false}: every
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
            ObjectProvider<JsonMapper> mapper, ConfigurableListableBeanFactory beanFactory) {
        List<ConversionService> conversions = new ArrayList<>();
        ConversionService own = beanFactory.getConversionService();
        if (own != null) {
            conversions.add(own);
        }
        conversions.add(ApplicationConversionService.getSharedInstance());
        JsonMapper applications = mapper.getIfUnique();
        return new ConvertingJsonCodec(
                applications == null ? () -> JsonMapper.builder().build() : () -> applications, conversions);
    }

    @Bean
    ConfigValueRegistry configValueRegistry(
            ObjectProvider<ConfigManager> manager, ObjectProvider<Codec> codecs, ConvertingJsonCodec configJsonCodec) {
        Map<String, Codec> byName = new LinkedHashMap<>();
        codecs.orderedStream().forEach(codec -> byName.put(codec.name(), codec));
        return new ConfigValueRegistry(manager::getIfAvailable, byName, configJsonCodec);
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
                        new Demands(factory)));
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
