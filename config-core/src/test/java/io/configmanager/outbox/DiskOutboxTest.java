// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.InvalidConfigException;
import io.configmanager.LogEntry;
import io.configmanager.ManagerStateException;
import io.configmanager.OutboxFullException;
import io.configmanager.QueuedWrite;
import io.configmanager.QueuedWrite.State;
import io.configmanager.StoreException;
import io.configmanager.ValueType;
import io.configmanager.VersionConflictException;
import io.configmanager.outbox.Queued.Done;
import io.configmanager.store.Commit;
import io.configmanager.store.CommitResult;
import io.configmanager.store.Feed;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.Operation;
import io.configmanager.store.Position;
import io.configmanager.store.PositionLostException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The outbox pass by pass, on real files, with a store in memory. */
class DiskOutboxTest {

    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

    @TempDir
    Path directory;

    private final MemoryConfigStore store = new MemoryConfigStore();
    private final Map<String, String> shown = new HashMap<>();

    /** What this instance believes to be in the store. */
    private final Map<String, ConfigEntry> known = new HashMap<>();

    private Function<Commit, @Nullable RuntimeException> refusal = commit -> null;
    private boolean answerIsLost;
    private volatile boolean diskIsFull;
    private final AtomicReference<@Nullable Runnable> whileAppending = new AtomicReference<>();
    private long nanos;
    private OutboxSettings settings;
    private DiskOutbox outbox;

    @BeforeEach
    void open() throws IOException {
        settings = OutboxSettings.in(directory, "memory");
        outbox = opened(settings);
    }

    @AfterEach
    void close() {
        outbox.close();
    }

    @Test
    void aWriteIsAppliedWithTheNextPass() {
        queue("a", "1");
        assertThat(shown).containsEntry("a", "1");
        assertThat(states()).containsExactly(State.PENDING);
        assertThat(outbox.pass()).isEqualTo(settings.idleInterval());
        assertThat(stored("a")).isEqualTo("1");
        assertThat(shown).isEmpty();
        assertThat(outbox.writes()).isEmpty();
        assertThat(outbox.stats().replayed()).isEqualTo(1);
    }

    /** OB-8, W-OB-3: what is deferred is not overtaken by later writes of its key, and holds up no other. */
    @Test
    void writesOfAKeyKeepTheirOrderAndHoldUpNoOther() {
        queue("a", "1");
        queue("b", "1");
        queue("a", "2");
        refusal = commit -> key(commit).equals("a") ? new StoreException("locked", true, null) : null;
        Duration wait = outbox.pass();
        assertThat(stored("b")).isEqualTo("1");
        assertThat(stored("a")).isNull();
        assertThat(wait).isBetween(Duration.ofMillis(500), Duration.ofMillis(1_500));
        assertThat(outbox.writes().get(0).attempts()).isEqualTo(1);
        assertThat(outbox.writes().get(0).reason()).isEqualTo("locked");
        refusal = commit -> null;
        // Its time has not come.
        outbox.pass();
        assertThat(stored("a")).isNull();
        nanos += wait.toNanos();
        outbox.pass();
        assertThat(stored("a")).isEqualTo("2");
        assertThat(history("a")).containsExactly("2", "1");
    }

    @Test
    void aCommitThatWaitsForOneKeyHoldsUpItsOthers() {
        queue("a", "1");
        outbox.enqueue(
                commit(put("a", "2", Condition.ALWAYS), put("b", "2", Condition.ALWAYS)), false, any -> null, null);
        queue("b", "3");
        refusal = commit -> commit.operations().size() == 1 && key(commit).equals("a")
                ? new StoreException("locked", true, null)
                : null;
        outbox.pass();
        assertThat(stored("b")).isNull();
        refusal = commit -> null;
        nanos += Duration.ofMinutes(1).toNanos();
        outbox.pass();
        assertThat(history("b")).containsExactly("3", "2");
    }

