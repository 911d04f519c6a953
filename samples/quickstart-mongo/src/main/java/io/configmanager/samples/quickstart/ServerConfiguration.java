// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import com.mongodb.ConnectionString;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.mongodb.autoconfigure.MongoClientSettingsBuilderCustomizer;
import org.springframework.boot.mongodb.autoconfigure.MongoConnectionDetails;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.type.AnnotatedTypeMetadata;

/** The MongoDB that was given, or the quickstart's own server. */
@Configuration(proxyBeanMethods = false)
class ServerConfiguration {

    @Bean
    @Conditional(NoneGiven.class)
    OwnServer ownServer(
            @Value("${quickstart.download:true}") boolean download,
            @Value("${quickstart.download-timeout:60s}") Duration timeout) {
        return download ? OwnServer.start(timeout) : OwnServer.inThisProcess();
    }

    @Bean
    MongoConnectionDetails serverAddress(@Value("${MONGODB_URI:}") String given, ObjectProvider<OwnServer> own) {
        ConnectionString uri =
                new ConnectionString(given.isEmpty() ? own.getObject().uri() : given);
        return () -> uri;
    }

    /** So that a request does not wait for half a minute while the server is away. */
    @Bean
    MongoClientSettingsBuilderCustomizer patience() {
        return settings ->
                settings.applyToClusterSettings(cluster -> cluster.serverSelectionTimeout(5, TimeUnit.SECONDS));
    }

    static final class NoneGiven implements Condition {

        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            return context.getEnvironment().getProperty("MONGODB_URI", "").isEmpty();
        }
    }
}
