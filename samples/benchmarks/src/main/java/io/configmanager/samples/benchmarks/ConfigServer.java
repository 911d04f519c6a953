// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.cloud.config.server.EnableConfigServer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.util.FileSystemUtils;

/** A Spring Cloud Config server that serves a directory. */
final class ConfigServer implements AutoCloseable {

    /** What an application beside it must not find on this class path. */
    static final Map<String, Object> WITHOUT_OURS = Map.of(
            "config.enabled", "false",
            "spring.autoconfigure.exclude", "org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration",
            "spring.cloud.compatibility-verifier.enabled", "false",
            "spring.main.banner-mode", "off");

    private final ConfigurableApplicationContext context;
    private final Path directory;

    @EnableConfigServer
    @EnableAutoConfiguration
    @Configuration(proxyBeanMethods = false)
    static class Application {}

    ConfigServer() throws IOException {
        directory = Files.createTempDirectory("benchmark-config");
        set(0);
        context = new SpringApplicationBuilder(Application.class)
                .properties(WITHOUT_OURS)
                .profiles("native")
                .run(
                        "--server.port=0",
                        "--server.address=127.0.0.1",
                        "--spring.cloud.config.enabled=false",
                        "--spring.cloud.config.server.native.search-locations=" + directory.toUri());
    }

    /** What an application has to set to use it. */
    String[] clientArguments() {
        return new String[] {
            "--spring.application.name=app",
            // Off by default where the server is on the class path too.
            "--spring.cloud.config.enabled=true",
            "--spring.config.import=configserver:http://127.0.0.1:"
                    + context.getEnvironment().getProperty("local.server.port")
        };
    }

    /** Changes {@code limits.value} of all applications. */
    void set(int value) throws IOException {
        Files.writeString(directory.resolve("app.properties"), "limits.value=" + value + "\n");
    }

    @Override
    public void close() throws IOException {
        context.close();
        FileSystemUtils.deleteRecursively(directory);
    }
}
