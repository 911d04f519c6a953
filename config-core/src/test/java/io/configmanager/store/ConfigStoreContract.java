// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.Condition;
import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import io.configmanager.StoreException;
import io.configmanager.VersionConflictException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Future;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/**
 * What every store must pass. A subclass named {@code …ContractTest} implements the hooks; a store whose server is slow to
 * start starts it once for the class.
 *
 * <p>Left to the store: whether a write behind its back counts a version, whether a put over an expired entry logs the
 * expiry too, and which of {@link PositionLostException} and {@link io.configmanager.InvalidConfigException} a position
 * that it never issued is.
 */
public abstract class ConfigStoreContract extends FleetContract {

    @Nested
    class Races {

        @Test
        void compareAndSetLosesNoUpdate() throws Exception {
            int threads = 4;
            int increments = 25;
            commit(put("counter", "0"));
            List<Future<Integer>> counting = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                ConfigStore mine = handle();
                counting.add(inBackground(() -> {
                    int conflicts = 0;
                    for (int done = 0; done < increments; ) {
                        ConfigEntry entry = mine.get(ns, "counter").entry();
                        String next = Integer.toString(Integer.parseInt(entry.value()) + 1);
                        try {
                            mine.commit(commitOf(put("counter", next, Condition.version(entry.version()))));
                            done++;
                        } catch (VersionConflictException e) {
                            conflicts++;
                        }
                    }
                    return conflicts;
                }));
            }
            for (Future<Integer> each : counting) {
                result(each);
            }
            assertThat(value("counter")).isEqualTo(Integer.toString(threads * increments));
            assertThat(entry("counter").version()).isEqualTo(threads * increments + 1L);
        }

        @Test
        void aSnapshotIsNeverTorn() throws Exception {
            ConfigStore other = handle();
            commit(put("a", "0"), put(ns2, "b", "0"));
            Future<Long> writer = inBackground(() -> {
                long revision = 0;
                for (int i = 1; i <= 150; i++) {
                    String value = Integer.toString(i);
                    revision = other.commit(commitOf(put("a", value), put(ns2, "b", value)))
                            .revision();
                }
                return revision;
            });
            long revision = 0;
            boolean last;
            do {
                last = writer.isDone();
                Snapshot snapshot = store.snapshot(Set.of(ns, ns2), 10);
                assertThat(snapshot.entries()).hasSize(2);
                ConfigEntry one = snapshot.entries().get(0);
                ConfigEntry two = snapshot.entries().get(1);
                assertThat(one.value()).as("written together").isEqualTo(two.value());
                assertThat(one.revision()).isEqualTo(two.revision());
                assertThat(snapshot.position().revision())
                        .as("positions never go back, nor behind what they show")
                        .isGreaterThanOrEqualTo(Math.max(revision, one.revision()));
                revision = snapshot.position().revision();
            } while (!last);
            assertThat(revision).isGreaterThanOrEqualTo(result(writer));
        }

        @Test
        void aSnapshotAndTheFeedAfterItAreTheState() throws Exception {
            List<Future<Long>> writers = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                int seed = i;
                ConfigStore mine = handle();
                writers.add(inBackground(() -> writeAtRandom(mine, new Random(seed), 60)));
            }
            List<Map<String, String>> states = new ArrayList<>();
            List<FeedReader> readers = new ArrayList<>();
            do {
                Snapshot snapshot = store.snapshot(Set.of(ns, ns2), 1000);
                Map<String, String> values = new TreeMap<>();
                for (ConfigEntry entry : snapshot.entries()) {
                    assertThat(entry.revision())
                            .isLessThanOrEqualTo(snapshot.position().revision());
                    values.put(entry.namespace() + " " + entry.key(), entry.value());
                }
                states.add(values);
                FeedReader reader = reader(snapshot.position());
                readers.add(reader);
                reader.readUntil(
                        () -> reader.changeSets.size() >= 20 || writers.stream().allMatch(Future::isDone));
            } while (readers.size() < 4 && writers.stream().anyMatch(writer -> !writer.isDone()));
            long newest = 0;
            for (Future<Long> writer : writers) {
                newest = Math.max(newest, result(writer));
            }

