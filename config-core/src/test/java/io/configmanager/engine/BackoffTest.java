// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class BackoffTest {

    private static final RandomGenerator MIDDLE = new FixedRandom(0.5);

    private final Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(30));

    @Test
    void doublesFromTheFirstToTheLast() {
        assertThat(backoff.delay(1, MIDDLE)).isEqualTo(Duration.ofMillis(100));
        assertThat(backoff.delay(2, MIDDLE)).isEqualTo(Duration.ofMillis(200));
        assertThat(backoff.delay(5, MIDDLE)).isEqualTo(Duration.ofMillis(1600));
        assertThat(backoff.delay(9, MIDDLE)).isEqualTo(Duration.ofMillis(25_600));
        assertThat(backoff.delay(10, MIDDLE)).isEqualTo(Duration.ofSeconds(30));
    }

    @Test
    void staysAtTheLastHoweverManyFailures() {
        assertThat(backoff.delay(1_000, MIDDLE)).isEqualTo(Duration.ofSeconds(30));
        assertThat(backoff.delay(Integer.MAX_VALUE, MIDDLE)).isEqualTo(Duration.ofSeconds(30));
    }

    @Test
    void noFailureYetCountsAsOne() {
        assertThat(backoff.delay(0, MIDDLE)).isEqualTo(Duration.ofMillis(100));
    }

    @Test
    void aFirstAboveTheLastIsTheLast() {
        Backoff odd = new Backoff(Duration.ofSeconds(5), Duration.ofSeconds(1));

        assertThat(odd.delay(1, MIDDLE)).isEqualTo(Duration.ofSeconds(1));
    }

    @Test
    void jitterGoesFromHalfToBelowOneAndAHalf() {
        assertThat(backoff.delay(1, new FixedRandom(0))).isEqualTo(Duration.ofMillis(50));
        assertThat(backoff.delay(1, new FixedRandom(0.999))).isLessThan(Duration.ofMillis(150));
    }

    @Test
    void jitterSpreads() {
        Random random = new Random(7);

        assertThat(random.doubles(1_000)
                        .mapToObj(any -> backoff.delay(1, random).toMillis() / 10)
                        .distinct())
                .containsExactlyInAnyOrder(5L, 6L, 7L, 8L, 9L, 10L, 11L, 12L, 13L, 14L);
    }
}
