// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.configmanager.Condition;
import io.configmanager.FleetInstance;
import io.configmanager.FleetStatus;
import io.configmanager.InvalidConfigException;
import io.configmanager.ManagerStateException;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.store.Commit;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.Operation;
import io.configmanager.store.Position;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Instances on one memory store, in time that passes only here. */
class FleetMemberTest {

    private static final Duration SECOND = Duration.ofSeconds(1);

    private final FakeTime time = new FakeTime();
    private final MemoryConfigStore others = new MemoryConfigStore(time::instant);
    private final List<Node> nodes = new ArrayList<>();
    private final Logger log = (Logger) LoggerFactory.getLogger(FleetMember.class);
    private final List<Runnable> whileWaiting = new ArrayList<>();
    private boolean managerCloses;

    @BeforeEach
    void quiet() {
        log.setLevel(Level.ERROR);
    }

    @AfterEach
    void loud() {
        log.setLevel(null);
    }

    /** An instance, of which a test decides how far it has come. */
    private final class Node {
        final MemoryConfigStore memory = others.another();
        final FaultyStore store = new FaultyStore(memory);
        Position applied = head();
        boolean live = true;
        int rejected;
        long epoch;
        final List<Long> reports = new ArrayList<>();
        final FleetMember member;

        Node(String name) {
            store.beforeAnswer = call -> {
                if (call.equals("report")) {
                    reports.add(time.nanoTime());
                }
            };
            member = new FleetMember(
                    store,
                    new FleetMember.Settings(name, Duration.ofSeconds(10), Duration.ofSeconds(30)),
                    new FleetMember.Self(() -> applied, () -> epoch, () -> live, () -> rejected),
                    time::instant,
                    this::pause,
                    new FixedRandom(0.5),
                    time::nanoTime);
            nodes.add(this);
        }

        private boolean pause(Duration duration) throws InterruptedException {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            time.pass(duration);
            List.copyOf(whileWaiting).forEach(Runnable::run);
            return managerCloses;
        }
    }

    private Position head() {
        return others.snapshot(Set.of(), 1).position();
    }

    private long commit() {
        return others.commit(Commit.of(
                        List.of(new Operation.Put("", "k", "1", "json", ValueType.INTEGER, null, Condition.ALWAYS)),
                        null,
                        null))
                .revision();
    }

    private void seconds(int count) {
        for (int i = 0; i < count; i++) {
            time.pass(SECOND);
            nodes.forEach(node -> node.member.turn());
        }
    }

    private List<FleetInstance> instances() {
        return others.fleet().instances();
    }

    @Test
    void anInstanceReportsAtOnceAndThenInItsInterval() {
        commit();
        Node a = new Node("a");
        a.rejected = 2;
        a.member.turn();

        FleetInstance seen = instances().get(0);
        assertThat(seen.name()).isEqualTo("a");
        assertThat(seen.revision()).isEqualTo(1);
        assertThat(seen.live()).isTrue();
        assertThat(seen.rejected()).isEqualTo(2);
        assertThat(seen.startedAt()).isEqualTo(FakeTime.START);
        assertThat(seen.age()).isZero();

        seconds(35);
        assertThat(a.reports).hasSize(4);
        assertThat(instances().get(0).startedAt()).isEqualTo(FakeTime.START);
        assertThat(instances().get(0).age()).isEqualTo(Duration.ofSeconds(5));
    }

    @Test
    void newsAreToldWithTheNextTurnAndTogether() {
        Node a = new Node("a");
        a.member.turn();
        commit();
        commit();
        a.applied = head();
        a.live = false;
        seconds(1);

        assertThat(a.reports).hasSize(2);
        assertThat(instances().get(0).hasApplied(2)).isTrue();
        assertThat(instances().get(0).live()).isFalse();

        a.epoch++;
        seconds(1);
        assertThat(a.reports)
                .as("another history, in which the number is the same")
                .hasSize(3);
        seconds(1);
        assertThat(a.reports).hasSize(3);
    }

    @Test
    void nothingIsToldBeforeAnythingIsApplied() {
        Node a = new Node("a");
        a.applied = null;
        seconds(20);
        assertThat(a.reports).isEmpty();
        a.member.leave();
        assertThat(a.reports).isEmpty();
    }

    @Test
    void anInstanceThatDiesIsForgottenAndOneThatLeavesIsGone() {
        Node a = new Node("a");
        Node b = new Node("b");
        seconds(1);
        assertThat(instances()).hasSize(2);

        b.member.leave();
        assertThat(instances()).extracting(FleetInstance::name).containsExactly("a");

        nodes.remove(a);
        time.pass(Duration.ofSeconds(29));
        assertThat(instances()).hasSize(1);
        time.pass(SECOND);
        assertThat(instances()).isEmpty();
    }

    @Test
    void aStoreThatIsAwayIsAskedOnceInAnInterval() {
        Node a = new Node("a");
        seconds(1);
        assertThat(a.member.lastLook()).isPresent();
        a.memory.setAvailable(false);
        a.live = false;
        List<String> asked = new ArrayList<>();
        a.store.beforeAnswer = asked::add;
        seconds(1);
        assertThat(a.member.lastLook()).isEmpty();
        commit();
        seconds(30);
        assertThat(asked).as("answers").isEmpty();

        a.memory.setAvailable(true);
        a.live = true;
        a.applied = head();
        seconds(1);
        assertThat(asked).first().isEqualTo("report");
        assertThat(instances().get(0).hasApplied(1)).isTrue();
        seconds(10);
        assertThat(a.member.lastLook()).isPresent();
    }

