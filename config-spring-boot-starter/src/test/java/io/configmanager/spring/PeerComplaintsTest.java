// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigManager;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.MemoryConfigStore;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.test.context.assertj.AssertableApplicationContext;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.Order;

/** What users of other systems complain of, by the numbers of the list of issue 7, and how it is here. */
@ExtendWith(OutputCaptureExtension.class)
@NullMarked
class PeerComplaintsTest {

    private final MemoryConfigStore store = new MemoryConfigStore();
    private final ApplicationContextRunner runner = InMemory.runner(() -> store);

    @ConfigPrefix("pair")
    record Pair(
            @DefaultValue("0") int left, @DefaultValue("0") int right) {}

    @ConfigPrefix("pair")
    @ConfigurationProperties("pair")
    static class PairProperties {
        private int left;
        private int right;

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

    record Pairs(Live<Pair> pair, Live<PairProperties> properties, PairProperties bean) {}

    @Configuration(proxyBeanMethods = false)
    @EnableConfigurationProperties(PairProperties.class)
    static class Application {}

    private void withPairs(int first, Consumer<AssertableApplicationContext> test) {
        setPair(first);
        runner.withUserConfiguration(Application.class).withBean(Pairs.class).run(test::accept);
    }

    private void setPair(int number) {
        try (ConfigManager writer =
                ConfigManagerBuilder.forStore(store.another()).build()) {
            writer.connect();
            writer.namespace("").commit(batch -> batch.set("pair/left", number).set("pair/right", -number));
        }
    }

    @Test
    void complaint1_readersSeeHalfAppliedOrDefaultValues_neverHere() {
        int last = 300;
        withPairs(1, context -> {
            Pairs pairs = context.getBean(Pairs.class);
            Config config = context.getBean(Config.class);
            Thread writer = new Thread(() -> {
                for (int i = 2; i <= last; i++) {
                    int number = i;
                    config.commit(batch -> batch.set("pair/left", number).set("pair/right", -number));
                }
            });
            writer.start();
            int seen = 0;
            while (seen < last) {
                Pair pair = pairs.pair().get();
                assertThat(pair.right()).isEqualTo(-pair.left());
                assertThat(pair.left()).isGreaterThanOrEqualTo(Math.max(1, seen));
                PairProperties properties = pairs.properties().get();
                assertThat(properties.getRight()).isEqualTo(-properties.getLeft());
                assertThat(pairs.bean().getLeft()).as("never unbound").isPositive();
                seen = pair.left();
            }
        });
    }

    @Test
    void complaint2_immutablePropertiesNeverRefresh_theyDoHere() {
        withPairs(1, context -> {
            Pairs pairs = context.getBean(Pairs.class);
            Pair before = pairs.pair().get();
            setPair(2);
            await().until(() -> pairs.pair().get().equals(new Pair(2, -2)));
            assertThat(before).isEqualTo(new Pair(1, -1));
        });
    }

    static class Targets {
        final int constructor;
        final Live<Integer> live;

        @ConfigValue(key = "pair/left", defaultValue = "0")
        private volatile int hidden;

        private volatile int set;

        Targets(
                @ConfigValue(key = "pair/left", defaultValue = "0") int constructor,
                @ConfigValue(key = "pair/left", defaultValue = "0") Live<Integer> live) {
            this.constructor = constructor;
            this.live = live;
        }

