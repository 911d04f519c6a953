// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

/** A checker that cannot fail proves nothing: every invariant is violated once, and found violated. */
class CheckerTest {

    private final Recording recording = new Recording();

    @Test
    void whatIsAsItShouldBeViolatesNothing() {
        recording
                .commit(1, 10, "op:a", "k/0 1 one")
                .applied(1, 11, false, "k/0@-@1:one")
                .heard(1, 11, "k/0@-@1:one")
                .view(1, 12)
                .commit(2, 20, "op:b", "p/0-left 1 x", "p/0-right 1 x")
                .applied(2, 21, false, "p/0-left@-@1:x", "p/0-right@-@1:x")
                .heard(2, 21, "p/0-left@-@1:x", "p/0-right@-@1:x")
                .status(25, "LIVE", 3, 2)
                .call("op:a", 9, "SET", "ok", 1, "k/0:1", -1, "k/0:1:1")
                .restore(1, 5_000, "k/0 1 1 one")
                .event(5_100, "resynced", "history_replaced")
                .applied(1, 5_099, true, "p/0-left@1:x@-", "p/0-right@1:x@-")
                .heard(1, 5_101, "p/0-left@1:x@-", "p/0-right@1:x@-")
                .view(1, 5_100)
                .commit(2, 5_200, "op:c", "k/0")
                .applied(2, 5_201, false, "k/0@1:one@-")
                .heard(2, 5_202, "k/0@1:one@-")
                .view(2, 5_202);
        assertThat(recording.check().violations()).isEmpty();
    }

    @Test
    void i1RevisionsThatDoNotFollowCommitOrder() {
        recording.commit(2, 10, "op:a", "k/0 1 a").commit(1, 20, "op:b", "k/1 1 b");
        expect(Invariant.I1);
    }

    @Test
    void i1AGap() {
        recording.commit(1, 10, "op:a", "k/0 1 a").commit(3, 20, "op:b", "k/1 1 b");
        expect(Invariant.I1);
    }

    @Test
    void i1ALogThatSaysOtherThanTheTable() {
        recording.commit(1, 10, "op:a", new String[] {"k/0 1 a"}, new String[] {"k/0 1 a", "k/1 1 a"});
        expect(Invariant.I1);
    }

    @Test
    void i1AnEditByHandThatIsNotInTheLogInTheEnd() {
        recording.commit(1, 10, "op:a", "k/0 1 a").archived("F", "", "k/0", 1, "b", 0);
        expect(Invariant.I1);
    }

    @Test
    void i1ADeletionByHandThatIsNotInTheLogInTheEnd() {
        recording.commit(1, 10, "op:a", "k/0 1 a", "k/1 1 a").archived("F", "", "k/0", 1, "a", 0);
        expect(Invariant.I1);
    }