            Map<String, String> expected = listed(ns, ns2);
            for (int i = 0; i < readers.size(); i++) {
                FeedReader reader = readers.get(i).readTo(newest);
                Map<String, String> values = states.get(i);
                reader.changeSets.forEach(changeSet -> changeSet.changes().forEach(change -> fold(values, change)));
                assertThat(values).isEqualTo(expected);
            }
        }

        @Test
        void allFeedsSeeTheSameHistory() throws Exception {
            FeedReader mine = reader();
            FeedReader theirs = closeLater(new FeedReader(handle(), mine.position()));
            List<Future<Long>> writers = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                int seed = 10 + i;
                ConfigStore handle = handle();
                writers.add(inBackground(() -> writeAtRandom(handle, new Random(seed), 30)));
            }
            Future<Boolean> reading = inBackground(() -> {
                theirs.readUntil(() -> writers.stream().allMatch(Future::isDone));
                return true;
            });
            mine.readUntil(() -> writers.stream().allMatch(Future::isDone));
            result(reading);
            long newest = 0;
            for (Future<Long> writer : writers) {
                newest = Math.max(newest, result(writer));
            }
            mine.readTo(newest);
            theirs.readTo(newest);

            assertThat(mine.revisions()).isNotEmpty().isEqualTo(theirs.revisions());
            assertThat(mine.changes(ns).stream().map(StoreContractFixture::timeless))
                    .containsExactlyElementsOf(theirs.changes(ns).stream()
                            .map(StoreContractFixture::timeless)
                            .toList());
            Map<String, Long> versions = new TreeMap<>();
            mine.changes(ns).forEach(change -> {
                Long before = versions.put(change.key(), change.version());
                assertThat(change.version())
                        .as("version of '%s'", change.key())
                        .isEqualTo(before == null ? 1 : before + 1);
            });
        }

        /** Commits of one to three random puts and deletes; returns the newest revision. */
        private long writeAtRandom(ConfigStore mine, Random random, int commits) {
            long newest = 0;
            for (int i = 0; i < commits; i++) {
                Map<String, Operation> operations = new TreeMap<>();
                for (int j = random.nextInt(3); j >= 0; j--) {
                    String namespace = random.nextBoolean() ? ns : ns2;
                    String key = "k" + random.nextInt(8);
                    Operation operation = random.nextInt(4) == 0
                            ? new Operation.Delete(namespace, key, Condition.ALWAYS)
                            : put(namespace, key, Integer.toString(random.nextInt()));
                    operations.put(namespace + " " + key, operation);
                }
                CommitResult result = mine.commit(Commit.of(List.copyOf(operations.values()), AUTHOR, null));
                newest = Math.max(newest, result.revision());
            }
            return newest;
        }
    }

    @Nested
    class Close {

        @Test
        void isIdempotentAndLeavesOtherHandlesAlone() {
            ConfigStore other = handle();
            commit(put("k", "1"));

            store.close();
            store.close();

            assertThat(other.get(ns, "k").entry()).isNotNull();
            assertThat(handle().get(ns, "k").entry()).isNotNull();
        }

        @Test
        void makesEveryCallFail() {
            commit(put("k", "1"));
            Position position = head();

            store.close();

            List<ThrowingCallable> calls = List.of(
                    () -> store.get(ns, "k"),
                    () -> store.list(ns, ConfigFilter.ALL, 10, null),
                    () -> store.namespaces(10, null),
                    () -> store.history(ns, "k", 10, null),
                    () -> store.changes(ns, Instant.EPOCH, 10, null),
                    () -> store.commit(commitOf(put("k", "2"))),
                    () -> store.snapshot(Set.of(ns), 10),
                    () -> store.openFeed(position).poll(SHORT),
                    () -> store.maintain(),
                    () -> store.report(new InstanceReport(
                            "id", 1, "name", position, true, 0, Instant.EPOCH, Duration.ofMinutes(1))),
                    () -> store.fleet());
            for (int i = 0; i < calls.size(); i++) {
                assertThatThrownBy(calls.get(i)).as("call %d", i).isInstanceOf(StoreException.class);
            }
            assertThat(store.description()).isNotBlank();
        }
    }
}
