// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.configmanager.Condition;
import io.configmanager.ConfigFilter;
import io.configmanager.ConfigManager;
import io.configmanager.KeyState;
import io.configmanager.ValueType;
import io.configmanager.store.Commit;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.Operation;
import io.configmanager.value.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.tck.TestEnvironment;
import org.reactivestreams.tck.flow.FlowPublisherVerification;
import org.slf4j.LoggerFactory;
import org.testng.ITestResult;
import org.testng.TestListenerAdapter;
import org.testng.TestNG;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeClass;

/** The publishers by the technology compatibility kit of Reactive Streams, which is made for TestNG. */
class PublisherTckTest {

    /** The kit skips these for everybody, because nobody can write them, and the optional ones that do not apply here. */
    private static final List<String> NOT_APPLICABLE = List.of(
            // Each subscriber has a watcher of its own and may miss what another one gets; if it happens not to, these
            // pass.
            "optional_spec111_multicast_mustProduceTheSameElementsInTheSameSequenceToAllOfItsSubscribersWhenRequestingManyUpfront",
            "optional_spec111_multicast_mustProduceTheSameElementsInTheSameSequenceToAllOfItsSubscribersWhenRequestingManyUpfrontAndCompleteAsExpected",
            "optional_spec111_multicast_mustProduceTheSameElementsInTheSameSequenceToAllOfItsSubscribersWhenRequestingOneByOne",
            "untested_spec106_mustConsiderSubscriptionCancelledAfterOnErrorOrOnCompleteHasBeenCalled",
            "untested_spec107_mustNotEmitFurtherSignalsOnceOnErrorHasBeenSignalled",
            "untested_spec108_possiblyCanceledSubscriptionShouldNotReceiveOnErrorOrOnCompleteSignals",
            "untested_spec109_subscribeShouldNotThrowNonFatalThrowable",
            "untested_spec110_rejectASubscriptionRequestIfTheSameSubscriberSubscribesTwice",
            "untested_spec304_requestShouldNotPerformHeavyComputations",
            "untested_spec305_cancelMustNotSynchronouslyPerformHeavyComputation");

    private final Logger log = (Logger) LoggerFactory.getLogger("io.configmanager");

    @BeforeEach
    void quiet() {
        log.setLevel(Level.OFF);
    }

    @AfterEach
    void loud() {
        log.setLevel(null);
    }

    @Test
    void aValueKeepsTheRulesOfReactiveStreams() {
        List<String> skipped = new ArrayList<>(NOT_APPLICABLE);
        // A value takes every subscriber.
        skipped.add("optional_spec104_mustSignalOnErrorWhenFails");
        skipped.add(
                "required_spec109_mayRejectCallsToSubscribeIfPublisherIsUnableOrUnwillingToServeThemRejectionMustTriggerOnErrorAfterOnSubscribe");
        assertThat(skippedBy(ValueVerification.class)).isSubsetOf(skipped);
    }

    @Test
    void aConfigKeepsTheRulesOfReactiveStreams() {
        List<String> skipped = new ArrayList<>(NOT_APPLICABLE);
        // Wants 2³¹ elements; a value has as many as are wanted.
        skipped.add("required_spec317_mustNotSignalOnErrorWhenPendingAboveLongMaxValue");
        assertThat(skippedBy(ConfigVerification.class)).isSubsetOf(skipped);
    }

    private static List<String> skippedBy(Class<?> verification) {
        TestListenerAdapter results = new TestListenerAdapter();
        TestNG testNg = new TestNG(false);
        testNg.setVerbose(0);
        testNg.setTestClasses(new Class<?>[] {verification});
        testNg.addListener(results);
        testNg.run();
        assertThat(results.getFailedTests())
                .extracting(result -> result.getName() + ": " + result.getThrowable())
                .isEmpty();
        assertThat(results.getConfigurationFailures()).isEmpty();
        assertThat(results.getPassedTests()).hasSizeGreaterThan(20);
        return results.getSkippedTests().stream().map(ITestResult::getName).toList();
    }

    private static TestEnvironment environment() {
        return new TestEnvironment(10_000, 50, 1_000);
    }

    /**
     * A value is no stream: it gives its newest to who asks, and here there is a newer one whenever somebody asks. It never
     * ends, so that the end after as many elements as the kit wants is not the publisher's.
     */
    public static class ValueVerification extends FlowPublisherVerification<Long> {

        private ExecutorService threads;

        public ValueVerification() {
            super(environment());
        }

        @BeforeClass
        public void start() {
            threads = Executors.newCachedThreadPool(task -> {
                Thread thread = new Thread(task, "tck");
                thread.setDaemon(true);
                return thread;
            });
        }

