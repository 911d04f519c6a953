// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.ConfigObserver;
import io.configmanager.codec.Codec;
import io.configmanager.codec.JsonCodec;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.outbox.OutboxSettings;
import io.configmanager.spring.ConfigManagerBuilderCustomizer;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.MemoryConfigStore;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.SearchStrategy;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.thread.Threading;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;
import org.springframework.core.task.VirtualThreadTaskExecutor;
import org.springframework.util.StringUtils;

/** The manager on the store, connected before any bean can ask it for a value. */
@AutoConfiguration(after = {ConfigStoreAutoConfiguration.class, ConfigValueAutoConfiguration.class})
@ConditionalOnBooleanProperty(name = "config.enabled", matchIfMissing = true)
@ConditionalOnBean(ConfigStore.class)
@EnableConfigurationProperties(ConfigProperties.class)
public final class ConfigManagerAutoConfiguration {

    @Bean(initMethod = "connect", destroyMethod = "close")
    @ConditionalOnMissingBean
    ConfigManager configManager(
            ConfigProperties properties,
            ConfigStore store,
            ObjectProvider<Codec> codecs,
            ObjectProvider<ConfigObserver> observers,
            ObjectProvider<ConfigManagerBuilderCustomizer> customizers,
            ObjectProvider<StoreSelection> selection,
            Environment environment) {
        ConfigProperties.Watch watch = properties.watch();
        ConfigManagerBuilder builder = ConfigManagerBuilder.forStore(store)
                .preload(properties.namespace())
                .preload(properties.namespaces().toArray(String[]::new))
                .startup(properties.startup().policy(), properties.startup().timeout())
                .maximumEntries(properties.cache().maximumEntries())
                .maximumValueBytes((int) properties.value().maximumSize().toBytes())
                .retry(watch.firstRetry(), watch.lastRetry(), watch.stableAfter())
                .maintenanceInterval(properties.maintenanceInterval())
                .health(
                        properties.health().failureThreshold(),
                        properties.health().gracePeriod());
        bootSnapshot(builder, store, properties, selection.getIfAvailable(), environment);
        outbox(builder, store, properties.outbox(), selection.getIfAvailable(), environment);
        fleet(builder, properties.fleet(), environment);
        if (Threading.VIRTUAL.isActive(environment)) {
            builder.listenerExecutor(new VirtualThreadTaskExecutor("config-listener-"));
        }
        codecs.orderedStream().forEach(codec -> {
            if (codec.name().equals(JsonCodec.NAME)) {
                builder.defaultCodec(codec);
            } else {
                builder.codec(codec);
            }
        });
        builder.observer(new RejectedValueLog());
        observers.orderedStream().forEach(builder::observer);
        customizers.orderedStream().forEach(customizer -> customizer.customize(builder));
        return builder.build();
    }

    static void bootSnapshot(
            ConfigManagerBuilder builder,
            ConfigStore store,
            ConfigProperties properties,
            @Nullable StoreSelection selection,
            Environment environment) {
        ConfigProperties.Snapshot snapshot = properties.snapshot();
        if (snapshot.enabled() && !(store instanceof MemoryConfigStore)) {
            Path directory = snapshot.directory() == null ? ofApplication(environment) : snapshot.directory();
            builder.bootSnapshot(directory, origin(store, selection), snapshot.key());
        }
    }

    private static void outbox(
            ConfigManagerBuilder builder,
            ConfigStore store,
            ConfigProperties.Outbox outbox,
            @Nullable StoreSelection selection,
            Environment environment) {
        if (outbox.enabled() && !(store instanceof MemoryConfigStore)) {
            Path directory =
                    outbox.directory() == null ? ofApplication(environment).resolve("outbox") : outbox.directory();
            builder.outbox(new OutboxSettings(
                    directory,
                    origin(store, selection),
                    outbox.readYourWrites(),
                    outbox.maximumOperations(),
                    outbox.maximumSize().toBytes(),
                    outbox.deadline(),
                    outbox.pendingInterval(),
                    outbox.idleInterval(),
                    outbox.passTimeout()));
        }
    }

    private static void fleet(ConfigManagerBuilder builder, ConfigProperties.Fleet fleet, Environment environment) {
        if (fleet.enabled()) {
            Duration expiry = fleet.expiry() == null ? fleet.interval().multipliedBy(3) : fleet.expiry();
            String name = StringUtils.hasText(fleet.instance())
                    ? fleet.instance()
                    : environment.getProperty("spring.application.name", "application") + "@" + hostName() + "-"
                            + UUID.randomUUID().toString().substring(0, 4);
            builder.fleet(name, fleet.interval(), expiry);
        }
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "unknown";
        }
    }

    /** Which store it is, without credentials: what is on disk for another one is not used. */
    private static String origin(ConfigStore store, @Nullable StoreSelection selection) {
        return store.description() + (selection == null ? "" : " at " + selection.address());
    }

    private static Path ofApplication(Environment environment) {
        String application = environment.getProperty("spring.application.name", "application");
        return Path.of(
                System.getProperty("user.home"), ".config-manager", application.replaceAll("[^A-Za-z0-9._-]", "_"));
    }

    /** Where the manager is: one of a parent context must not end with its child. */
    @Bean
    @ConditionalOnBean(value = ConfigManager.class, search = SearchStrategy.CURRENT)
    ConfigManagerLifecycle configManagerLifecycle(ConfigManager manager, ConfigurableApplicationContext context) {
        return new ConfigManagerLifecycle(manager, context::isClosed);
    }

    /** Not named {@code config}, which many an application calls a class with {@code @Configuration}. */
    @Bean("config-io.configmanager.Config")
    @ConditionalOnMissingBean
    Config config(ConfigManager manager, ConfigProperties properties) {
        return manager.namespace(properties.namespace());
    }
}
