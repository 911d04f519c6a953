// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import java.util.List;
import org.springframework.boot.actuate.autoconfigure.endpoint.web.CorsEndpointProperties;
import org.springframework.boot.actuate.autoconfigure.endpoint.web.WebEndpointProperties;
import org.springframework.boot.actuate.autoconfigure.web.ManagementContextConfiguration;
import org.springframework.boot.actuate.endpoint.EndpointId;
import org.springframework.boot.actuate.endpoint.web.EndpointMapping;
import org.springframework.boot.actuate.endpoint.web.EndpointMediaTypes;
import org.springframework.boot.actuate.endpoint.web.ExposableWebEndpoint;
import org.springframework.boot.actuate.endpoint.web.WebEndpointsSupplier;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.webmvc.actuate.endpoint.web.AbstractWebMvcEndpointHandlerMapping;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;
import org.springframework.util.unit.DataSize;
import org.springframework.web.servlet.DispatcherServlet;

/** Writes over Spring MVC, in whichever context the actuator has its port. */
@ManagementContextConfiguration(proxyBeanMethods = false)
@ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
@ConditionalOnClass({DispatcherServlet.class, AbstractWebMvcEndpointHandlerMapping.class})
@ConditionalOnBean({ConfigEndpoint.class, WebEndpointsSupplier.class})
@EnableConfigurationProperties(CorsEndpointProperties.class)
public final class ConfigEndpointWebMvcConfiguration {

    private static final EndpointId ID = EndpointId.of("config");

    @Bean
    ConfigWriteHandlerMapping configWriteHandlerMapping(
            WebEndpointsSupplier endpoints,
            EndpointMediaTypes mediaTypes,
            WebEndpointProperties web,
            CorsEndpointProperties cors,
            Environment environment) {
        List<ExposableWebEndpoint> config = endpoints.getEndpoints().stream()
                .filter(endpoint -> endpoint.getEndpointId().equals(ID))
                .toList();
        return new ConfigWriteHandlerMapping(
                new EndpointMapping(web.getBasePath()),
                config,
                mediaTypes,
                cors.toCorsConfiguration(),
                Binder.get(environment)
                        .bind("config.value.maximum-size", DataSize.class)
                        .orElse(DataSize.ofMegabytes(1))
                        .toBytes());
    }
}