    @Test
    void aTableThatIsAsTheLogSaysViolatesNothing() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a", "k/1 1 a")
                .commit(2, 20, "op:b", "k/1")
                .archived("F", "", "k/0", 1, "a", 0);
        assertThat(recording.check().violations()).isEmpty();
    }

    @Test
    void whatWasDoneByHandIsCommittedWhenItIsLogged() {
        recording.commit(1, 10, "op:a", "k/0 1 a").status(2_000, "LIVE", 10, 1);
        recording
                .run("Q", Recording.nanos(100), Recording.nanos(110), "op:hand.0-1", "PUT", "", "ok")
                .commit(2, 3_000, "op:hand.0-1", "k/0 2 b");
        assertThat(recording.check().violations()).isEmpty();
    }

    @Test
    void i2AViewThatLacksAChange() {
        recording.commit(1, 10, "op:a", "k/0 1 a");
        Map<String, String> before = recording.table();
        recording.commit(2, 20, "op:b", "k/1 1 b").view(2, 30, before, "sampled");
        expect(Invariant.I2);
    }

    @Test
    void i2AnExpiredEntryInAView() {
        recording.client(
                "V",
                Recording.nanos(9_000),
                Recording.nanos(9_000),
                9_000_000,
                "",
                0,
                "0",
                "-|-;-|-",
                "t/0:1:5000000",
                "",
                "sampled");
        expect(Invariant.I2);
    }

    @Test
    void i2AGoodValueThatNeverWas() {
        recording
                .commit(1, 10, "op:a", "b/0 2 0")
                .commit(2, 20, "op:b", "b/0 3 {broken")
                .client(broken(2, 30, 1));
        expect(Invariant.I2);
    }

    @Test
    void i2AGoodValueOfAnotherLineage() {
        recording
                .commit(1, 10, "op:a", "b/0 2 0")
                .commit(2, 20, "op:b", "b/0 3 {broken")
                .lineage(2, 5_000)
                .commit(3, 5_100, "op:c", "b/0 4 {broken")
                .event(5_200, "resynced", "history_replaced")
                .client(broken(3, 5_300, 2));
        expect(Invariant.I2);
    }

    @Test
    void anEarlierGoodValueViolatesNothing() {
        recording
                .commit(1, 10, "op:a", "b/0 2 0")
                .commit(2, 20, "op:b", "b/0 3 {broken")
                .client(broken(2, 30, 2))
                .restore(2, 5_000, "b/0 3 2 {broken")
                .commit(3, 5_050, "op:c", "b/0 4 {broken")
                .client(broken(3, 5_100, 2));
        assertThat(recording.check().violations()).isEmpty();
    }

    /** A view that shows a version of a key whose value may be broken, and nothing else. */
    private static Object[] broken(int revision, int millis, int version) {
        long nanos = Recording.nanos(millis);
        String shown = Keys.BROKEN + ':' + version;
        return new Object[] {"V", nanos, nanos, nanos / 1_000, "", revision, "0", "-|-;-|-", "", shown, "sampled"};
    }

    @Test
    void i3AViewThatGoesBack() {
        recording.commit(1, 10, "op:a", "k/0 1 a");
        Map<String, String> before = recording.table();
        recording.commit(2, 20, "op:b", "k/1 1 b").view(2, 30).view(1, 40, before, "sampled");
        expect(Invariant.I3);
    }

    @Test
    void i3AReadThatGoesBack() {
        recording
                .client("D", Recording.nanos(10), Recording.nanos(10), "", "k/0", 2, 5)
                .client("D", Recording.nanos(20), Recording.nanos(20), "", "k/0", 1, 4);
        expect(Invariant.I3);
    }

    @Test
    void aReadOfAnotherHistoryDoesNotGoBack() {
        recording
                .client("D", Recording.nanos(10), Recording.nanos(10), "", "k/0", 2, 5)
                .event(2_000, "resynced", "history_replaced")
                .client("D", Recording.nanos(2_100), Recording.nanos(2_100), "", "k/0", 0, 0)
                .client("D", Recording.nanos(8_000), Recording.nanos(8_000), "", "k/0", 1, 4);
        assertThat(recording.check().violations()).doesNotContainKey(Invariant.I3);
    }

    @Test
    void i3WhatIsGoneComesBack() {
        recording
                .client("D", Recording.nanos(10), Recording.nanos(10), "", "k/0", 2, 5)
                .client("D", Recording.nanos(20), Recording.nanos(20), "", "k/0", 0, 0)
                .client("D", Recording.nanos(30), Recording.nanos(30), "", "k/0", 2, 5);
        expect(Invariant.I3);
    }

    @Test
    void i4HalfAPairInAView() {
        recording.view(1, 10, Map.of("p/0-left", "1 1 a"), "sampled");
        expect(Invariant.I4);
    }

    @Test
    void i4HalfAPairInAChangeSet() {
        recording.commit(1, 10, "op:a", "p/0-left 1 a", "p/0-right 1 a").applied(1, 11, false, "p/0-left@-@1:a");
        expect(Invariant.I4);
    }

    @Test
    void i5AChangeSetToldTwice() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .applied(1, 11, false, "k/0@-@1:a")
                .applied(1, 12, false, "k/0@-@1:a");
        expect(Invariant.I5);
    }

    @Test
    void i5AListenerThatHearsItTwice() {
        recording.commit(1, 10, "op:a", "k/0 1 a").heard(1, 11, "k/0@-@1:a").heard(1, 12, "k/0@1:a@1:a");
        expect(Invariant.I5);
    }

    @Test
    void i6ASkippedChangeSet() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .commit(2, 20, "op:b", "k/1 1 b")
                .commit(3, 30, "op:c", "k/2 1 c")
                .applied(1, 11, false, "k/0@-@1:a")
                .applied(3, 31, false, "k/2@-@1:c");
        expect(Invariant.I6);
    }

    @Test
    void i6AListenerThatMissesAStep() {
        recording.heard(1, 10, "k/0@-@1:a").heard(3, 20, "k/0@2:b@3:c");
        expect(Invariant.I6);
    }

    @Test
    void i7ARevisionThatComesAfterItWasShown() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .applied(1, 11, false, "k/0@-@1:a")
                .commit(2, 20, "op:b", "k/1 1 b")
                .commit(3, 30, "op:c", "k/2 1 c")
                .view(3, 35)
                .applied(2, 40, false, "k/1@-@1:b");
        expect(Invariant.I7);
    }

    @Test
    void i8ACounterThatLosesAnIncrement() {
        recording
                .commit(1, 10, "op:a", "c/0 1 1")
                .commit(2, 20, "op:b", "c/0 2 2")
                .commit(3, 30, "op:c", "c/0 3 2");
        expect(Invariant.I8);
    }

    @Test
    void i8AConditionThatDidNotHold() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .commit(2, 20, "op:b", "k/0 2 b")
                .commit(3, 30, "op:c", "k/0 3 c")
                .call("op:c", 29, "SET", "ok", 3, "k/0:3", 1, "k/0:3:3");
        expect(Invariant.I8);
    }

    @Test
    void i9AnEffectTwice() {
        recording.commit(1, 10, "op:a", "k/0 1 a").commit(2, 20, "op:a", "k/0 2 a");
        expect(Invariant.I9);
    }

    @Test
    void i9AnEffectOfWhatWasRolledBack() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .run("Q", Recording.nanos(9), Recording.nanos(11), "op:a", "ROLLED_BACK", "", "rolled-back");
        expect(Invariant.I9);
    }

    @Test
    void i10AnOwnWriteThatIsNotRead() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .view(1, 12)
                .commit(2, 20, "op:b", "k/0 2 b")
                .call("op:b", 19, "SET", "ok", 2, "k/0:2", -1, "k/0:1:1");
        expect(Invariant.I10);
    }

    @Test
    void i10ASyncThatDoesNotSync() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .view(1, 12)
                .call("op:a", 9, "SET", "ok", 1, "k/0:1", -1, "k/0:1:1")
                .client("Y", Recording.nanos(30), Recording.nanos(40), true, 0);
        expect(Invariant.I10);
    }

    @Test
    void i11AnAcknowledgedWriteThatIsGone() {
        recording.call("op:a", 9, "SET", "ok", 1, "k/0:1", -1, "k/0:1:1");
        expect(Invariant.I11);
    }

    @Test
    void i11AnAcknowledgedStatementThatIsGone() {
        recording.run("Q", Recording.nanos(9), Recording.nanos(11), "op:a", "PUT", "", "ok");
        expect(Invariant.I11);
    }

    @Test
    void i11AnEditByHandThatNobodyLogged() {
        recording.run("Q", Recording.nanos(9), Recording.nanos(11), "op:hand.0-1", "TYPED", "", "ok");
        expect(Invariant.I11);
    }

    @Test
    void anEditByHandThatAnotherOneReplacedAtOnceMayBeInNoLog() {
        recording
                .run("Q", Recording.nanos(9), Recording.nanos(11), "op:hand.0-1", "TYPED", "", "ok")
                .archived("U", "op:hand.0-1");
        assertThat(recording.check().violations()).isEmpty();
    }

    @Test
    void i12StalenessThatIsUnderstated() {
        recording.commit(1, 10, "op:a", "k/0 1 a");
        recording.status(20, "LIVE", 5, 1);
        Map<String, String> old = recording.table();
        recording
                .commit(2, 100, "op:b", "k/1 1 b")
                .commit(3, 200, "op:c", "k/2 1 c")
                .view(1, 3_000, old, "status")
                .client("S", Recording.nanos(3_000), Recording.nanos(3_000), "LIVE", Recording.nanos(10), 1, 0, true);
        expect(Invariant.I12);
    }

    @Test
    void i12ASilentLinkThatIsNotNoticed() {
        long end = 2_000 + Checker.NOTICED / 1_000_000 + 500;
        recording.run("T", Recording.nanos(2_000), Recording.nanos(end), 1, "FREEZE", "-");
        for (int millis = 1_900; millis < end; millis += 100) {
            recording.status(millis, "LIVE", 10, 0);
        }
        expect(Invariant.I12);
    }

    @Test
    void i13AClientThatStaysBehind() {
        recording.commit(1, 10, "op:a", "k/0 1 a");
        Map<String, String> old = recording.table();
        recording.commit(2, 100, "op:b", "k/1 1 b").view(1, 30_000, old, "status");
        recording.client(
                "S", Recording.nanos(30_000), Recording.nanos(30_000), "STALE", Recording.nanos(29_950), 1, 0, true);
        expect(Invariant.I13);
    }

    @Test
    void i13ALastWriteThatIsNeverShown() {
        recording
                .commit(1, 10, "op:final-1", "z/final 1 last")
                .run("G", Recording.nanos(9), Recording.nanos(10), "op:final-1");
        expect(Invariant.I13);
    }

    @Test
    void i14AReplacedHistoryThatIsNotNoticed() {
        recording.commit(1, 10, "op:a", "k/0 1 a").view(1, 20).lineage(1, 2_000).view(1, 99_000);
        expect(Invariant.I14);
    }

    @Test
    void i14ANewLineageThatIsAcceptedWithoutAWord() {
        expectUnsaid(newLineage().status(6_000, "LIVE", 10, 1));
    }

    @Test
    void i14ANewLineageThatIsTakenForACompaction() {
        expectUnsaid(newLineage()
                .compact(1, 5_060)
                .event(5_100, "resynced", "compacted")
                .status(6_000, "LIVE", 10, 1));
    }

    @Test
    void i14ANewLineageThatIsToldOnlyAfterItWasAccepted() {
        expectUnsaid(newLineage().status(6_000, "LIVE", 10, 1).event(6_200, "resynced", "history_replaced"));
    }

    @Test
    void aNewLineageThatIsSaidViolatesNothing() {
        newLineage().event(5_100, "resynced", "history_replaced").status(6_000, "LIVE", 10, 1);
        assertThat(recording.closed(9_000, 10, "", 0).check().violations()).isEmpty();
    }

    @Test
    void aNewLineageThatNobodyMetBeforeTheNextRestoreViolatesNothing() {
        newLineage()
                .status(6_000, "STALE", 1_000, 1)
                .restore(1, 7_020, "k/0 1 1 a")
                .fault("RESTORE", 7_000, 7_050)
                .status(8_000, "LIVE", 10, 1);
        assertThat(recording.closed(9_000, 10, "", 0).check().violations()).isEmpty();
    }

    /** The client is live at revision 1, then the lineage changes. */
    private Recording newLineage() {
        return recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .status(4_000, "LIVE", 10, 1)
                .lineage(1, 5_020)
                .fault("LINEAGE", 5_000, 5_050);
    }

    private static void expectUnsaid(Recording recording) {
        assertThat(recording.closed(9_000, 10, "", 0).check().examples(Invariant.I14))
                .containsExactly(
                        "client 1.1: accepted another lineage at revision 1 without saying that history was replaced");
    }

    @Test
    void i14AViewOfANewHistoryWithoutAWord() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .view(1, 20)
                .restore(0, 2_000)
                .commit(1, 2_100, "op:b", "k/0 1 b")
                .view(1, 2_200);
        expect(Invariant.I14);
    }

    @Test
    void i14AResyncForNoReason() {
        recording.event(2_000, "resynced", "history_replaced");
        expect(Invariant.I14);
    }

    @Test
    void i15AHotLoop() {
        for (int i = 0; i < 200; i++) {
            recording.event(1_000 + i, "openFeed", "failed");
        }
        expect(Invariant.I15);
    }

    @Test
    void i15ALogThatIsFlooded() {
        for (int i = 0; i < 50; i++) {
            recording.logged("1 [config-watch] WARN io.configmanager.engine.StatusTracker - Watch is stale");
        }
        expect(Invariant.I15);
    }

    @Test
    void i16ASlowClose() {
        recording.closed(1_000, 5_000, "", 0);
        expect(Invariant.I16);
    }

    @Test
    void i16AThreadThatStays() {
        recording.closed(1_000, 10, "config-watch", 0);
        expect(Invariant.I16);
    }

    @Test
    void i16AConnectionThatStays() {
        recording.closed(1_000, 10, "", 1);
        expect(Invariant.I16);
    }

    @Test
    void i2AStateThatNeverWas() {
        recording.commit(1, 10, "op:a", "k/0 1 a").told(1, 20, "k/0", "PRESENT", "1:b");
        expect(Invariant.I2);
    }

    @Test
    void i3AWatcherThatGoesBack() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .commit(2, 20, "op:b", "k/0 2 b")
                .told(2, 30, "k/0", "PRESENT", "2:b")
                .told(1, 40, "k/0", "PRESENT", "1:a");
        expect(Invariant.I3);
    }

    @Test
    void i5ADeletionOfWhatTheWatcherHasNotSeen() {
        recording.commit(1, 10, "op:a", "k/0 1 a").commit(2, 20, "op:b", "k/0").told(2, 30, "k/0", "DELETED", "-");
        expect(Invariant.I5);
    }

    @Test
    void i5EqualContentTwice() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .commit(2, 20, "op:b", "k/0 2 a")
                .told(1, 15, "k/0", "PRESENT", "1:a")
                .told(2, 25, "k/0", "PRESENT", "2:a");
        expect(Invariant.I5);
    }

    @Test
    void i5AFailureToldTwice() {
        recording
                .client("F", Recording.nanos(10), "queue", "", "FAILED")
                .client("F", Recording.nanos(20), "queue", "", "FAILED");
        expect(Invariant.I5);
    }

    @Test
    void i6AWatcherThatWasNotToldOfTheLastChange() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .told(1, 15, "k/0", "PRESENT", "1:a")
                .commit(2, 20, "op:b", "k/0")
                .commit(3, 30, "final", "z/final 1 x")
                .view(3, 40)
                .othersAreEmpty(3, 40)
                .finish(30, "final");
        assertThat(recording.check().examples(Invariant.I6)).anyMatch(how -> how.contains("was last told 1:a"));
    }

    @Test
    void i13ARecoveryThatIsNeverTold() {
        recording
                .client("F", Recording.nanos(15), "watcher", "", "FAILED")
                .commit(1, 30, "final", "z/final 1 x")
                .told(1, 40, Keys.FINAL, "PRESENT", "1:x")
                .view(1, 40)
                .othersAreEmpty(1, 40)
                .finish(30, "final");
        assertThat(recording.check().examples(Invariant.I13))
                .containsExactly("client 1.1: watcher of '' was never told that the watch has recovered");
    }

    @Test
    void queuedWritesThatAreAppliedInOrderOrRefusedViolateNothing() {
        recording
                .commit(1, 10, "op:queue1.0-0", "q/0 1 a")
                .queueing("op:queue1.0-0", 9, 11, "SET", "q/0", "APPLIED", 1, -1, 1)
                .queueing("op:queue1.0-1", 20, 30, "SET_IF", "q/0", "QUEUED", 0, 1, 2)
                .queueing("op:queue1.0-2", 40, 50, "SET", "q/0", "QUEUED", 0, -1, 3)
                .queueing("op:queue1.0-3", 60, 70, "SET", "q/1", "QUEUED", 0, -1, 1)
                .queueing("op:queue1.0-4", 80, 90, "OVERWRITE", "q/2", "QUEUED", 0, -1, 1)
                .queueing("op:queue1.0-5", 92, 95, "DELETE", "q/5", "QUEUED", 0, -1, 0)
                .commit(2, 5_000, "op:queue1.0-1", "q/0 2 b")
                .commit(3, 5_010, "op:queue1.0-2", "q/0 3 c")
                .commit(4, 5_020, "op:queue2.0-1", "q/1 1 d", "q/2 1 d")
                .commit(5, 5_030, "op:queue1.0-4", "q/2 2 e")
                .drained(9_000, 0, "op:queue1.0-3 CONFLICT");
        Findings findings = recording.check();
        assertThat(findings.violations()).isEmpty();
        assertThat(findings.numbers())
                .containsEntry("queued writes applied", 3L)
                .containsEntry("queued writes CONFLICT", 1L)
                .containsEntry("queued writes without effect", 1L);
        assertThat(findings.judgements(Invariant.I8)).isEqualTo(2);
    }

    @Test
    void i8AQueuedWriteThatReplacedWhatItsConditionDidNotExpect() {
        recording
                .commit(1, 10, "op:queue2.0-0", "q/0 1 a")
                .queueing("op:queue1.0-1", 20, 30, "SET_IF", "q/0", "QUEUED", 0, 1, 2)
                .commit(2, 40, "op:queue2.0-1", "q/0 2 b")
                .commit(3, 50, "op:queue1.0-1", "q/0 3 c");
        expect(Invariant.I8);
    }

    @Test
    void i8AQueuedWriteThatReplacedWhatItsClientDidNotKnow() {
        recording
                .commit(1, 10, "op:queue2.0-0", "q/0 1 a")
                .queueing("op:queue1.0-1", 20, 30, "SET", "q/0", "QUEUED", 0, -1, 2)
                .commit(2, 40, "op:queue2.0-1", "q/0 2 b")
                .commit(3, 5_000, "op:queue1.0-1", "q/0 3 c");
        expect(Invariant.I8);
    }

    @Test
    void whatTheStoreDidBeforeTheWriteWasQueuedHadNoCondition() {
        recording
                .commit(1, 10, "op:queue2.0-0", "q/0 1 a")
                .commit(2, 22, "op:queue2.0-1", "q/0 2 b")
                .commit(3, 25, "op:queue1.0-1", "q/0 3 c")
                .queueing("op:queue1.0-1", 20, 30, "SET", "q/0", "QUEUED", 0, -1, 2)
                .drained(9_000, 0);
        assertThat(recording.check().violations()).isEmpty();
    }

    @Test
    void i9AQueuedWriteThatWasAppliedAgainAfterARestoreThatKeptIt() {
        recording
                .commit(1, 10, "op:queue1.0-1", "q/0 1 a")
                .restore(1, 5_000, "q/0 1 1 a")
                .commit(2, 5_200, "op:queue1.0-1", "q/0 2 a");
        assertThat(recording.check().examples(Invariant.I9))
                .containsExactly("op:queue1.0-1 had its effect at 1, and in the history that followed again at 2");
    }

    @Test
    void aQueuedWriteThatARestoreTookBackMayBeAppliedAgain() {
        recording
                .commit(1, 10, "op:queue1.0-0", "q/0 1 a")
                .commit(2, 20, "op:queue1.0-1", "q/0 2 b")
                .restore(1, 5_000, "q/0 1 1 a")
                .commit(2, 5_200, "op:queue1.0-1", "q/0 2 b");
        assertThat(recording.check().examples(Invariant.I9)).isEmpty();
    }

    @Test
    void i9AConflictThatWasAppliedAllTheSame() {
        recording
                .queueing("op:queue1.0-1", 20, 30, "OVERWRITE", "q/0", "QUEUED", 0, -1, 1)
                .commit(1, 5_000, "op:queue1.0-1", "q/0 1 a")
                .drained(9_000, 0, "op:queue1.0-1 CONFLICT");
        expect(Invariant.I9);
    }

    @Test
    void i9ARefusedWriteThatWasApplied() {
        recording
                .commit(1, 25, "op:queue1.0-1", "q/0 1 a")
                .queueing("op:queue1.0-1", 20, 30, "SET_IF", "q/0", "conflict", 0, 0, 1);
        expect(Invariant.I9);
    }

    @Test
    void i9QueuedWritesInAnotherOrder() {
        recording
                .queueing("op:queue1.0-1", 20, 30, "OVERWRITE", "q/0", "QUEUED", 0, -1, 1)
                .queueing("op:queue1.0-2", 40, 50, "OVERWRITE", "q/0", "QUEUED", 0, -1, 2)
                .commit(1, 60, "op:queue1.0-2", "q/0 1 b")
                .commit(2, 70, "op:queue1.0-1", "q/0 2 a");
        expect(Invariant.I9);
    }

    @Test
    void queuedWritesThatWereMadeAtTheSameTimeHaveNoOrder() {
        recording
                .queueing("op:queue1.0-1", 20, 40, "OVERWRITE", "q/0", "QUEUED", 0, -1, 1)
                .queueing("op:queue1.1-1", 30, 50, "OVERWRITE", "q/0", "QUEUED", 0, -1, 2)
                .commit(1, 60, "op:queue1.1-1", "q/0 1 b")
                .commit(2, 70, "op:queue1.0-1", "q/0 2 a")
                .drained(9_000, 0);
        assertThat(recording.check().violations()).isEmpty();
    }

    @Test
    void i11AQueuedWriteThatIsNowhere() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .queueing("op:queue1.0-1", 20, 30, "SET", "q/0", "QUEUED", 0, -1, 1)
                .drained(9_000, 0);
        expect(Invariant.I11);
    }

    @Test
    void i11AWriteThatWasSaidToBeAppliedElsewhere() {
        recording
                .commit(1, 10, "op:queue1.0-1", "q/0 1 a")
                .queueing("op:queue1.0-1", 9, 11, "SET", "q/0", "APPLIED", 2, -1, 1);
        expect(Invariant.I11);
    }

    @Test
    void i13AnOutboxThatIsNeverEmptied() {
        recording
                .commit(1, 10, "op:a", "k/0 1 a")
                .queueing("op:queue1.0-1", 20, 30, "SET", "q/0", "QUEUED", 0, -1, 1)
                .drained(9_000, 1, "op:queue1.0-1 PENDING");
        expect(Invariant.I13);
    }

    @Test
    void i4HalfAPairInATypedGroup() {
        recording.client("L", Recording.nanos(10), "x", "-");
        expect(Invariant.I4);
    }

    @Test
    void i17AListenerThatDoesNotFindInjectedWhatItHearsOf() {
        recording
                .commit(1, 10, "op:a", "p/0-left 1 a")
                .commit(2, 20, "op:b", "p/0-left 2 b")
                .client("H", Recording.nanos(15), 1, "p/0-left", "a", "a", "b");
        assertThat(recording.check().violations()).doesNotContainKey(Invariant.I17);
        recording.client("H", Recording.nanos(25), 2, "p/0-left", "b", "b", "a");
        expect(Invariant.I17);
    }

    @Test
    void i17AFieldThatStaysBehind() {
        recording
                .commit(1, 10, "op:a", "p/0-left 1 a")
                .commit(2, 30, "final", "z/final 1 x")
                .view(2, 40)
                .othersAreEmpty(2, 40)
                .client("B", Recording.nanos(50), "p/0-left", "-", "a")
                .finish(30, "final");
        assertThat(recording.check().examples(Invariant.I17))
                .containsExactly("client 1.1: in the end the field of p/0-left had -, but it is a");
    }

    private Recording fleet() {
        return recording.commit(1, 10, "op:a", "k/0 1 a").view(1, 12).commit(2, 20, "op:b", "k/0 2 b");
    }

    @Test
    void aFleetThatSaysWhatIsSoViolatesNothing() {
        fleet().report(15, 1, true)
                .awaited(16, "now", 1, true, 0)
                .view(2, 22)
                .report(23, 2, true)
                .awaited(24, "now", 3, false, 0)
                .awaited(25, "final", 2, true, 0)
                .status(30, "LIVE", 1, 2);
        assertThat(recording.check().violations()).isEmpty();
        assertThat(recording.check().judgements(Invariant.I18)).isPositive();
    }

    @Test
    void i18AReportThatIsAheadOfWhatIsShown() {
        Map<String, String> before =
                new Recording().commit(1, 10, "op:a", "k/0 1 a").table();
        fleet().report(22, 2, true).view(1, 25, before, "sampled");
        expect(Invariant.I18);
    }

    @Test
    void i18AReportThatGoesBack() {
        fleet().view(2, 22).report(23, 2, true).report(24, 1, true);
        expect(Invariant.I18);
    }

    @Test
    void i18WhoWasSaidToHaveAppliedARevisionHasNot() {
        Map<String, String> before =
                new Recording().commit(1, 10, "op:a", "k/0 1 a").table();
        fleet().awaited(22, "now", 2, true, 0).view(1, 25, before, "sampled");
        expect(Invariant.I18);
    }

    @Test
    void i18WhoseReportMayHaveExpiredIsNotJudged() {
        Map<String, String> before =
                new Recording().commit(1, 10, "op:a", "k/0 1 a").table();
        fleet().awaited(22, "now", 2, true, 5_999).view(1, 25, before, "sampled");
        assertThat(recording.check().judgements(Invariant.I18)).isZero();
    }

    @Test
    void i18SomebodyHasNotAppliedTheLastWrite() {
        fleet().awaited(22, "final", 2, false, 0);
        expect(Invariant.I18);
    }

    @Test
    void i18ReportsAreNotComparedAcrossHistories() {
        fleet().view(2, 22)
                .report(23, 2, true)
                .report(24, 9, false)
                .restore(1, 5_000, "k/0 1 1 a")
                .event(5_100, "resynced", "history_replaced")
                .applied(1, 5_099, true, "k/0@2:b@1:a")
                .view(1, 5_100)
                .report(5_101, 1, true);
        assertThat(recording.check().judgements(Invariant.I18)).isZero();
        assertThat(recording.check().violations()).doesNotContainKey(Invariant.I18);
    }

    private void expect(Invariant invariant) {
        assertThat(recording.check().violations()).containsKey(invariant);
    }
}