    /** O6, W-OB-2: create, update, delete and create again, one based on the other. */
    @Test
    void aChainIsAppliedInOrder() {
        queue("a", "1");
        queue("a", "2");
        delete("a");
        queue("a", "3");
        assertThat(shown).containsEntry("a", "3");
        outbox.pass();
        assertThat(history("a")).containsExactly("3", "deleted", "2", "1");
        assertThat(outbox.writes()).isEmpty();
    }

    /** O5, W-OB-4: what changed meanwhile is not overwritten, and neither is what is based on it applied. */
    @Test
    void whatWasOvertakenBecomesAConflictAndSoDoesWhatIsBasedOnIt() {
        learn("a", "0");
        queue("a", "mine");
        queue("a", "mine too");
        queue("b", "1");
        put("a", "theirs");
        outbox.pass();
        assertThat(stored("a")).isEqualTo("theirs");
        assertThat(stored("b")).isEqualTo("1");
        assertThat(states()).containsExactly(State.CONFLICT, State.CONFLICT);
        assertThat(shown).isEmpty();
        assertThat(outbox.writes().get(0).reason()).contains("version 1").contains("version 2");
        assertThat(outbox.writes().get(1).reason()).contains("earlier queued write");
    }

    @Test
    void aConflictIsForcedOrTriedAgainOrForgotten() {
        learn("a", "0");
        UUID first = queue("a", "mine");
        UUID second = queue("a", "mine too");
        put("a", "theirs");
        outbox.pass();
        assertThat(outbox.retry(first)).isTrue();
        outbox.pass();
        assertThat(states()).containsExactly(State.CONFLICT, State.CONFLICT);
        assertThat(outbox.force(second)).isTrue();
        outbox.pass();
        assertThat(stored("a")).isEqualTo("mine too");
        assertThat(outbox.discard(first)).isTrue();
        assertThat(outbox.writes()).isEmpty();
        assertThat(outbox.discard(first)).isFalse();
        assertThat(outbox.retry(first)).isFalse();
        assertThat(outbox.force(UUID.randomUUID())).isFalse();
    }

    @Test
    void aDecisionThatTheDiskDoesNotTakeChangesNothing() {
        learn("a", "0");
        UUID conflict = queue("a", "mine");
        put("a", "theirs");
        outbox.pass();
        diskIsFull = true;
        assertThatThrownBy(() -> outbox.force(conflict)).isInstanceOf(StoreException.class);
        assertThat(states()).containsExactly(State.CONFLICT);
        diskIsFull = false;
        assertThat(outbox.force(conflict)).isTrue();
        outbox.pass();
        assertThat(stored("a")).isEqualTo("mine");
    }

    /** The process is killed when a write is gone, and before it is noted what that means for the next. */
    @Test
    void whatIsBasedOnAWriteThatIsGoneIsSettledAfterACrash() {
        Queued first = queued(1, null, null);
        Queued next = queued(2, 1L, null);
        Done applied = new Done(List.of(new Done.Result("", "a", 7)));

        assertThat(new WriteQueue().recover(Map.of(2L, next), Map.of(1L, applied), Map.of()))
                .containsExactly(next.with(item -> item.expecting(7L, null)));
        for (Map<Long, Done> finished : List.of(Map.of(1L, Done.NOT_APPLIED), Map.<Long, Done>of())) {
            assertThat(new WriteQueue().recover(Map.of(2L, next), finished, Map.of()))
                    .extracting(Queued::state)
                    .containsExactly(State.CONFLICT);
        }
        WriteQueue queue = new WriteQueue();
        assertThat(queue.recover(Map.of(1L, first, 2L, next), Map.of(), Map.of()))
                .isEmpty();
        queue = new WriteQueue();
        Queued again = queued(3, null, 1L);
        queue.recover(Map.of(1L, first, 3L, again), Map.of(), Map.of());
        assertThat(queue.all()).containsExactly(again);
    }

