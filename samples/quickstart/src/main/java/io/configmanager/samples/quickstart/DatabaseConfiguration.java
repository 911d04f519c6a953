// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import java.io.IOException;
import java.nio.file.Path;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.type.AnnotatedTypeMetadata;

/** The quickstart's own database, unless it was given one. */
@Configuration(proxyBeanMethods = false)
@Conditional(DatabaseConfiguration.NoneGiven.class)
class DatabaseConfiguration {

    @Bean
    OwnDatabase ownDatabase(@Value("${quickstart.data-directory:.quickstart-data}") Path directory) throws IOException {
        return OwnDatabase.in(directory);
    }

    @Bean
    JdbcConnectionDetails ownDatabaseAddress(OwnDatabase database) {
        return new JdbcConnectionDetails() {
            @Override
            public String getJdbcUrl() {
                return database.jdbcUrl();
            }

            @Override
            public String getUsername() {
                return "postgres";
            }

            @Override
            public String getPassword() {
                return "";
            }
        };
    }

    static final class NoneGiven implements Condition {

        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            return !context.getEnvironment().containsProperty("spring.datasource.url");
        }
    }
}
