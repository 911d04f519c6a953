// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.ConfigChange;
import io.configmanager.ConfigChangeSet;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.KeyState.Kind;
import io.configmanager.StoreException;
import io.configmanager.engine.Backlog.News;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class BacklogTest {

    private static final StoreException OUTAGE = new StoreException("expected", true, null);
    private static final StoreException NEXT_OUTAGE = new StoreException("expected too", true, null);

    private long now;
    private Backlog backlog = backlog(ConfigFilter.ALL);

    private Backlog backlog(ConfigFilter filter) {
        return new Backlog(filter, true, true, () -> now, all -> {});
    }

    @Nested
    class Start {

        @Test
        void ev22EveryKeyIsToldOnceInTheOrderOfFirstAppearance() {
            start(5, entry("b", 1), entry("a", 2));
            offer(6, put("c", 6));
            offer(7, put("b", 7));

            assertThat(drain()).containsExactly("b=7@7 +1", "a=2@5", "c=6@6");
        }

        @Test
        void ev21WhatWasToldBeforeCountsIfItIsNewer() {
            offer(4, put("a", 4), put("old", 4));
            offer(6, put("b", 6), delete("gone"));
            start(5, entry("a", 5), entry("b", 2), entry("gone", 3));

            assertThat(drain()).containsExactly("a=5@5", "b=6@6");
        }

        @Test
        void ev21WhatTheStateShowsAlreadyIsNoNews() {
            start(5, entry("a", 5));
            offer(5, put("a", 4));
            offer(4, delete("a"));

            assertThat(drain()).containsExactly("a=5@5");
        }

        @Test
        void ev21AnEntryThatWasReadAheadOfTheFeedIsNotToldAgainNorTakenBack() {
            start(5, entry("a", 8));
            assertThat(drain()).containsExactly("a=8@8");
            offer(6, put("a", 6));
            offer(7, delete("a"));
            offer(8, put("a", 8));
            assertThat(drain()).isEmpty();
            offer(9, put("a", 9));
            assertThat(drain()).containsExactly("a=9@9");
        }

        @Test
        void ev21AnEntryThatWasReadAheadOfTheFeedIsNotTakenBackBeforeItWasTaken() {
            start(5, entry("a", 8));
            offer(7, delete("a"));
            offer(8, put("a", 8));

            assertThat(drain()).containsExactly("a=8@8");
        }

        @Test
        void anotherEpochBeforeTheStartIsNewer() {
            offer(1, 1, put("a", 1));
            start(5, entry("a", 5));

            assertThat(drain()).containsExactly("a=1@1 e1");
        }

        @Test
        void aNamedKeyThatDoesNotExistIsToldAsAbsent() {
            backlog = backlog(ConfigFilter.keys("a"));
            start(5);
            assertThat(drain()).containsExactly("a ABSENT@5");
            offer(6, delete("a"));
            assertThat(drain()).isEmpty();
        }

        @Test
        void nothingIsKeptIfItWasClosedBefore() {
            backlog.close("The manager is closed");
            start(5, entry("a", 1));

            assertThat(backlog.poll()).isNull();
        }
    }

    @Nested
    class Changes {

        @Test
        void ev22RepeatedChangesOfAKeyCollapseInPlaceAndAreCounted() {
            start(1);
            offer(2, put("a", 2));
            offer(3, put("b", 3));
            offer(4, put("a", 4));
            offer(5, put("a", 5));

            assertThat(drain()).containsExactly("a=5@5 +2", "b=3@3");
        }

        @Test
        void ev23EqualContentIsNotToldTwiceInARow() {
            start(1, entry("a", 1));
            drain();
            offer(2, ConfigChange.between(entry("a", 1), Rows.entry("a", "1", 2)));
            assertThat(drain()).isEmpty();
            offer(3, put("a", 3));
            offer(4, ConfigChange.between(entry("a", 3), Rows.entry("a", "1", 4)));
            assertThat(drain()).as("there and back while nobody looked").isEmpty();
        }

        @Test
        void ld16NothingIsDeletedThatWasNotToldBefore() {
            start(1);
            offer(2, delete("never"));
            offer(3, put("a", 3));
            offer(4, delete("a"));

            assertThat(drain()).isEmpty();
        }

        @Test
        void ld16EveryDeletionIsToldOnce() {
            start(1, entry("a", 1));
            drain();
            offer(2, delete("a"));
            offer(3, delete("a"));
            assertThat(drain()).containsExactly("a DELETED@3 +1");
            offer(4, delete("a"));
            assertThat(drain()).isEmpty();
            offer(5, put("a", 5));
            assertThat(drain()).containsExactly("a=5@5");
            offer(6, delete("a"));
            assertThat(drain()).containsExactly("a DELETED@6");
        }

        @Test
        void onlyWhatTheFilterMeansIsKept() {
            backlog = backlog(ConfigFilter.prefix("app"));
            start(1);
            offer(2, put("app/a", 2), put("other", 2), put("app", 2));

            assertThat(drain()).containsExactly("app/a=2@2");
        }

        @Test
        void aNewHistoryWithLowerRevisionsIsNews() {
            start(7, entry("a", 7), entry("b", 7));
            drain();
            offer(8, put("b", 8));
            offer(1, 2, put("a", 2), delete("b"));
            assertThat(drain()).as("also what waits from the old one").containsExactly("b DELETED@2 e1 +1", "a=2@2 e1");
            offer(1, 3, put("a", 3));
            assertThat(drain()).containsExactly("a=3@3 e1");
        }

        @Test
        void nothingComesAfterClose() {
            start(1, entry("a", 1));
            backlog.close(null);
            offer(2, put("a", 2));
            backlog.failed(OUTAGE);

            assertThat(drain()).isEmpty();
            assertThat(backlog.closed()).isEqualTo("The watcher is closed");
            backlog.close("The manager is closed");
            assertThat(backlog.closed()).as("the first reason").isEqualTo("The watcher is closed");
        }
    }

    @Nested
    class Failures {

        @Test
        void cn5AFailureIsToldOnceAndBeforeWhatWaits() {
            start(1, entry("a", 1));
            backlog.failed(OUTAGE);
            backlog.failed(NEXT_OUTAGE);

            assertThat(drain()).containsExactly("FAILED expected", "a=1@1");
        }

        @Test
        void cn6RecoveryIsToldAfterWhatHadChangedMeanwhile() {
            start(1, entry("a", 1));
            drain();
            backlog.failed(OUTAGE);
            assertThat(drain()).containsExactly("FAILED expected");
            offer(2, put("a", 2));
            backlog.recovered();
            assertThat(drain()).containsExactly("a=2@2", "RECOVERED expected");
            backlog.recovered();
            assertThat(drain()).isEmpty();
        }

        @Test
        void recoveryThatWasNotTakenBeforeTheNextFailureIsNotTold() {
            start(1);
            backlog.failed(OUTAGE);
            drain();
            backlog.recovered();
            backlog.failed(NEXT_OUTAGE);
            assertThat(drain())
                    .as("who was told of a failure still believes so")
                    .isEmpty();
            backlog.recovered();
            assertThat(drain()).containsExactly("RECOVERED expected");
        }

        @Test
        void anEmptyStoreRecoversToo() {
            start(0);
            backlog.failed(OUTAGE);
            backlog.recovered();

            assertThat(drain()).containsExactly("FAILED expected", "RECOVERED expected");
        }

        @Test
        void whoDoesNotWantThemIsNotTold() {
            backlog = new Backlog(ConfigFilter.ALL, false, false, () -> now, all -> {});
            start(1);
            backlog.failed(OUTAGE);
            backlog.recovered();

            assertThat(drain()).isEmpty();
        }
    }

    @Nested
    class PutBack {

        @Test
        void aChangeComesAgainAndFirst() {
            start(1, entry("a", 1), entry("b", 1));
            take("a=1@1");
            backlog.putBack();

            assertThat(drain()).containsExactly("a=1@1", "b=1@1");
        }

        @Test
        void cn7WhatIsNewerReplacesAChangeAndTheSkippedAreCounted() {
            start(1, entry("a", 1), entry("b", 1));
            take("a=1@1");
            offer(2, put("a", 2));
            offer(3, put("a", 3));
            backlog.putBack();

            take("a=3@3 +2");
            offer(4, put("a", 4));
            offer(5, put("a", 5));
            backlog.putBack();
            assertThat(drain()).containsExactly("a=5@5 +4", "b=1@1");
        }

        @Test
        void aDeletionComesAgain() {
            start(1, entry("a", 1));
            drain();
            offer(2, delete("a"));
            take("a DELETED@2");
            backlog.putBack();

            assertThat(drain()).containsExactly("a DELETED@2");
            assertThat(drain()).isEmpty();
        }

        @Test
        void aDeletionThatNobodyHeardOfAndThatWasUndoneIsNothing() {
            start(1, entry("a", 1));
            drain();
            offer(2, delete("a"));
            take("a DELETED@2");
            offer(3, ConfigChange.between(null, Rows.entry("a", "1", 3)));
            backlog.putBack();

            assertThat(drain()).isEmpty();
        }

        @Test
        void aChangeThatNobodyHeardOfAndThatWasDeletedIsNothing() {
            start(1);
            offer(2, put("a", 2));
            take("a=2@2");
            offer(3, delete("a"));
            backlog.putBack();

            assertThat(drain()).isEmpty();
        }

        @Test
        void ld16ADeletionAfterAnUnheardUpdateIsTold() {
            start(1, entry("a", 1));
            drain();
            offer(2, put("a", 2));
            take("a=2@2");
            offer(3, delete("a"));
            backlog.putBack();

            assertThat(drain()).containsExactly("a DELETED@3 +1");
        }

        @Test
        void absenceComesAgain() {
            backlog = backlog(ConfigFilter.keys("a"));
            start(1);
            take("a ABSENT@1");
            backlog.putBack();

            assertThat(drain()).containsExactly("a ABSENT@1");
        }

        @Test
        void aNamedKeyIsStillOwedItsFirstStateIfItsFirstPresenceWasNotHeardOf() {
            backlog = backlog(ConfigFilter.keys("a"));
            start(1, entry("a", 1));
            take("a=1@1");
            backlog.putBack();
            offer(2, delete("a"));

            assertThat(drain()).containsExactly("a ABSENT@2 +1");
        }

        @Test
        void aNamedKeyIsStillOwedItsFirstStateHoweverOftenItChangedBefore() {
            backlog = backlog(ConfigFilter.keys("a"));
            start(1);
            offer(2, put("a", 2));
            take("a=2@2 +1");
            backlog.putBack();
            offer(3, delete("a"));

            assertThat(drain()).containsExactly("a ABSENT@3 +2");
        }

        @Test
        void aFailureComesAgain() {
            start(1, entry("a", 1));
            backlog.failed(OUTAGE);
            take("FAILED expected");
            backlog.putBack();

            assertThat(drain()).containsExactly("FAILED expected", "a=1@1");
        }

        @Test
        void aFailureComesAgainBeforeItsRecovery() {
            start(1);
            backlog.failed(OUTAGE);
            take("FAILED expected");
            backlog.recovered();
            backlog.putBack();

            assertThat(drain()).containsExactly("FAILED expected", "RECOVERED expected");
        }

        @Test
        void aRecoveryComesAgainAfterWhatHasChangedSince() {
            start(1);
            backlog.failed(OUTAGE);
            backlog.recovered();
            take("FAILED expected");
            take("RECOVERED expected");
            offer(2, put("a", 2));
            backlog.putBack();

            assertThat(drain()).containsExactly("a=2@2", "RECOVERED expected");
        }

        @Test
        void anUnheardRecoveryIsForgottenIfItHasFailedAgain() {
            start(1);
            backlog.failed(OUTAGE);
            backlog.recovered();
            take("FAILED expected");
            take("RECOVERED expected");
            backlog.failed(NEXT_OUTAGE);
            backlog.putBack();
            assertThat(drain()).isEmpty();
            backlog.recovered();
            assertThat(drain()).containsExactly("RECOVERED expected");
        }

        @Test
        void anUnheardRecoveryIsToldIfItHasFailedAndRecoveredAgain() {
            start(1);
            backlog.failed(OUTAGE);
            backlog.recovered();
            take("FAILED expected");
            take("RECOVERED expected");
            backlog.failed(NEXT_OUTAGE);
            backlog.recovered();
            backlog.putBack();

            assertThat(drain()).containsExactly("RECOVERED expected");
        }

        @Test
        void withoutAnythingTakenIsNothing() {
            backlog.putBack();
            start(1, entry("a", 1));
            drain();
            backlog.putBack();
            backlog.putBack();

            assertThat(drain()).isEmpty();
        }

        @Test
        void afterCloseIsNothing() {
            start(1, entry("a", 1));
            take("a=1@1");
            backlog.close(null);
            backlog.putBack();

            assertThat(drain()).isEmpty();
            assertThat(backlog.waitingSince()).isNull();
        }
    }

    @Nested
    class Waiting {

        @Test
        void isCountedFromTheOldestThatWaits() {
            start(1);
            assertThat(backlog.waitingSince()).isNull();
            now = 10;
            offer(2, put("a", 2));
            now = 20;
            offer(3, put("b", 3), put("a", 3));
            assertThat(backlog.waitingSince()).isEqualTo(10);
            backlog.poll();
            assertThat(backlog.waitingSince())
                    .as("a was taken, but is not done")
                    .isEqualTo(10);
            backlog.delivered();
            assertThat(backlog.waitingSince()).isEqualTo(20);
            backlog.poll();
            backlog.putBack();
            assertThat(backlog.waitingSince()).isEqualTo(20);
            backlog.poll();
            backlog.delivered();
            assertThat(backlog.waitingSince()).isNull();
        }

        @Test
        void isCountedForAFailureToo() {
            backlog = new Backlog(ConfigFilter.ALL, true, true, () -> now, all -> {});
            start(1);
            now = 10;
            backlog.failed(new IllegalStateException("expected"));
            assertThat(backlog.waitingSince()).isEqualTo(10);
            backlog.poll();
            assertThat(backlog.waitingSince()).isEqualTo(10);
            backlog.delivered();
            assertThat(backlog.waitingSince()).isNull();
            now = 20;
            backlog.recovered();
            backlog.poll();
            assertThat(backlog.waitingSince()).isEqualTo(20);
        }

        @Test
        void isNotCountedWhereNobodyTakesAtOnce() {
            backlog = new Backlog(ConfigFilter.ALL, false, false, () -> now, all -> {});
            start(1, entry("a", 1));

            assertThat(backlog.waitingSince()).isNull();
        }
    }

    private void start(long revision, ConfigEntry... entries) {
        backlog.start(List.of(entries), 0, revision);
    }

    private void offer(long revision, ConfigChange... changes) {
        offer(0, revision, changes);
    }

    private void offer(long epoch, long revision, ConfigChange... changes) {
        backlog.offer(new ConfigChangeSet("", epoch, revision, false, Arrays.asList(changes)));
    }

    private static ConfigEntry entry(String key, long revision) {
        return Rows.entry(key, String.valueOf(revision), revision);
    }

    private static ConfigChange put(String key, long revision) {
        return ConfigChange.between(null, entry(key, revision));
    }

    private static ConfigChange delete(String key) {
        return new ConfigChange(ConfigChange.Kind.DELETE, key, null, null);
    }

    private void take(String expected) {
        assertThat(text(backlog.poll())).isEqualTo(expected);
    }

    private List<String> drain() {
        List<String> all = new ArrayList<>();
        for (News news = backlog.poll(); news != null; news = backlog.poll()) {
            all.add(text(news));
        }
        return all;
    }

    private static String text(News news) {
        if (news instanceof Backlog.Failed failed) {
            return "FAILED " + failed.failure().getMessage();
        }
        if (news instanceof Backlog.Recovered recovered) {
            return "RECOVERED " + recovered.failure().getMessage();
        }
        Backlog.Change change = (Backlog.Change) news;
        ConfigEntry entry = change.entry();
        String state = change.kind() == Kind.PRESENT ? "=" + entry.value() : " " + change.kind();
        return change.key() + state + "@" + change.revision() + (change.epoch() == 0 ? "" : " e" + change.epoch())
                + (change.collapsed() == 0 ? "" : " +" + change.collapsed());
    }
}