    private static Queued queued(long sequence, @Nullable Long after, @Nullable Long replaces) {
        Queued.Item item = new Queued.Item("", "a", null, 1L, after, 2, START);
        return new Queued(
                sequence,
                new UUID(0, sequence),
                State.PENDING,
                List.of(item),
                null,
                null,
                START,
                START,
                null,
                null,
                replaces);
    }

    /** As they will be if nobody else writes. */
    @Test
    void queuedVersionsAreThoseOfTheStore() {
        learn("known", "1");
        for (String key : List.of("known", "new")) {
            queue(key, "2");
            queue(key, "3");
            delete(key);
            queue(key, "4");
        }
        List<Long> guessed = new ArrayList<>();
        for (QueuedWrite write : outbox.writes()) {
            ConfigEntry entry = write.changes().get(0).entry();
            guessed.add(entry == null ? 0 : entry.version());
        }
        assertThat(guessed).containsExactly(2L, 3L, 0L, 5L, 1L, 2L, 0L, 4L);
        outbox.pass();
        assertThat(store.get("", "known").entry().version()).isEqualTo(5);
        assertThat(store.get("", "new").entry().version()).isEqualTo(4);
    }

    @Test
    void theOldestThatIsPendingTellsHowLongTheStoreIsAway() {
        queue("poison", "1");
        refusal = commit -> new InvalidConfigException("no such text");
        outbox.pass();
        assertThat(outbox.stats().oldest()).isNull();
        nanos = 1_000;
        queue("a", "1");
        nanos = 2_000;
        queue("b", "1");
        assertThat(outbox.stats().oldest()).isEqualTo(START.plusNanos(1_000));
    }

    @Test
    void aFailureThatIsNotKnownHoldsTheWrite() {
        queue("a", "1");
        refusal = commit -> new IllegalStateException("expected");
        outbox.pass();
        assertThat(states()).containsExactly(State.PENDING);
        assertThat(outbox.writes().get(0).reason()).isEqualTo("expected");
        refusal = commit -> null;
        nanos += Duration.ofMinutes(1).toNanos();
        outbox.pass();
        assertThat(stored("a")).isEqualTo("1");
    }

    @Test
    void aPassIsNotLongerThanItMay() {
        queue("a", "1");
        queue("b", "1");
        refusal = commit -> {
            nanos += settings.passTimeout().toNanos();
            return null;
        };
        assertThat(outbox.pass()).isZero();
        assertThat(stored("a")).isEqualTo("1");
        assertThat(stored("b")).isNull();
        assertThat(outbox.pass()).isEqualTo(settings.idleInterval());
        assertThat(stored("b")).isEqualTo("1");
    }

    @Test
    void aStoppedOneTakesNothing() {
        outbox.stop();
        assertThatThrownBy(() -> queue("a", "1")).isInstanceOf(ManagerStateException.class);
        assertThat(outbox.writes()).isEmpty();
    }

    @Test
    void decisionsSurviveARestart() throws IOException {
        learn("a", "0");
        UUID conflict = queue("a", "mine");
        put("a", "theirs");
        outbox.pass();
        queue("b", "1");
        restart();
        assertThat(states()).containsExactly(State.CONFLICT, State.PENDING);
        assertThat(shown).containsOnlyKeys("b");
        outbox.retry(conflict);
        restart();
        assertThat(states()).containsExactly(State.PENDING, State.PENDING);
        outbox.pass();
        assertThat(stored("b")).isEqualTo("1");
        UUID pending = queue("b", "2");
        outbox.force(conflict);
        outbox.discard(pending);
        restart();
        assertThat(states()).containsExactly(State.PENDING);
        outbox.pass();
        assertThat(stored("a")).isEqualTo("mine");
        assertThat(stored("b")).isEqualTo("1");
        restart();
        assertThat(outbox.writes()).isEmpty();
    }

