// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.cloud.context.refresh.ContextRefresher;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;

/**
 * What a change costs with Spring Cloud. Nothing is pushed there: somebody changes a file of the config server and then
 * makes each instance refresh, over HTTP or a bus. Measured is what the instance does then.
 */
final class SpringCloud implements Part {

    static final String CHANGE = "file changed → `refresh()` → bound value";
    static final String NOTHING = "`refresh()` with nothing changed";
    static final String CONFIG = "Spring Cloud Config";
    static final String CONTEXT = "spring-cloud-context alone";

    /** Bound by setter, as refreshing wants it. */
    @ConfigurationProperties("limits")
    public static class Limits {

        private volatile int value;

        public int getValue() {
            return value;
        }

        public void setValue(int value) {
            this.value = value;
        }
    }

    @EnableAutoConfiguration
    @EnableConfigurationProperties(Limits.class)
    @Configuration(proxyBeanMethods = false)
    static class Application {}

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        int refreshes = quick ? 5 : 100;
        try (ConfigServer server = new ConfigServer()) {
            try (ConfigurableApplicationContext client = application(server.clientArguments())) {
                ContextRefresher refresher = client.getBean(ContextRefresher.class);
                Limits limits = client.getBean(Limits.class);
                Samples samples = new Samples();
                for (int i = -refreshes / 2; i < refreshes; i++) {
                    long start = System.nanoTime();
                    server.set(i);
                    refresher.refresh();
                    if (limits.getValue() != i) {
                        throw new IllegalStateException("The refresh did not bring the value");
                    }
                    if (i >= 0) {
                        samples.add(System.nanoTime() - start);
                    }
                }
                figures.add(CHANGE, CONFIG, samples);
                figures.add(NOTHING, CONFIG, unchanged(refresher, refreshes));
            }
        }
        try (ConfigurableApplicationContext client = application("--spring.cloud.config.enabled=false")) {
            figures.add(NOTHING, CONTEXT, unchanged(client.getBean(ContextRefresher.class), refreshes));
        }
        figures.note(
                "A near-empty application, the server in the same JVM with files in a local directory. Not in these"
                        + " times: how the instance comes to know (a POST to each, or a message bus).");
    }

    private static Samples unchanged(ContextRefresher refresher, int refreshes) {
        Samples samples = new Samples();
        for (int i = -refreshes / 2; i < refreshes; i++) {
            long start = System.nanoTime();
            refresher.refresh();
            if (i >= 0) {
                samples.add(System.nanoTime() - start);
            }
        }
        return samples;
    }

    private static ConfigurableApplicationContext application(String... arguments) {
        return new SpringApplicationBuilder(Application.class)
                .properties(ConfigServer.WITHOUT_OURS)
                .web(WebApplicationType.NONE)
                .run(arguments);
    }
}