    @Test
    void whoCouldNotReportDoesNotLeaveEither() {
        Node a = new Node("a");
        seconds(1);
        a.store.broken = true;
        seconds(11);
        a.store.broken = false;
        a.member.leave();
        assertThat(instances()).hasSize(1);
    }

    @Test
    void aLaggardLacksWhatWasThereAnIntervalAgo() {
        Node a = new Node("a");
        Node b = new Node("b");
        assertThat(a.member.laggards()).isEmpty();
        seconds(1);
        commit();
        a.applied = head();
        seconds(10);
        assertThat(a.member.lastLook().orElseThrow().without(1))
                .extracting(FleetInstance::name)
                .containsExactly("b");
        assertThat(a.member.laggards()).as("it may be on its way").isEmpty();

        seconds(10);
        assertThat(a.member.laggards()).extracting(FleetInstance::name).containsExactly("b");
        b.applied = head();
        seconds(10);
        assertThat(a.member.laggards()).isEmpty();
    }

    @Test
    void aShareOfTheInstancesIsAwaited() {
        Node a = new Node("a");
        Node b = new Node("b");
        Node c = new Node("c");
        long revision = commit();
        a.applied = head();
        seconds(1);

        assertThat(a.member.awaitApplied(revision - 1, 1, Duration.ZERO)).isTrue();
        assertThat(a.member.awaitApplied(revision, 1 / 3.0, Duration.ZERO)).isTrue();
        long start = time.nanoTime();
        assertThat(a.member.awaitApplied(revision, 0.34, Duration.ofSeconds(5))).isFalse();
        assertThat(time.nanoTime() - start).isEqualTo(Duration.ofSeconds(5).toNanos());
        FleetStatus status = a.member.look();
        assertThat(status.share(revision)).isEqualTo(1 / 3.0);
        assertThat(status.without(revision)).extracting(FleetInstance::name).containsExactly("b", "c");

        whileWaiting.add(() -> b.applied = head());
        whileWaiting.add(b.member::turn);
        assertThat(a.member.awaitApplied(revision, 2 / 3.0, Duration.ofSeconds(5)))
                .isTrue();
        assertThat(c.applied.revision()).isZero();
        assertThat(a.member.awaitApplied(revision, 1, Duration.ofSeconds(5))).isFalse();
    }

    @Test
    void whoExpiresWhileItIsAwaitedNoLongerCounts() {
        Node a = new Node("a");
        new Node("paused").member.turn();
        long revision = commit();
        a.applied = head();
        a.member.turn();
        whileWaiting.add(a.member::turn);

        long start = time.nanoTime();
        assertThat(a.member.awaitApplied(revision, 1, Duration.ofMinutes(1))).isTrue();
        assertThat(time.nanoTime() - start).isEqualTo(Duration.ofSeconds(30).toNanos());
    }

    @Test
    void nobodyHasAppliedAnything() {
        Node a = new Node("a");
        assertThat(a.member.awaitApplied(0, 0.1, SECOND)).isFalse();
        assertThat(a.member.look().share(0)).isZero();
    }

    @Test
    void anInterruptEndsTheWait() {
        Node a = new Node("a");
        Thread.currentThread().interrupt();

        assertThat(a.member.awaitApplied(1, 1, SECOND)).isFalse();
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void revisionsOfAnotherHistoryDoNotCount() {
        Node a = new Node("a");
        long revision = commit();
        a.applied = head();
        seconds(1);
        others.replaceHistory();
        assertThat(a.member.awaitApplied(revision, 1, SECOND)).isFalse();
        assertThat(a.member.look().without(revision)).hasSize(1);

        a.applied = head();
        a.epoch++;
        seconds(1);
        assertThat(a.member.awaitApplied(revision, 1, Duration.ZERO)).isTrue();
    }

    @Test
    void aStoreThatIsBackInTimeIsNoFailure() {
        Node a = new Node("a");
        a.member.turn();
        a.memory.setAvailable(false);
        BooleanSupplier await = () -> a.member.awaitApplied(0, 1, SECOND);
        assertThatThrownBy(await::getAsBoolean).isInstanceOf(StoreException.class);

        whileWaiting.add(() -> a.memory.setAvailable(true));
        assertThat(await.getAsBoolean()).isTrue();

        a.store.broken = true;
        long start = time.nanoTime();
        assertThatThrownBy(await::getAsBoolean).hasMessageContaining("does not exist");
        assertThat(time.nanoTime()).as("no retry can mend it").isEqualTo(start);
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        Node a = new Node("a");
        for (double share : new double[] {0, -0.1, 1.01, Double.NaN}) {
            assertThatThrownBy(() -> a.member.awaitApplied(1, share, SECOND))
                    .isInstanceOf(InvalidConfigException.class)
                    .hasMessageContaining("share");
        }
        managerCloses = true;
        assertThatThrownBy(() -> a.member.awaitApplied(1, 1, SECOND)).isInstanceOf(ManagerStateException.class);
    }
}