        @Override
        public long maxElementsFromPublisher() {
            return Long.MAX_VALUE - 1;
        }

        @Override
        public Flow.Publisher<Long> createFlowPublisher(long elements) {
            Value<Long> value = new Value<>();
            AtomicLong next = new AtomicLong();
            Flow.Publisher<Long> publisher = value.publisher(threads);
            return subscriber -> {
                if (subscriber == null) {
                    publisher.subscribe(null);
                    return;
                }
                publisher.subscribe(new OnEachRequest<>(subscriber, elements, () -> value.set(next.incrementAndGet())));
            };
        }

        @Override
        public Flow.Publisher<Long> createFailedFlowPublisher() {
            return null;
        }
    }

    /** A namespace with as many keys as elements are wanted; it closes when they were told, which completes the stream. */
    public static class ConfigVerification extends FlowPublisherVerification<KeyState<Integer>> {

        private final List<ConfigManager> managers = new ArrayList<>();

        public ConfigVerification() {
            super(environment());
        }

        @Override
        public long maxElementsFromPublisher() {
            return 100;
        }

        @Override
        public Flow.Publisher<KeyState<Integer>> createFlowPublisher(long elements) {
            ConfigManager manager = manager((int) elements);
            Flow.Publisher<KeyState<Integer>> publisher =
                    manager.namespace("").publisher(ConfigFilter.ALL, Integer.class);
            if (elements == 0) {
                return subscriber -> {
                    publisher.subscribe(subscriber);
                    manager.close();
                };
            }
            return subscriber -> publisher.subscribe(
                    subscriber == null ? null : new AfterElements<>(subscriber, (int) elements, manager::close));
        }

        @Override
        public Flow.Publisher<KeyState<Integer>> createFailedFlowPublisher() {
            ConfigManager manager = manager(0);
            Flow.Publisher<KeyState<Integer>> publisher =
                    manager.namespace("").publisher(ConfigFilter.ALL, Integer.class);
            manager.close();
            return publisher;
        }

        private ConfigManager manager(int keys) {
            MemoryConfigStore store = new MemoryConfigStore();
            List<Operation> puts = new ArrayList<>();
            for (int i = 0; i < keys; i++) {
                puts.add(new Operation.Put("", "k" + i, "1", "json", ValueType.INTEGER, null, Condition.ALWAYS));
            }
            if (keys > 0) {
                store.commit(Commit.of(puts, null, null));
            }
            ConfigManager manager =
                    ConfigManagerBuilder.forStore(store).preload("").build();
            manager.connect();
            managers.add(manager);
            return manager;
        }

        @AfterMethod
        public void close() {
            managers.forEach(ConfigManager::close);
            managers.clear();
        }
    }

    /** Hands on so many elements; does something whenever more is requested. */
    private static final class OnEachRequest<T> implements Flow.Subscriber<T> {

        private final Flow.Subscriber<? super T> to;
        private final long elements;
        private final Runnable action;
        private Flow.Subscription subscription;
        private long handedOn;

        OnEachRequest(Flow.Subscriber<? super T> to, long elements, Runnable action) {
            this.to = to;
            this.elements = elements;
            this.action = action;
        }

        @Override
        public void onSubscribe(Flow.Subscription given) {
            subscription = given;
            to.onSubscribe(new Flow.Subscription() {
                @Override
                public void request(long n) {
                    given.request(n);
                    action.run();
                }

                @Override
                public void cancel() {
                    given.cancel();
                }
            });
            if (elements == 0) {
                end();
            }
        }

        @Override
        public void onNext(T item) {
            to.onNext(item);
            handedOn++;
            if (handedOn == elements) {
                end();
            } else {
                action.run();
            }
        }

        private void end() {
            subscription.cancel();
            to.onComplete();
        }

        @Override
        public void onError(Throwable failure) {
            to.onError(failure);
        }

        @Override
        public void onComplete() {
            to.onComplete();
        }
    }

    /** Hands everything on; does something after so many elements. */
    private record AfterElements<T>(Flow.Subscriber<? super T> to, AtomicInteger left, Runnable action)
            implements Flow.Subscriber<T> {

        AfterElements(Flow.Subscriber<? super T> to, int elements, Runnable action) {
            this(to, new AtomicInteger(elements), action);
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            to.onSubscribe(subscription);
        }

        @Override
        public void onNext(T item) {
            to.onNext(item);
            if (left.decrementAndGet() == 0) {
                action.run();
            }
        }

        @Override
        public void onError(Throwable failure) {
            to.onError(failure);
        }

        @Override
        public void onComplete() {
            to.onComplete();
        }
    }
}
