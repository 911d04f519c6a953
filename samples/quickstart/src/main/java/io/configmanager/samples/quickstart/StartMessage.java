// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.context.event.EventListener;
import org.springframework.core.env.Environment;
import org.springframework.stereotype.Component;

/** Says what to open and what to type. */
@Component
class StartMessage {

    private final DataSource dataSource;
    private final Environment environment;

    StartMessage(DataSource dataSource, Environment environment) {
        this.dataSource = dataSource;
        this.environment = environment;
    }

    @EventListener(ApplicationReadyEvent.class)
    void print() {
        int port = environment.getProperty("local.server.port", Integer.class, 8080);
        String site = "http://" + environment.getProperty("server.address", "127.0.0.1") + ":" + port;
        String url = jdbcUrl();
        System.out.printf("""

                The quickstart is up.
                  page       %1$s/
                  greeting   curl %1$s/greeting
                  database   %2$s

                Change the greeting over HTTP, or in the database:
                  curl -X POST %1$s/actuator/config/_/app/greeting -H 'Content-Type: application/json' -d '{"value":"Bonjour"}'
                  psql "%3$s" -c "INSERT INTO config_entry (key, value) VALUES ('app/greeting', '\\"Ciao\\"') ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value"

                Start a second instance on the same database:
                  ./mvnw -q -pl samples/quickstart -am spring-boot:run -Dspring-boot.run.arguments="--server.port=%4$d --spring.datasource.url=%2$s"

                """, site, url, url.replaceFirst("^jdbc:", ""), port + 1);
    }

    private String jdbcUrl() {
        try (Connection connection = dataSource.getConnection()) {
            String url = connection.getMetaData().getURL();
            return url.contains("user=") ? url : url + (url.contains("?") ? "&" : "?") + "user=postgres";
        } catch (SQLException e) {
            return String.valueOf(environment.getProperty("spring.datasource.url"));
        }
    }
}
