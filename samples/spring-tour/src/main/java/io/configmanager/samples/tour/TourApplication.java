// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.tour;

import java.util.Map;
import java.util.TreeMap;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.scheduling.annotation.Scheduled;

/**
 * Prints what every {@link Form} has, and again when it has something else. Needs a PostgreSQL:
 * {@code --spring.datasource.url=…}.
 */
@SpringBootApplication
@EnableScheduling
public class TourApplication {

    private final Map<String, Form> forms;
    private final Map<String, String> printed = new TreeMap<>();

    TourApplication(Map<String, Form> forms) {
        this.forms = new TreeMap<>(forms);
    }

    public static void main(String[] arguments) {
        SpringApplication.run(TourApplication.class, arguments);
    }

    @Scheduled(fixedDelay = 200)
    void printWhatIsNew() {
        forms.forEach((name, form) -> {
            String now = form.now().get();
            if (!now.equals(printed.put(name, now))) {
                System.out.printf("%-20s %-28s %s%n", name, form.key(), now);
            }
        });
    }
}
