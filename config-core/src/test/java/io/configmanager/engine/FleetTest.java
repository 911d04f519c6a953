// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigManager;
import io.configmanager.FleetInstance;
import io.configmanager.InvalidConfigException;
import io.configmanager.ManagerStateException;
import io.configmanager.WatchState;
import io.configmanager.engine.ConfigManagerBuilder.StartupPolicy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Whole managers that tell of themselves. */
class FleetTest extends OnMemoryStore {

    private static final Duration INTERVAL = Duration.ofSeconds(1);

    private ConfigManagerBuilder member(String name) {
        return builder().preload("").fleet(name, INTERVAL, INTERVAL.multipliedBy(20));
    }

    private List<FleetInstance> instances() {
        return others.fleet().instances();
    }

    @Test
    void managersTellWhatTheyHaveApplied() {
        AtomicInteger rejections = new AtomicInteger();
        connect(member("a").onApplied(new ConfigManagerBuilder.Applier() {
            @Override
            public void accept(ConfigChangeSet changes) {}

            @Override
            public int rejected() {
                return rejections.get();
            }
        }));
        ConfigManager b = ConfigManagerBuilder.forStore(others.another())
                .startup(StartupPolicy.FAIL, SOON)
                .fleet("b", INTERVAL, INTERVAL.multipliedBy(20))
                .build();
        b.connect();
        try (b) {
            await().atMost(SOON).until(() -> instances().size() == 2);
            long revision = put("x", "1");
            assertThat(manager.fleet().awaitApplied(revision, 1, SOON)).isTrue();
            assertThat(b.fleet().look().without(revision)).isEmpty();
            assertThat(b.fleet().look().instances())
                    .extracting(FleetInstance::name)
                    .containsExactly("a", "b");

            rejections.set(2);
            revision = put("x", "{");
            await().atMost(SOON)
                    .untilAsserted(
                            () -> assertThat(instances().get(0).rejected()).isEqualTo(3));
            assertThat(b.fleet().awaitApplied(revision, 1, SOON)).isTrue();
            await().atMost(SOON).until(() -> b.fleet().lastLook().isPresent());
        }
        assertThat(instances())
                .as("who closes leaves")
                .extracting(FleetInstance::name)
                .containsExactly("a");
    }

    /** What it tells is read only after appliers have returned, however long they take. */
    @Test
    void aRevisionIsNotClaimedBeforeTheTargetsHaveIt() throws Exception {
        CountDownLatch applying = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        connect(member("a").onApplied(changes -> {
            applying.countDown();
            try {
                goOn.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        await().atMost(SOON).until(() -> instances().size() == 1);
        long revision = put("x", "1");
        assertThat(applying.await(5, TimeUnit.SECONDS)).isTrue();
        applied(revision);
        assertThat(manager.fleet().awaitApplied(revision, 1, INTERVAL.multipliedBy(2)))
                .isFalse();
        goOn.countDown();
        assertThat(manager.fleet().awaitApplied(revision, 1, SOON)).isTrue();
    }

    @Test
    void anOutageIsSurvivedAndAReplacedHistoryToldAgain() {
        connect(member("a"));
        await().atMost(SOON).until(() -> instances().size() == 1);
        outage();
        assertThat(manager.watchStatus().state()).isEqualTo(WatchState.STALE);
        long revision = put("x", "1");
        recover();
        assertThat(manager.fleet().awaitApplied(revision, 1, SOON)).isTrue();

        restore("x", "7");
        assertThat(manager.fleet().awaitApplied(1, 1, SOON)).isTrue();
        assertThat(instances()).extracting(FleetInstance::ofThisHistory).containsExactly(true);
    }

    @Test
    void aStoreThatHangsHoldsUpNeitherTheWatchNorClosing() throws Exception {
        CountDownLatch reporting = new CountDownLatch(1);
        CountDownLatch never = new CountDownLatch(1);
        store.beforeAnswer = call -> {
            if (call.equals("report")) {
                reporting.countDown();
                try {
                    never.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        };
        connect(member("a"));
        assertThat(reporting.await(5, TimeUnit.SECONDS)).isTrue();
        applied(put("x", "1"));
        long start = System.nanoTime();
        manager.close();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(SOON);
    }

    @Test
    void whoWaitsIsReleasedByClosing() {
        connect(member("a"));
        List<Throwable> ended = new ArrayList<>();
        CountDownLatch waiting = new CountDownLatch(1);
        CompletableFuture<Void> waiter = CompletableFuture.runAsync(() -> {
            waiting.countDown();
            try {
                manager.fleet().awaitApplied(1_000, 1, Duration.ofHours(1));
            } catch (RuntimeException e) {
                ended.add(e);
            }
        });
        await().atMost(SOON).until(() -> waiting.getCount() == 0);
        manager.close();
        assertThat(waiter).succeedsWithin(SOON);
        assertThat(ended).hasSize(1);
        assertThatThrownBy(() -> manager.fleet())
                .isInstanceOf(ManagerStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void whoTakesNoPartIsTold() {
        connect();
        assertThatThrownBy(() -> manager.fleet())
                .isInstanceOf(ManagerStateException.class)
                .hasMessageContaining("config.fleet.enabled=true");
        assertThatThrownBy(() -> member("a").build().fleet())
                .isInstanceOf(ManagerStateException.class)
                .hasMessageContaining("not connected");
        applied(put("x", "1"));
        assertThat(instances()).isEmpty();
    }

    @Test
    void settingsAreChecked() {
        Duration second = Duration.ofSeconds(1);
        for (String name : List.of("", " ", "a\nb", "a".repeat(256))) {
            assertThatThrownBy(() -> builder().fleet(name, second, second.multipliedBy(3)))
                    .isInstanceOf(InvalidConfigException.class);
        }
        assertThatThrownBy(() -> builder().fleet("a", Duration.ZERO, second))
                .isInstanceOf(InvalidConfigException.class);
        assertThatThrownBy(() -> builder().fleet("a", second, Duration.ofMillis(1999)))
                .isInstanceOf(InvalidConfigException.class)
                .hasMessageContaining("twice");
    }
}
