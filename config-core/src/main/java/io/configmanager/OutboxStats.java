// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the {@link Outbox} holds.
 *
 * @param pending writes that will be applied
 * @param conflicts writes that somebody else's change has overtaken
 * @param dead writes that the store does not accept
 * @param expired writes whose deadline has passed
 * @param oldest when the oldest pending write was queued, or null
 * @param replayed writes that this process has applied from the outbox
 * @param bytes size on disk
 * @param problems what was found damaged on disk at the start
 */
public record OutboxStats(
        int pending,
        int conflicts,
        int dead,
        int expired,
        @Nullable Instant oldest,
        long replayed,
        long bytes,
        List<String> problems) {

    public OutboxStats {
        problems = List.copyOf(problems);
    }
}