    @Test
    void overwritingIsOnRequestOnly() {
        learn("a", "0");
        outbox.enqueue(commit(put("a", "mine", Condition.ALWAYS)), true, operation -> known.get("a"), null);
        put("a", "theirs");
        outbox.pass();
        assertThat(stored("a")).isEqualTo("mine");
    }

    @Test
    void aConditionIsCheckedAgainstWhatIsQueuedAndElseAgainstTheStore() {
        queue("a", "1");
        assertThatThrownBy(() -> enqueue(put("a", "2", Condition.ABSENT))).isInstanceOf(VersionConflictException.class);
        assertThatThrownBy(() -> enqueue(put("a", "2", Condition.version(2))))
                .isInstanceOf(VersionConflictException.class);
        enqueue(put("a", "2", Condition.version(1)));
        delete("a");
        assertThatThrownBy(() -> enqueue(put("a", "3", Condition.PRESENT)))
                .isInstanceOf(VersionConflictException.class);
        enqueue(put("b", "1", Condition.PRESENT));
        enqueue(put("c", "1", Condition.version(5)));
        learn("d", "0");
        enqueue(put("d", "1", Condition.PRESENT));
        put("d", "theirs");
        outbox.pass();
        assertThat(history("a")).containsExactly("deleted", "2", "1");
        assertThat(states()).containsExactly(State.CONFLICT, State.CONFLICT, State.CONFLICT);
        assertThat(stored("d")).isEqualTo("theirs");
    }

    /** O7, W-OB-7: what the store will never accept waits for somebody; other keys go on. */
    @Test
    void poisonIsSetAside() {
        queue("a", "poison");
        queue("a", "2");
        queue("b", "1");
        refusal = commit -> key(commit).equals("a") ? new InvalidConfigException("no such text") : null;
        outbox.pass();
        assertThat(states()).containsExactly(State.DEAD, State.CONFLICT);
        assertThat(outbox.writes().get(0).reason()).isEqualTo("no such text");
        assertThat(stored("b")).isEqualTo("1");
    }

    /** W-OB-1: who may not write now may later; nothing is dropped. */
    @Test
    void aStoreThatRefusesTheUserHoldsTheQueue() {
        queue("a", "1");
        refusal = commit -> new StoreException("no privilege", false, null);
        for (int i = 0; i < 50; i++) {
            nanos += outbox.pass().toNanos();
        }
        assertThat(states()).containsExactly(State.PENDING);
        refusal = commit -> null;
        nanos += Duration.ofMinutes(1).toNanos();
        outbox.pass();
        assertThat(stored("a")).isEqualTo("1");
    }

