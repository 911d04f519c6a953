// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.LogEntry;
import io.configmanager.StoreException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Reads a feed as the engine does and checks what every answer promises. A feed whose transport breaks is opened again
 * where it was.
 */
final class FeedReader implements AutoCloseable {

    /** Everything that was read, in order. */
    final List<ChangeSet> changeSets = new ArrayList<>();

    private final ConfigStore store;
    private volatile Position position;
    private Feed feed;

    FeedReader(ConfigStore store, Position position) {
        this.store = store;
        this.position = position;
        this.feed = store.openFeed(position);
    }

    /** Polls once; a failure is the caller's. */
    Feed.Batch poll(Duration timeout) {
        Feed.Batch batch = feed.poll(timeout);
        long last = position.revision();
        for (ChangeSet changeSet : batch.changeSets()) {
            assertThat(changeSet.revision()).as("revisions grow").isGreaterThan(last);
            assertThat(changeSet.changes())
                    .as("the changes of revision %s", changeSet.revision())
                    .isNotEmpty()
                    .allSatisfy(change -> assertThat(change.revision()).isEqualTo(changeSet.revision()));
            last = changeSet.revision();
            changeSets.add(changeSet);
        }
        assertThat(batch.position().revision())
                .as("the position includes what was delivered")
                .isGreaterThanOrEqualTo(last);
        assertThat(batch.provedAgo()).as("age of the proof").isBetween(Duration.ZERO, StoreContractFixture.PATIENCE);
        position = batch.position();
        return batch;
    }

    /**
     * Reads until the condition holds, opening the feed again whenever its transport broke.
     *
     * @throws PositionLostException if the feed cannot be continued
     */
    FeedReader readUntil(BooleanSupplier condition) {
        return readUntil(condition, Duration.ofMillis(100));
    }

    /** The same with polls of this length, to see that one is woken. */
    FeedReader readUntil(BooleanSupplier condition, Duration timeout) {
        long deadline = System.nanoTime() + StoreContractFixture.PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("the feed shows it in time").isLessThan(deadline);
            try {
                poll(timeout);
            } catch (StoreException e) {
                reopenAfter(e);
            }
        }
        return this;
    }

    /** Reads until this revision has been seen. */
    FeedReader readTo(long revision) {
        return readUntil(() -> position.revision() >= revision);
    }

    Position position() {
        return position;
    }

    List<Long> revisions() {
        return changeSets.stream().map(ChangeSet::revision).toList();
    }

    /** All changes of one namespace, in order. */
    List<LogEntry> changes(String namespace) {
        return changeSets.stream()
                .flatMap(changeSet -> changeSet.changes().stream())
                .filter(change -> change.namespace().equals(namespace))
                .toList();
    }

    @Override
    public void close() {
        feed.close();
    }

    private void reopenAfter(StoreException failure) {
        if (failure instanceof PositionLostException) {
            throw failure;
        }
        assertThat(failure.isTransient()).as("%s is transient", failure).isTrue();
        feed.close();
        StoreContractFixture.patiently()
                .ignoreExceptionsMatching(e -> e instanceof StoreException refused
                        && refused.isTransient()
                        && !(e instanceof PositionLostException))
                .until(() -> {
                    feed = store.openFeed(position);
                    return true;
                });
    }
}
