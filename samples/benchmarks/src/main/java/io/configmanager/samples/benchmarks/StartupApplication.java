// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;

/**
 * An application that uses its database, says when it is ready, and ends. It is run without the rest of this package, so it
 * is one class.
 */
@EnableAutoConfiguration
@Configuration(proxyBeanMethods = false)
class StartupApplication {

    static final String READY = "ready";

    public static void main(String[] arguments) throws SQLException {
        try (ConfigurableApplicationContext context = SpringApplication.run(StartupApplication.class, arguments);
                var connection = context.getBean(DataSource.class).getConnection()) {
            connection.createStatement().execute("SELECT 1");
            System.out.println(READY + " " + context.containsBean("configManager") + " "
                    + context.getEnvironment().containsProperty("limits.value") + " "
                    + ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime());
        }
    }
}