    /** OB-10: one pass does not try every write of a store that is away. */
    @Test
    void aStoreThatIsAwayEndsThePass() {
        List<Commit> tried = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            queue("k" + i, "1");
        }
        refusal = commit -> {
            tried.add(commit);
            return new StoreException("away", true, null);
        };
        assertThat(outbox.pass()).isEqualTo(settings.pendingInterval());
        assertThat(tried).hasSize(3);
        assertThat(outbox.storeIsAway()).isTrue();
        refusal = commit -> null;
        outbox.storeIsBack();
        outbox.pass();
        assertThat(outbox.writes()).isEmpty();
        assertThat(outbox.storeIsAway()).isFalse();
    }

    /** O4, W-OB-5: the answer was lost, or the process was killed before it noted it. */
    @Test
    void whatWasAppliedAlreadyIsNotAppliedAgain() throws IOException {
        learn("a", "0");
        queue("a", "1");
        queue("a", "2");
        answerIsLost = true;
        outbox.pass();
        assertThat(states()).containsExactly(State.PENDING, State.PENDING);
        assertThat(history("a")).containsExactly("1", "0");
        answerIsLost = false;
        restart();
        outbox.pass();
        assertThat(history("a")).containsExactly("2", "1", "0");
        assertThat(outbox.writes()).isEmpty();
    }

    /** O9: what was not possible in time waits for somebody. */
    @Test
    void theDeadlineIsByTheWallClockAcrossRestarts() throws IOException {
        queue("a", "1");
        restart();
        nanos += Duration.ofHours(24).toNanos();
        outbox.pass();
        assertThat(states()).containsExactly(State.EXPIRED);
        assertThat(stored("a")).isNull();
        outbox.retry(outbox.writes().get(0).id());
        outbox.pass();
        assertThat(stored("a")).isEqualTo("1");
    }

    /** O9: versions of another history say nothing. */
    @Test
    void replacedHistoryMakesConflicts() {
        learn("a", "0");
        Position basis = store.snapshot(Set.of(), 1).position();
        outbox.enqueue(commit(put("a", "mine", Condition.ALWAYS)), false, operation -> known.get("a"), basis);
        store.replaceHistory();
        outbox.pass();
        assertThat(states()).containsExactly(State.CONFLICT);
        assertThat(outbox.writes().get(0).reason()).contains("history");
        assertThat(stored("a")).isEqualTo("0");
    }

    /** Only the answer was lost, and the history that replaces the other one has it too. */
    @Test
    void whatWasStoredBeforeHistoryWasReplacedIsNoConflict() {
        learn("a", "0");
        Position basis = store.snapshot(Set.of(), 1).position();
        outbox.enqueue(commit(put("a", "mine", Condition.ALWAYS)), false, operation -> known.get("a"), basis);
        answerIsLost = true;
        outbox.pass();
        answerIsLost = false;
        store.replaceHistory();
        nanos += Duration.ofMinutes(1).toNanos();
        outbox.pass();
        assertThat(outbox.writes()).isEmpty();
        assertThat(history("a")).containsExactly("mine", "0");
    }

    /** W-OB-7: a clear refusal, and nothing of it kept. */
    @Test
    void aFullOutboxRefuses() throws IOException {
        outbox.close();
        outbox = opened(new OutboxSettings(
                directory,
                "memory",
                true,
                3,
                10_000,
                Duration.ofHours(1),
                Duration.ofSeconds(30),
                Duration.ofMinutes(5),
                Duration.ofMinutes(2)));
        queue("a", "1");
        assertThatThrownBy(() -> queue("b", "x".repeat(10_000)))
                .isInstanceOf(OutboxFullException.class)
                .hasMessageContaining("maximum-size");
        queue("b", "x".repeat(6_000));
        assertThatThrownBy(() -> queue("c", "x".repeat(6_000)))
                .isInstanceOf(OutboxFullException.class)
                .hasMessageContaining("maximum-size");
        queue("c", "1");
        assertThatThrownBy(() -> queue("d", "1"))
                .isInstanceOf(OutboxFullException.class)
                .hasMessageContaining("maximum-operations");
        assertThat(outbox.writes()).hasSize(3);
        outbox.pass();
        queue("d", "x".repeat(6_000));
    }

    /** O3: the caller is told, nothing of it is kept, and what was based on it is based on what that was based on. */
    @Test
    void aDiskThatTakesNothingRefuses() {
        learn("a", "0");
        UUID kept = queue("a", "1");
        diskIsFull = true;
        assertThatThrownBy(() -> queue("a", "2"))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("cannot keep")
                .hasMessageContaining("No space left");
        assertThatThrownBy(() -> outbox.discard(kept)).isInstanceOf(StoreException.class);
        assertThat(shown).containsEntry("a", "1");
        diskIsFull = false;
        queue("a", "3");
        outbox.pass();
        assertThat(history("a")).containsExactly("3", "1", "0");
    }

    /** A commit is one write: all of its keys wait for the earlier ones of any of them. */
    @Test
    void aCommitOfSeveralKeysIsAppliedWhole() {
        learn("a", "0");
        queue("b", "1");
        outbox.enqueue(
                commit(put("a", "2", Condition.ALWAYS), put("b", "2", Condition.ALWAYS)),
                false,
                operation -> known.get(operation.key()),
                null);
        queue("c", "1");
        put("a", "theirs");
        outbox.pass();
        assertThat(stored("b")).isEqualTo("1");
        assertThat(stored("c")).isEqualTo("1");
        assertThat(states()).containsExactly(State.CONFLICT);
    }

    /** O8: what a process that is gone has left is applied by the next one, once. */
    @Test
    void whatAnotherProcessHasLeftIsTakenOver() throws IOException {
        DiskOutbox other = opened(settings);
        other.enqueue(commit(put("a", "1", Condition.ALWAYS)), false, operation -> null, null);
        other.enqueue(commit(put("a", "2", Condition.ALWAYS)), false, operation -> null, null);
        queue("b", "1");
        assertThat(outbox.writes()).hasSize(1);
        other.close();
        restart();
        assertThat(outbox.writes()).hasSize(3);
        outbox.pass();
        assertThat(history("a")).containsExactly("2", "1");
        restart();
        assertThat(outbox.writes()).isEmpty();
    }

    /** As the store does: who sets a secret anew need not say again that it is one. */
    @Test
    void aSecretStaysOne() {
        store.commit(commit(new Operation.Put("", "a", "hush", "json", ValueType.SECRET, null, Condition.ALWAYS)));
        known.put("a", store.get("", "a").entry());
        queue("a", "hush 2");
        queue("a", "hush 3");
        assertThat(outbox.writes())
                .allMatch(write -> write.changes().get(0).entry().secret());
    }

    /** A wrong password must not become as many refused logins as there are writes. */
    @Test
    void aStoreThatRefusesEndsThePassToo() {
        List<Commit> tried = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            queue("k" + i, "1");
        }
        refusal = commit -> {
            tried.add(commit);
            return new StoreException("wrong password", false, null);
        };
        assertThat(outbox.pass()).isEqualTo(Duration.ofSeconds(5));
        assertThat(tried).hasSize(3);
        assertThat(outbox.storeIsAway()).isFalse();
        // Those that were refused wait for a while, so that others have their turn.
        outbox.pass();
        assertThat(tried).extracting(DiskOutboxTest::key).containsExactly("k0", "k1", "k2", "k3", "k4", "k5");
    }

    @Test
    void whatIsBeingAppliedCannotBeDiscarded() {
        UUID id = queue("a", "1");
        List<Boolean> discarded = new ArrayList<>();
        refusal = commit -> {
            discarded.add(outbox.discard(id));
            return null;
        };
        outbox.pass();
        assertThat(discarded).containsExactly(false);
        assertThat(stored("a")).isEqualTo("1");
    }

    @Test
    void whatAClosedOutboxHoldsIsNotShownAnyMore() {
        queue("a", "1");
        outbox.close();
        assertThat(shown).isEmpty();
    }

    @Test
    void valuesAreInNoText() {
        QueuedWrite write = outbox.enqueue(commit(put("a", "hush", Condition.ALWAYS)), false, operation -> null, null);
        assertThat(write.toString() + outbox.writes() + outbox.stats()).doesNotContain("hush");
    }

    @Test
    void writesAreOnDiskInTheOrderInWhichTheyAreBasedOnEachOther() throws Exception {
        ExecutorService writers = Executors.newFixedThreadPool(8);
        List<Future<UUID>> writes = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            String value = "v" + i;
            writes.add(writers.submit(() -> queue("a", value)));
        }
        for (Future<UUID> write : writes) {
            write.get();
        }
        writers.shutdown();
        outbox.close();
        Journal.Settings origin = new Journal.Settings(settings.origin(), Journal.Settings.SEGMENT_BYTES);
        try (Journal journal = Journal.claim(settings.directory(), origin, new FileDisk())) {
            assertThat(journal.recovered().stream().map(Journal.Record::sequence))
                    .hasSize(400)
                    .isSorted();
        }
    }

    /** What is acknowledged to nobody yet is not applied, and neither is what comes after it. */
    @Test
    void whatIsNotOnDiskYetIsNotApplied() {
        List<Commit> tried = new ArrayList<>();
        refusal = commit -> {
            tried.add(commit);
            return null;
        };
        whileAppending.set(outbox::pass);
        queue("a", "1");
        assertThat(tried).isEmpty();
        outbox.pass();
        assertThat(stored("a")).isEqualTo("1");
    }

    /** What is shown of a key is what is pending of it, also if the disk refuses a later write meanwhile. */
    @Test
    void whatWasAppliedWhileALaterWriteWasRefusedIsNotShownAnyMore() {
        queue("a", "1");
        whileAppending.set(() -> {
            outbox.pass();
            throw new UncheckedIOException(new IOException("No space left on device"));
        });
        assertThatThrownBy(() -> queue("a", "2")).isInstanceOf(StoreException.class);
        assertThat(stored("a")).isEqualTo("1");
        assertThat(shown).isEmpty();
    }

    /** The later write was acknowledged, but what it was to come after does not exist: somebody has to decide. */
    @Test
    void whatIsBasedOnARefusedWriteIsAConflict() throws Exception {
        learn("a", "0");
        AtomicReference<Future<UUID>> later = new AtomicReference<>();
        ExecutorService other = Executors.newSingleThreadExecutor();
        whileAppending.set(() -> {
            later.set(other.submit(() -> queue("a", "2")));
            await().until(() -> outbox.stats().pending() == 2);
            throw new UncheckedIOException(new IOException("No space left on device"));
        });
        assertThatThrownBy(() ->
                        outbox.enqueue(commit(put("a", "1", Condition.ALWAYS)), true, any -> known.get("a"), null))
                .isInstanceOf(StoreException.class);
        UUID acknowledged = later.get().get();
        other.shutdown();
        put("a", "theirs");
        outbox.pass();
        assertThat(stored("a")).isEqualTo("theirs");
        assertThat(outbox.writes()).extracting(QueuedWrite::id).containsExactly(acknowledged);
        assertThat(states()).containsExactly(State.CONFLICT);
    }

    /** O8: what cannot be taken over now stays where it is, and stops nobody. */
    @Test
    void anOrphanThatCannotBeTakenOverIsLeftForTheNextStart() throws IOException {
        DiskOutbox other = opened(settings);
        other.enqueue(commit(put("a", "1", Condition.ALWAYS)), false, operation -> null, null);
        outbox.close();
        other.close();
        whileAppending.set(() -> {
            throw new UncheckedIOException(new IOException("No space left on device"));
        });
        outbox = opened(settings);
        assertThat(outbox.writes()).isEmpty();
        assertThat(outbox.stats().problems()).anyMatch(problem -> problem.contains("cannot be taken over now"));
        outbox.close();
        outbox = opened(settings);
        outbox.pass();
        assertThat(stored("a")).isEqualTo("1");
    }

    /** Being there is not being back: a store that answers reads and refuses writes is not tried again and again. */
    @Test
    void onlyAStoreThatIsBackEndsTheWaitAfterAFailure() {
        List<Commit> tried = new ArrayList<>();
        queue("a", "1");
        refusal = commit -> {
            tried.add(commit);
            return new StoreException("read-only", true, null);
        };
        outbox.pass();
        outbox.storeWasAway();
        outbox.storeIsThere();
        outbox.pass();
        assertThat(tried).hasSize(1);
        outbox.storeIsBack();
        outbox.pass();
        assertThat(tried).hasSize(2);
    }

    /** A pool of connections may need some seconds more than the watch; that is no reason to wait as long as for an outage. */
    @Test
    void theFirstWaitAfterTheStoreIsBackIsShortHoweverLongItWasAway() {
        queue("a", "1");
        refusal = commit -> new StoreException("away", true, null);
        for (int i = 0; i < 8; i++) {
            outbox.pass();
            nanos += Duration.ofMinutes(1).toNanos();
        }
        outbox.storeIsBack();

        Duration wait = outbox.pass();

        assertThat(wait).isBetween(Duration.ofMillis(500), Duration.ofMillis(1_500));
        assertThat(outbox.writes().get(0).attempts()).isEqualTo(9);
    }

    private DiskOutbox opened(OutboxSettings with) throws IOException {
        Surroundings surroundings = new Surroundings() {
            @Override
            public CommitResult commit(Commit commit) {
                RuntimeException refused = refusal.apply(commit);
                if (refused != null) {
                    throw refused;
                }
                CommitResult result = store.commit(commit);
                if (answerIsLost) {
                    throw new StoreException("the answer was lost", true, null);
                }
                return result;
            }

            @Override
            public boolean isOfAnotherHistory(Position position) {
                try (Feed feed = store.openFeed(position)) {
                    feed.poll(Duration.ZERO);
                    return false;
                } catch (PositionLostException e) {
                    return e.reason() == PositionLostException.Reason.HISTORY_REPLACED;
                }
            }

            @Override
            public void pending(String namespace, String key, QueuedWrite.@Nullable Change pending) {
                if (pending == null) {
                    shown.remove(key);
                } else {
                    shown.put(
                            key,
                            pending.entry() == null
                                    ? "deleted"
                                    : pending.entry().value());
                }
            }
        };
        Disk disk = new FaultyDisk(new FileDisk(), (step, path) -> {
            if (diskIsFull && step != FaultyDisk.Step.TRUNCATE) {
                throw new IOException("No space left on device");
            }
            Runnable once = step == FaultyDisk.Step.APPEND ? whileAppending.getAndSet(null) : null;
            if (once != null) {
                try {
                    once.run();
                } catch (UncheckedIOException e) {
                    throw e.getCause();
                }
            }
        });
        return DiskOutbox.open(
                with,
                surroundings,
                disk,
                Journal.Settings.SEGMENT_BYTES,
                () -> START.plusNanos(nanos),
                () -> nanos,
                new Random(1));
    }

    private void restart() throws IOException {
        outbox.close();
        shown.clear();
        outbox = opened(settings);
    }

    private UUID queue(String key, String value) {
        return enqueue(put(key, value, Condition.ALWAYS));
    }

    private void delete(String key) {
        enqueue(new Operation.Delete("", key, Condition.ALWAYS));
    }

    private UUID enqueue(Operation operation) {
        return outbox.enqueue(commit(operation), false, any -> known.get(any.key()), null)
                .id();
    }

    private static Operation put(String key, String value, Condition condition) {
        return new Operation.Put("", key, value, "json", ValueType.STRING, null, condition);
    }

    private static Commit commit(Operation... operations) {
        return Commit.of(List.of(operations), null, null);
    }

    private static String key(Commit commit) {
        return commit.operations().get(0).key();
    }

    /** By another process. */
    private void put(String key, String value) {
        store.commit(commit(put(key, value, Condition.ALWAYS)));
    }

    private void learn(String key, String value) {
        put(key, value);
        known.put(key, store.get("", key).entry());
    }

    private @Nullable String stored(String key) {
        ConfigEntry entry = store.get("", key).entry();
        return entry == null ? null : entry.value();
    }

    /** Newest first. */
    private List<String> history(String key) {
        List<String> values = new ArrayList<>();
        for (LogEntry line : store.history("", key, 100, null).items()) {
            values.add(line.entry() == null ? "deleted" : line.entry().value());
        }
        return values;
    }

    private List<State> states() {
        return outbox.writes().stream().map(QueuedWrite::state).toList();
    }
}
