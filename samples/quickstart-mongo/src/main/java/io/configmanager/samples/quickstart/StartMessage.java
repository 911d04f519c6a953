// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import com.mongodb.ConnectionString;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.boot.mongodb.autoconfigure.MongoConnectionDetails;
import org.springframework.context.event.EventListener;
import org.springframework.core.env.Environment;
import org.springframework.stereotype.Component;

/** Says what to open and what to type. */
@Component
class StartMessage {

    private final MongoConnectionDetails server;
    private final Environment environment;

    StartMessage(MongoConnectionDetails server, Environment environment) {
        this.server = server;
        this.environment = environment;
    }

    @EventListener(ApplicationReadyEvent.class)
    void print() {
        int port = environment.getProperty("local.server.port", Integer.class, 8080);
        String site = "http://" + environment.getProperty("server.address", "127.0.0.1") + ":" + port;
        ConnectionString uri = server.getConnectionString();
        System.out.printf("""

                The quickstart is up.
                  page       %1$s/
                  greeting   curl %1$s/greeting
                  database   %2$s

                Change the greeting over HTTP, or in the database:
                  curl -X POST %1$s/actuator/config/_/app/greeting -H 'Content-Type: application/json' -d '{"value":"Bonjour"}'
                  mongosh "%2$s" --eval 'db.config_entry.updateOne({_id: {ns: "", key: "app/greeting"}}, {$set: {value: "\\"Ciao\\""}}, {upsert: true})'

                Start a second instance on the same database:
                  MONGODB_URI="%2$s" ./mvnw -q -pl samples/quickstart-mongo -am spring-boot:run -Dspring-boot.run.arguments=--server.port=%3$d

                """, site, uri.getCredential() == null ? uri : "$MONGODB_URI", port + 1);
    }
}
