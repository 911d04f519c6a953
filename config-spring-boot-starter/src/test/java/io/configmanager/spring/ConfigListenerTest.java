// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.Config;
import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigManager;
import io.configmanager.store.MemoryConfigStore;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.LazyInitializationBeanFactoryPostProcessor;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.event.EventListener;
import org.springframework.core.annotation.AliasFor;
import org.springframework.core.annotation.Order;

@ExtendWith(OutputCaptureExtension.class)
@NullMarked
class ConfigListenerTest {

    private final MemoryConfigStore store = new MemoryConfigStore();
    private final ApplicationContextRunner runner = InMemory.runner(() -> store);

    @ConfigPrefix("pool")
    record Pool(@DefaultValue("1") int size) {}

    @Retention(RetentionPolicy.RUNTIME)
    @ConfigListener
    @interface OnFeature {
        @AliasFor(annotation = ConfigListener.class, attribute = "keys")
        String[] value();
    }

    static class Listening {
        final List<String> heard = new CopyOnWriteArrayList<>();

        @ConfigValue(key = "a/one", defaultValue = "0")
        volatile int one;

        @ConfigListener(
                keys = {"a/one", "b/*/x"},
                prefixes = "${app.name}")
        void some(ConfigChangeSet changes) {
            heard.add("some " + keys(changes) + " while the field is " + one);
        }

        @ConfigListener
        void every(ConfigChange change) {
            heard.add(change.kind() + " " + change.key());
        }

        @ConfigListener(keys = "a/one")
        void values(
                @ConfigValue(key = "a/one", defaultValue = "-1") int value,
                @ConfigValue(key = "pool/size", defaultValue = "1") Live<Integer> live,
                Pool pool,
                Live<Pool> livePool,
                Config config) {
            heard.add("values " + value + " " + live.get() + " " + pool.size() + " "
                    + livePool.get().size() + " " + config.namespace());
        }

        @ConfigListener
        void pool(Pool pool) {
            heard.add("pool " + pool.size());
        }

        @ConfigListener(namespace = "other")
        void other(ConfigChangeSet changes) {
            heard.add("other " + keys(changes));
        }

        @OnFeature("feature")
        @SuppressWarnings("UnusedMethod")
        private void composed() {
            heard.add("feature");
        }

        private static List<String> keys(ConfigChangeSet changes) {
            return changes.changes().stream().map(ConfigChange::key).toList();
        }
    }

    static class Unasked {
        final List<String> heard;

        Unasked(List<String> heard) {
            this.heard = heard;
        }

        @ConfigListener(keys = "a/one")
        void changed(ConfigChange change) {
            heard.add(change.key());
        }
    }

    @Test
    void aListenerThatNobodyAsksForListensAlsoIfBeansAreLazy() {
        List<String> heard = new CopyOnWriteArrayList<>();
        runner.withInitializer(context ->
                        context.addBeanFactoryPostProcessor(new LazyInitializationBeanFactoryPostProcessor()))
                .withBean(Unasked.class, () -> new Unasked(heard))
                .run(context -> {
                    context.getBean(Config.class).set("a/one", 1);
                    await().untilAsserted(() -> assertThat(heard).containsExactly("a/one"));
                });
    }

    static class AsksForTheValue {
        @ConfigListener(keys = "a/one")
        void changed(String value) {
            throw new AssertionError(value);
        }
    }

    @Test
    void aParameterThatIsNothingIsNamedWithItsMethod() {
        runner.withBean(AsksForTheValue.class)
                .run(context -> assertThat(context)
                        .getFailure()
                        .hasMessageContaining("method 'changed' parameter 0")
                        .hasMessageContaining("java.lang.String"));
    }

    @Test
    void aMethodIsToldOfWhatItAskedForWithWhatItAskedFor() {
        runner.withPropertyValues("app.name=shop").withBean(Listening.class).run(context -> {
            Listening bean = context.getBean(Listening.class);
            Config config = context.getBean(Config.class);
            config.commit(batch -> batch.set("a/one", 1)
                    .set("a/two", 2)
                    .set("b/c/x", 3)
                    .set("b/c/y", 4)
                    .set("shop/open", true)
                    .set("pool/size", 5)
                    .set("feature", true));
            await().untilAsserted(() -> assertThat(bean.heard)
                    .containsExactlyInAnyOrder(
                            "some [a/one, b/c/x, shop/open] while the field is 1",
                            "INSERT a/one",
                            "INSERT a/two",
                            "INSERT b/c/x",
                            "INSERT b/c/y",
                            "INSERT feature",
                            "INSERT pool/size",
                            "INSERT shop/open",
                            "values 1 5 5 5 ",
                            "pool 5",
                            "feature"));
            bean.heard.clear();

            context.getBean(ConfigManager.class).namespace("other").set("k", 1);
            config.delete("a/one");
            await().untilAsserted(() -> assertThat(bean.heard)
                    .containsExactlyInAnyOrder(
                            "some [a/one] while the field is 0", "DELETE a/one", "values -1 5 5 5 ", "other [k]"));
        });
    }

