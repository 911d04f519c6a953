// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.Config;
import io.configmanager.ConfigView;
import io.configmanager.spring.ConfigPrefix;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.spring.Live;
import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import io.configmanager.store.Commit;
import io.configmanager.store.ConfigStore;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.cloud.context.environment.EnvironmentChangeEvent;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.MapPropertySource;

/** Reads a pair of keys while both change in one commit: who sees one old and one new, or a value that nobody set. */
final class Torn implements Part {

    static final String CHANGES = "changes of the pair";
    static final String READS = "reads meanwhile";
    static final String TORN = "… one value old, the other new";
    static final String UNBOUND = "… a value that was never set";
    static final String RECORD = "`Live<Record>`";
    static final String PROPERTIES = "`Live` of a `@ConfigurationProperties` class";
    static final String VIEW = "`view()`";
    static final String FIELDS = "two injected fields";
    static final String CLOUD = "spring-cloud-context";

    /** Both are always set to the same. */
    private record Seen(int left, int right) {}

    @ConfigPrefix("pair")
    record Pair(
            @DefaultValue("0") int left, @DefaultValue("0") int right) {}

    /** Bound by setter, as Spring Cloud wants it. */
    @ConfigurationProperties("pair")
    public static class PairProperties {

        private volatile int left;
        private volatile int right;

        public int getLeft() {
            return left;
        }

        public void setLeft(int left) {
            this.left = left;
        }

        public int getRight() {
            return right;
        }

        public void setRight(int right) {
            this.right = right;
        }
    }

    @ConfigPrefix
    @ConfigurationProperties("pair")
    public static class LivePairProperties extends PairProperties {}

    static class Readers {

        @ConfigValue(key = "pair/left", defaultValue = "0")
        private volatile int left;

        @ConfigValue(key = "pair/right", defaultValue = "0")
        private volatile int right;

        private final Live<Pair> pair;
        private final Live<LivePairProperties> properties;

        Readers(Live<Pair> pair, Live<LivePairProperties> properties) {
            this.pair = pair;
            this.properties = properties;
        }
    }

    @ImportAutoConfiguration({ConfigValueAutoConfiguration.class, ConfigManagerAutoConfiguration.class})
    static class Ours {}

    @EnableAutoConfiguration
    @EnableConfigurationProperties(PairProperties.class)
    @Configuration(proxyBeanMethods = false)
    static class Cloud {}

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        int changes = quick ? 300 : 10_000;
        try (Database database = Database.start(figures);
                ConfigStore writer = database.newStore()) {
            IntConsumer change = number -> writer.commit(Commit.of(
                    List.of(
                            Database.put("", "pair/left", Integer.toString(number)),
                            Database.put("", "pair/right", Integer.toString(number))),
                    null,
                    null));
            change.accept(1);
            try (AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext()) {
                context.getEnvironment()
                        .getPropertySources()
                        .addFirst(new MapPropertySource("torn", Map.of("config.snapshot.enabled", "false")));
                context.registerBean(ConfigStore.class, database::newStore);
                context.register(Ours.class, Readers.class);
                context.refresh();
                Readers readers = context.getBean(Readers.class);
                Config config = context.getBean(Config.class);
                measure(figures, RECORD, changes, change, () -> {
                    Pair pair = readers.pair.get();
                    return new Seen(pair.left(), pair.right());
                });
                measure(figures, PROPERTIES, changes, change, () -> {
                    PairProperties pair = readers.properties.get();
                    return new Seen(pair.getLeft(), pair.getRight());
                });
                measure(figures, VIEW, changes, change, () -> {
                    ConfigView view = config.view();
                    return new Seen(of(view, "pair/left"), of(view, "pair/right"));
                });
                measure(figures, FIELDS, changes, change, () -> new Seen(readers.left, readers.right));
            }
        }
        cloud(figures, changes);
        figures.note(
                "One thread changes, one reads without a pause. Of two fields nothing more is promised than that each"
                        + " is current and never goes back. Spring Cloud's rebinder is told of both keys at once, without"
                        + " its search for what has changed.");
    }

    private static int of(ConfigView view, String key) {
        return view.get(key, Integer.class).orElse(0);
    }

    private static void cloud(Figures figures, int changes) throws InterruptedException {
        try (ConfigurableApplicationContext context = new SpringApplicationBuilder(Cloud.class)
                .properties(ConfigServer.WITHOUT_OURS)
                .web(WebApplicationType.NONE)
                .run("--spring.cloud.config.enabled=false")) {
            IntConsumer change = number -> {
                context.getEnvironment()
                        .getPropertySources()
                        .addFirst(new MapPropertySource("pair", Map.of("pair.left", number, "pair.right", number)));
                context.publishEvent(new EnvironmentChangeEvent(context, Set.of("pair.left", "pair.right")));
            };
            change.accept(1);
            PairProperties bean = context.getBean(PairProperties.class);
            measure(figures, CLOUD, changes, change, () -> new Seen(bean.getLeft(), bean.getRight()));
        }
    }

    private static void measure(Figures figures, String who, int changes, IntConsumer change, Supplier<Seen> read)
            throws InterruptedException {
        AtomicBoolean changing = new AtomicBoolean(true);
        long[] counts = new long[3];
        Thread reader = new Thread(() -> {
            boolean caughtUp = false;
            while (changing.get() || !caughtUp) {
                Seen seen = read.get();
                counts[0]++;
                if (seen.left() == 0 || seen.right() == 0) {
                    counts[2]++;
                } else if (seen.left() != seen.right()) {
                    counts[1]++;
                }
                caughtUp = seen.left() == changes && seen.right() == changes;
            }
        });
        reader.start();
        for (int i = 1; i <= changes; i++) {
            change.accept(i);
        }
        changing.set(false);
        reader.join();
        figures.add(CHANGES, who, changes);
        figures.add(READS, who, (double) counts[0]);
        figures.add(TORN, who, (double) counts[1]);
        figures.add(UNBOUND, who, (double) counts[2]);
    }
}
