// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.ConfigFilter;
import io.configmanager.KeyState;
import io.configmanager.ManagerStateException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What {@code config.publisher} does beyond the rules of Reactive Streams, which {@link PublisherTckTest} checks. */
class PublisherTest extends OnMemoryStore {

    private final BlockingQueue<String> told = new LinkedBlockingQueue<>();
    private Flow.Subscription subscription;

    @Test
    void ev3WhoAsksLateGetsTheNewest() throws Exception {
        put("a", "1");
        connect();
        config.publisher(ConfigFilter.keys("a"), Integer.class).subscribe(new Telling());
        subscription.request(1);
        assertTold("a=1");
        for (int i = 2; i <= 9; i++) {
            applied(put("a", String.valueOf(i)));
        }
        String last = null;
        for (int asked = 0; asked < 9 && !"a=9".equals(last); asked++) {
            subscription.request(1);
            last = told.poll(5, TimeUnit.SECONDS);
        }
        assertThat(last).isEqualTo("a=9");
    }

    @Test
    void completesWhenTheManagerClosesAlsoIfNothingWasRequested() throws Exception {
        put("a", "1");
        connect();
        config.publisher(ConfigFilter.keys("a"), Integer.class).subscribe(new Telling());
        manager.close();
        assertTold("complete");
        subscription.request(1);
        assertThat(told).isEmpty();
    }

    @Test
    void completesWhenTheManagerClosesAfterAllThatWasRequested() throws Exception {
        put("a", "1");
        connect();
        config.publisher(ConfigFilter.keys("a"), Integer.class).subscribe(new Telling());
        subscription.request(Long.MAX_VALUE);
        assertTold("a=1");
        manager.close();
        assertTold("complete");
    }

    @Test
    void aSubscriberComingTooLateIsToldWhy() throws Exception {
        connect();
        Flow.Publisher<KeyState<Integer>> publisher = config.publisher(ConfigFilter.ALL, Integer.class);
        manager.close();
        publisher.subscribe(new Telling());
        assertTold("error " + ManagerStateException.class.getSimpleName());
    }

    @Test
    void aSubscriberThatDoesNotEvenTakeItsSubscriptionIsNotHeld() {
        connect();
        Flow.Publisher<KeyState<Integer>> publisher = config.publisher(ConfigFilter.ALL, Integer.class);
        assertThatThrownBy(() -> publisher.subscribe(new Telling() {
                    @Override
                    public void onSubscribe(Flow.Subscription given) {
                        throw new IllegalStateException("expected");
                    }
                }))
                .hasMessage("expected");
        assertThat(manager.subscriptionStats().open()).isZero();
    }

    @Test
    void aSubscriberThatThrowsIsNotHeld() throws Exception {
        put("a", "1");
        connect();
        config.publisher(ConfigFilter.ALL, Integer.class).subscribe(new Telling() {
            @Override
            public void onNext(KeyState<Integer> state) {
                throw new StackOverflowError("expected");
            }
        });
        subscription.request(1);
        await().atMost(SOON).until(() -> manager.subscriptionStats().open() == 0);
        assertThat(told).isEmpty();
    }

    @Test
    void aValueThatCannotBeReadIsLeftOut() throws Exception {
        put("a", "\"text\"", "b", "1");
        connect();
        config.publisher(ConfigFilter.ALL, Integer.class).subscribe(new Telling());
        subscription.request(1);
        assertTold("b=1");
    }

    @Test
    void whoHasAllThatItHasRequestedIsNotBehind() throws Exception {
        put("a", "1");
        connect();
        config.publisher(ConfigFilter.ALL, Integer.class).subscribe(new Telling());
        subscription.request(1);
        assertTold("a=1");
        await().atMost(SOON).until(() -> manager.subscriptionStats().behind() == 0);
    }

    @Test
    void nothingIsOpenAfterCancel() {
        connect();
        config.publisher(ConfigFilter.ALL, Integer.class).subscribe(new Telling());
        assertThat(manager.subscriptionStats().open()).isOne();
        subscription.cancel();
        assertThat(manager.subscriptionStats().open()).isZero();
    }

    private void assertTold(String expected) throws InterruptedException {
        assertThat(told.poll(5, TimeUnit.SECONDS)).isEqualTo(expected);
    }

    private class Telling implements Flow.Subscriber<KeyState<Integer>> {

        @Override
        public void onSubscribe(Flow.Subscription given) {
            subscription = given;
        }

        @Override
        public void onNext(KeyState<Integer> state) {
            told.add(state.key() + "=" + state.value());
        }

        @Override
        public void onError(Throwable failure) {
            told.add("error " + failure.getClass().getSimpleName());
        }

        @Override
        public void onComplete() {
            told.add("complete");
        }
    }
}
