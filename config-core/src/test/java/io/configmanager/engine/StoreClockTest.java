// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class StoreClockTest {

    private static final Instant NOON = Instant.parse("2030-06-01T12:00:00Z");

    private final FakeTime time = new FakeTime();
    private final StoreClock clock = new StoreClock(time.instant(), time::nanoTime);

    @Test
    void goesOnWithTheMonotonicClock() {
        clock.observed(NOON, time.nanoTime());
        time.pass(Duration.ofSeconds(90));

        assertThat(clock.now()).isEqualTo(NOON.plusSeconds(90));
    }

    @Test
    void countsFromTheStartOfTheReadSoThatItIsNeverBehind() {
        long start = time.nanoTime();
        time.pass(Duration.ofSeconds(2));
        clock.observed(NOON, start);

        assertThat(clock.now()).isEqualTo(NOON.plusSeconds(2));
    }

    @Test
    void theWallClockPlaysNoPart() {
        clock.observed(NOON, time.nanoTime());
        Instant expiresAt = NOON.plusSeconds(10);

        time.setWallClock(Duration.ofHours(1));
        assertThat(clock.isPast(expiresAt)).isFalse();
        time.pass(Duration.ofSeconds(10));
        time.setWallClock(Duration.ofHours(-2));
        assertThat(clock.isPast(expiresAt)).isTrue();
    }

    @Test
    void anEntryIsPastFromTheMomentItExpires() {
        clock.observed(NOON, time.nanoTime());

        assertThat(clock.isPast(NOON.plusNanos(1))).isFalse();
        assertThat(clock.isPast(NOON)).isTrue();
    }

    @Test
    void followsAStoreWhoseClockIsSetBack() {
        time.pass(Duration.ofHours(1));
        clock.observed(NOON, time.nanoTime());
        clock.observed(NOON.minusSeconds(60), time.nanoTime());

        assertThat(clock.now()).isEqualTo(NOON.minusSeconds(60));
    }

    @Test
    void timeSinceIsNeverNegative() {
        clock.observed(NOON, time.nanoTime());

        assertThat(clock.since(NOON.minusMillis(5))).isEqualTo(Duration.ofMillis(5));
        assertThat(clock.since(NOON.plusMillis(5))).isEqualTo(Duration.ZERO);
    }

    @Test
    void standsStillInsteadOfGoingBackWhenAReadWasQuickerThanTheOneBefore() {
        long start = time.nanoTime();
        time.pass(Duration.ofSeconds(2));
        clock.observed(NOON, start);
        Instant expiresAt = NOON.plusSeconds(2);
        assertThat(clock.isPast(expiresAt)).isTrue();

        clock.observed(NOON.plusMillis(500), time.nanoTime());
        assertThat(clock.isPast(expiresAt)).isTrue();
        assertThat(clock.isPast(expiresAt.plusMillis(1))).isFalse();
        assertThat(clock.now()).isEqualTo(expiresAt);
        time.pass(Duration.ofSeconds(3));
        assertThat(clock.now()).isEqualTo(NOON.plusMillis(3_500));
    }

    @Test
    void whatTheStoreSaysFirstReplacesAGuess() {
        clock.observed(NOON.minusSeconds(5), time.nanoTime());
        clock.observed(NOON.minusSeconds(5), time.nanoTime());

        assertThat(clock.now()).isEqualTo(NOON.minusSeconds(5));
    }
}
