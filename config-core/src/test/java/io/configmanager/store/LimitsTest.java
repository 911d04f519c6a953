// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.Condition;
import io.configmanager.InvalidConfigException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What no store is asked to keep, and no call can wait for. */
class LimitsTest {

    private static final List<Operation> DELETION = List.of(new Operation.Delete("app", "k", Condition.ALWAYS));

    @ParameterizedTest
    @ValueSource(strings = {"a\0b", "a\uD83Db", "\uDE00"})
    void textThatNotEveryStoreCanKeepIsRefused(String text) {
        assertThatThrownBy(() -> Commit.of(DELETION, text, null))
                .isInstanceOf(InvalidConfigException.class)
                .hasMessageContaining("author");
        assertThatThrownBy(() -> Commit.of(DELETION, null, text))
                .isInstanceOf(InvalidConfigException.class)
                .hasMessageContaining("comment");
    }

    @Test
    void allOtherTextIsKept() {
        assertThat(Commit.of(DELETION, "J\u00F6rg \uD83D\uDE00", "a\nb").comment())
                .isEqualTo("a\nb");
    }

    @Test
    void timesAreLimited() {
        Settings settings = new Settings();
        for (Duration time : List.of(Duration.ZERO, Duration.ofMillis(-1), Duration.ofSeconds(Long.MAX_VALUE))) {
            assertThatThrownBy(() -> settings.callTimeout(time)).isInstanceOf(InvalidConfigException.class);
            assertThatThrownBy(() -> settings.operationRetention(time)).isInstanceOf(InvalidConfigException.class);
            assertThatThrownBy(() -> settings.auditInterval(time)).isInstanceOf(InvalidConfigException.class);
            assertThatThrownBy(() -> settings.pollIntervals(time, Duration.ofSeconds(1)))
                    .isInstanceOf(InvalidConfigException.class);
        }
        assertRetentionRefused(Duration.ofSeconds(Long.MAX_VALUE), 1, 1);
        assertRetentionRefused(Duration.ofMillis(-1), 1, 1);
        assertRetentionRefused(Duration.ZERO, -1, 1);
        assertRetentionRefused(Duration.ZERO, 0, 0);
        assertThat(settings.callTimeout(Duration.ofDays(36_500))
                        .settings()
                        .callTimeout()
                        .toNanos())
                .isPositive();
    }

    private static void assertRetentionRefused(Duration time, long revisions, int versions) {
        assertThatThrownBy(() -> new Settings().retention(time, revisions, versions))
                .isInstanceOf(InvalidConfigException.class);
    }

    @Test
    void whatIsSetCounts() {
        Duration longest = Duration.ofDays(36_500);

        StoreSettings settings = new Settings()
                .pollIntervals(Duration.ofSeconds(1), Duration.ofSeconds(2))
                .callTimeout(Duration.ofSeconds(3))
                .retention(Duration.ZERO, 0, 1)
                .retention(longest, 4, 5)
                .operationRetention(Duration.ofSeconds(6))
                .auditInterval(longest)
                .settings();

        assertThat(settings)
                .isEqualTo(new StoreSettings(
                        Duration.ofSeconds(1),
                        Duration.ofSeconds(2),
                        Duration.ofSeconds(3),
                        longest,
                        4,
                        5,
                        Duration.ofSeconds(6),
                        longest));
    }

    private static final class Settings extends StoreSettings.Builder<Settings> {
        @Override
        protected Settings self() {
            return this;
        }
    }
}
