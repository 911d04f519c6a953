// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.configmanager.LogEntry;
import io.configmanager.store.PositionLostException.Reason;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What feeds prove before they deliver anything. */
class LogProofTest {

    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

    private static LogEntry line(long revision, String key) {
        return new Changes(revision, NOW, ChronoUnit.MILLIS, null, null).removal(LogEntry.Kind.DELETE, "app", key, 1);
    }

    private static Reason lost(boolean sameLineage, long head, long compacted, boolean sameRevision) {
        return catchThrowableOfType(
                        PositionLostException.class,
                        () -> LogProof.requireContinuation(5, sameLineage, head, compacted, sameRevision))
                .reason();
    }

    @Test
    void aPositionStandsOrIsLostForAReason() {
        assertThatCode(() -> LogProof.requireContinuation(5, true, 5, 5, true)).doesNotThrowAnyException();
        assertThat(lost(false, 9, 0, true)).isEqualTo(Reason.HISTORY_REPLACED);
        assertThat(lost(true, 4, 0, true)).isEqualTo(Reason.HISTORY_REPLACED);
        assertThat(lost(true, 9, 6, true)).isEqualTo(Reason.COMPACTED);
        assertThat(lost(true, 9, 0, false)).isEqualTo(Reason.HISTORY_REPLACED);
    }

    @Test
    void linesBecomeWholeChangeSets() {
        LogProof.Collector lines = new LogProof.Collector(5);
        lines.add(line(6, "a"), NOW);
        lines.add(line(6, "b"), NOW.plusMillis(1));
        lines.add(line(7, "a"), NOW.plusMillis(2));

        assertThat(lines.changeSets())
                .containsExactly(
                        new ChangeSet(6, NOW.plusMillis(1), List.of(line(6, "a"), line(6, "b"))),
                        new ChangeSet(7, NOW.plusMillis(2), List.of(line(7, "a"))));
        assertThat(new LogProof.Collector(5).changeSets()).isEmpty();
    }

    @Test
    void aMissingRevisionIsLostHistory() {
        assertThatThrownBy(() -> new LogProof.Collector(5).add(line(7, "a"), NOW))
                .isInstanceOf(PositionLostException.class)
                .hasMessageContaining("6");
        assertThatThrownBy(() -> new LogProof.Collector(5).add(line(5, "a"), NOW))
                .isInstanceOf(PositionLostException.class);
        LogProof.Collector lines = new LogProof.Collector(5);
        lines.add(line(6, "a"), NOW);
        assertThatThrownBy(() -> lines.add(line(8, "a"), NOW)).isInstanceOf(PositionLostException.class);
    }
}