    static class Ordered {
        final List<String> heard;

        Ordered(List<String> heard) {
            this.heard = heard;
        }

        @Order(3)
        @ConfigListener(keys = "k")
        void third() {
            heard.add("third");
        }

        @Order(1)
        @ConfigListener(keys = "k")
        void first() {
            heard.add("first");
            throw new IllegalArgumentException("for the test");
        }
    }

    static class OrderedToo extends Ordered {
        OrderedToo(List<String> heard) {
            super(heard);
        }

        @Override
        void first() {}

        @Override
        void third() {}

        @Order(2)
        @ConfigListener(keys = "k")
        void second() {
            heard.add("second");
        }
    }

    @Test
    void methodsWithAnOrderAreCalledInItWhateverTheyThrow(CapturedOutput output) {
        List<String> heard = new CopyOnWriteArrayList<>();
        runner.withBean("one", Ordered.class, () -> new Ordered(heard))
                .withBean("two", OrderedToo.class, () -> new OrderedToo(heard))
                .run(context -> {
                    context.getBean(Config.class).set("k", 1);
                    await().untilAsserted(() -> assertThat(heard).containsExactly("first", "second", "third"));
                    context.getBean(Config.class).set("other", 1);
                    context.getBean(Config.class).set("k", 2);
                    await().untilAsserted(() -> assertThat(heard).hasSize(6).endsWith("first", "second", "third"));
                });
        assertThat(output).contains("Ordered.first() failed");
    }

    static class Slow {
        final CountDownLatch go = new CountDownLatch(1);
        final List<String> heard = new CopyOnWriteArrayList<>();

        @ConfigListener
        void stuck() throws InterruptedException {
            assertThat(go.await(30, TimeUnit.SECONDS)).isTrue();
            heard.add("stuck");
        }

        @ConfigListener
        void quick() {
            heard.add("quick");
        }

        @EventListener
        void event(ConfigChangedEvent event) {
            heard.add("event " + event.changes().changes().get(0).key());
        }
    }

    @Test
    void aSlowMethodWithoutOrderHoldsBackNobody() {
        runner.withBean(Slow.class).run(context -> {
            Slow bean = context.getBean(Slow.class);
            context.getBean(Config.class).set("k", 1);
            await().untilAsserted(() -> assertThat(bean.heard).containsExactlyInAnyOrder("quick", "event k"));
            bean.go.countDown();
            await().untilAsserted(() -> assertThat(bean.heard).contains("stuck"));
        });
    }

    static class TwoFields {
        final List<String> wrong = new CopyOnWriteArrayList<>();

        @ConfigValue(key = "pair/left", defaultValue = "0")
        volatile int left;

        @ConfigValue(key = "pair/right", defaultValue = "0")
        volatile int right;

        volatile int told;

        @ConfigListener(prefixes = "pair")
        void onChange(ConfigChangeSet changes) {
            int right = this.right;
            int left = this.left;
            int set = Integer.parseInt(
                    Objects.requireNonNull(changes.changes().get(0).after()).value());
            if (left < set || right < set) {
                wrong.add(set + ": " + left + ", " + right);
            }
            told = set;
        }
    }

    @Test
    void eachOfTwoFieldsGoesForwardAndBothAreThereBeforeAListenerIsTold() {
        int last = 300;
        runner.withBean(TwoFields.class).run(context -> {
            TwoFields bean = context.getBean(TwoFields.class);
            Config config = context.getBean(Config.class);
            Thread writer = new Thread(() -> {
                for (int i = 1; i <= last; i++) {
                    int number = i;
                    config.commit(batch -> batch.set("pair/left", number).set("pair/right", number));
                }
            });
            writer.start();
            int left = 0;
            int right = 0;
            while (bean.told < last) {
                assertThat(bean.left).isGreaterThanOrEqualTo(left);
                assertThat(bean.right).isGreaterThanOrEqualTo(right);
                left = bean.left;
                right = bean.right;
            }
            writer.join();
            assertThat(bean.wrong).isEmpty();
        });
    }

    @Test
    void aBeanThatIsNoSingletonIsRefused() {
        runner.withBean(Slow.class, Slow::new, definition -> definition.setScope("prototype"))
                .run(context -> assertThatThrownBy(() -> context.getBean(Slow.class))
                        .hasMessageContaining("needs a singleton"));
    }

    @Test
    void withoutAStoreNobodyIsTold() {
        runner.withPropertyValues("config.enabled=false", "app.name=shop")
                .withBean(Slow.class)
                .run(context -> assertThat(context).hasNotFailed());
    }
}