        @ConfigValue(key = "pair/left", defaultValue = "0")
        @SuppressWarnings("UnusedMethod")
        private void setSet(int set) {
            this.set = set;
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Methods {
        @Bean
        StringBuilder parameter(@ConfigValue(key = "pair/left", defaultValue = "0") int number) {
            return new StringBuilder().append(number);
        }
    }

    @Test
    void complaint3_someTargetsSilentlyStayOld_hereTheyFollowOrAWarningSaysWhatToDo(CapturedOutput output) {
        setPair(1);
        runner.withBean(Targets.class).withUserConfiguration(Methods.class).run(context -> {
            Targets bean = context.getBean(Targets.class);
            setPair(2);
            await().until(() -> bean.live.get() == 2 && bean.hidden == 2 && bean.set == 2);
            assertThat(bean.constructor).isEqualTo(1);
        });
        assertThat(output)
                .containsOnlyOnce("Targets(constructor) (int) gets its value once")
                .containsOnlyOnce("Methods.parameter(number) (int) gets its value once")
                .contains("inject Live<T> to follow");
    }

    static class Listening {
        final List<String> heard = new CopyOnWriteArrayList<>();

        @ConfigValue(key = "pair/left", defaultValue = "0")
        private int left;

        @ConfigListener(prefixes = "pair")
        void onChange(ConfigChangeSet changes, Pair pair) {
            heard.add("listener of " + changes.changes().size() + " keys sees " + left + " and " + pair.left());
        }

        @Order(2)
        @ConfigListener(keys = "pair/left")
        void second(ConfigChange change) {
            heard.add("second " + text(change.before()) + " -> " + text(change.after()));
        }

        @Order(1)
        @ConfigListener(keys = "pair/left")
        void first() {
            heard.add("first");
        }

        private static String text(@Nullable ConfigEntry entry) {
            return entry == null ? "nothing" : entry.value();
        }
    }

    @Test
    void complaint4_noAtomicChangeOfSeveralKeys_hereItIsOneChangeSetForOneListener() {
        runner.withBean(Listening.class).run(context -> {
            Listening bean = context.getBean(Listening.class);
            setPair(5);
            await().until(() -> bean.heard.contains("listener of 2 keys sees 5 and 5"));
            assertThat(bean.heard)
                    .filteredOn(text -> text.startsWith("listener"))
                    .hasSize(1);
        });
    }

    static class Prototype {
        @ConfigValue(key = "pair/left", defaultValue = "0")
        int left;
    }

    @Test
    void complaint5_prototypeBeansLeak_hereTheyAreForgotten() {
        runner.withBean(Prototype.class, Prototype::new, definition -> definition.setScope("prototype"))
                .run(context -> {
                    ConfigBindings bindings = context.getBean(ConfigBindings.class);
                    for (int i = 0; i < 10_000; i++) {
                        context.getBean(Prototype.class);
                    }
                    WeakReference<Prototype> last = new WeakReference<>(context.getBean(Prototype.class));
                    await().untilAsserted(() -> {
                        System.gc();
                        assertThat(last.get()).isNull();
                        assertThat(bindings.targets()).isZero();
                    });
                });
    }

    @Test
    void complaint9_aBadValueThrowsAwayTheWorkingBean_hereTheLastGoodOneStaysWhole() {
        withPairs(1, context -> {
            Pairs pairs = context.getBean(Pairs.class);
            Pair good = pairs.pair().get();
            Config config = context.getBean(Config.class);
            config.commit(batch -> batch.set("pair/left", 2).set("pair/right", "bad"));
            await().until(() -> context.getBean(ConfigBindings.class).errors() >= 2);
            assertThat(pairs.pair().get()).isSameAs(good);
            assertThat(pairs.bean().getLeft()).isEqualTo(1);
            assertThat(context.getBean(ConfigManager.class).health().status()).hasToString("UP");
            config.set("pair/right", -2);
            await().until(() -> pairs.pair().get().equals(new Pair(2, -2)));
        });
    }

    @Test
    void complaint10_deletingAKeyDoesNotRestoreTheDefault_hereItDoes() {
        withPairs(1, context -> {
            Pairs pairs = context.getBean(Pairs.class);
            context.getBean(Config.class).delete("pair/left");
            await().until(() -> pairs.pair().get().equals(new Pair(0, -1)));
            assertThat(pairs.bean().getLeft()).isZero();
        });
    }

    @ConfigPrefix("unrelated")
    record Unrelated(@DefaultValue("0") int number) {}

    record UsesUnrelated(Live<Unrelated> unrelated) {}

    static class Counting {
        int calls;

        @ConfigValue(key = "unrelated", defaultValue = "0")
        void setNumber(int number) {
            calls++;
        }
    }

    @Test
    void complaint13_anyChangeRebindsEveryBean_hereOnlyWhatDependsOnItsKeys() {
        setPair(1);
        runner.withBean(UsesUnrelated.class)
                .withBean(Counting.class)
                .withUserConfiguration(Application.class)
                .withBean(Pairs.class)
                .run(context -> {
                    Unrelated before =
                            context.getBean(UsesUnrelated.class).unrelated().get();
                    setPair(2);
                    await().until(() ->
                            context.getBean(Pairs.class).pair().get().left() == 2);
                    assertThat(context.getBean(UsesUnrelated.class).unrelated().get())
                            .isSameAs(before);
                    assertThat(context.getBean(Counting.class).calls).isEqualTo(1);
                });
    }

    @Test
    void complaint16_listenerOrderIsUndefinedAndListenersReadOldFields_hereFieldsAreFirstAndOrderHolds() {
        runner.withBean(Listening.class).run(context -> {
            Listening bean = context.getBean(Listening.class);
            Config config = context.getBean(Config.class);
            for (int i = 1; i <= 20; i++) {
                int number = i;
                int calls = 3 * i;
                config.commit(batch -> batch.set("pair/left", number));
                await().until(() -> bean.heard.size() == calls);
                assertThat(bean.heard).contains("listener of 1 keys sees " + number + " and " + number);
                assertThat(bean.heard)
                        .filteredOn(text -> !text.startsWith("listener"))
                        .endsWith("first", "second " + (i == 1 ? "nothing" : i - 1) + " -> " + i);
            }
        });
    }

    @Test
    void complaint17_listenersGetKeysTheyDidNotAskFor_hereOnlyThoseWithOldAndNewValue() {
        withPairsAndListener(context -> {
            Listening bean = context.getBean(Listening.class);
            context.getBean(Config.class)
                    .commit(batch -> batch.set("other", 1).set("pair/left", 7).set("pair2/left", 1));
            await().untilAsserted(() -> assertThat(bean.heard)
                    .containsExactlyInAnyOrder("listener of 1 keys sees 7 and 7", "first", "second 1 -> 7"));
        });
    }

    private void withPairsAndListener(Consumer<AssertableApplicationContext> test) {
        setPair(1);
        runner.withBean(Listening.class).run(test::accept);
    }

    @Test
    void complaint24_noLocalOverride_hereTheCommandLineGoesBeforeTheStore() {
        setPair(1);
        runner.withUserConfiguration(Application.class)
                .withSystemProperties("pair.left=99")
                .run(context -> {
                    PairProperties bean = context.getBean(PairProperties.class);
                    assertThat(bean.getLeft()).isEqualTo(99);
                    setPair(2);
                    await().until(() -> bean.getRight() == -2);
                    assertThat(bean.getLeft()).isEqualTo(99);
                });
    }
}
