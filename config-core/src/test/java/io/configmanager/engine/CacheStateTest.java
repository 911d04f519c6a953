// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigFilter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class CacheStateTest {

    @Test
    void aChangeLeavesTheStateBeforeAsItWas() {
        CacheState before = state(1, "a", "b");

        CacheState after = before.with(2, Map.of("a", slot("a", 2), "b", Slot.absent(2), "c", slot("c", 2)));

        assertThat(keys(before)).containsExactly("a", "b");
        assertThat(before.read("a").revision).isEqualTo(1);
        assertThat(before.revision).isEqualTo(1);
        assertThat(keys(after)).containsExactly("a", "c");
        assertThat(after.read("a").revision).isEqualTo(2);
        assertThat(after.read("b").entry).isNull();
        assertThat(after.revision).isEqualTo(2);
    }

    @Test
    void sizeCountsEntriesOfBothLayersOnce() {
        CacheState state = state(1, "a", "b");

        assertThat(state.size()).isEqualTo(2);
        assertThat(state.with(2, Map.of("a", slot("a", 2))).size()).isEqualTo(2);
        assertThat(state.with(2, Map.of("c", slot("c", 2))).size()).isEqualTo(3);
        assertThat(state.with(2, Map.of("a", Slot.absent(2))).size()).isEqualTo(1);
        assertThat(state.with(2, Map.of("x", Slot.absent(2))).size()).isEqualTo(2);
    }

    @Test
    void foldsWhenTheRecentLayerExceedsItsThreshold() {
        CacheState state = state(1, "a");
        for (int i = 0; i < 64; i++) {
            state = state.with(i + 2, Map.of("k" + i, i % 2 == 0 ? slot("k" + i, i + 2) : Slot.absent(i + 2)));
        }
        assertThat(state.read("k1")).as("a tombstone of the recent layer").isNotNull();

        state = state.with(100, Map.of("last", slot("last", 100)));

        assertThat(state.read("k1")).as("folded away").isNull();
        assertThat(state.read("last").revision).isEqualTo(100);
        assertThat(state.size()).isEqualTo(1 + 32 + 1);
        assertThat(state.entries()).hasSize(34);
    }

    @Test
    void staysEqualToAPlainMapWhateverHappens() {
        Random random = new Random(11);
        Map<String, Long> model = new TreeMap<>();
        CacheState state = state(0);
        for (long revision = 1; revision <= 3_000; revision++) {
            Map<String, Slot> changes = new HashMap<>();
            for (int i = random.nextInt(3); i >= 0; i--) {
                String key = "k" + random.nextInt(500);
                boolean delete = random.nextInt(3) == 0;
                changes.put(key, delete ? Slot.absent(revision) : slot(key, revision));
            }
            long at = revision;
            changes.forEach((key, slot) -> {
                if (slot.empty()) {
                    model.remove(key);
                } else {
                    model.put(key, at);
                }
            });
            state = state.with(revision, changes);
            assertThat(state.size()).isEqualTo(model.size());
        }
        assertThat(state.entries().stream().map(ConfigEntry::key)).containsExactlyElementsOf(model.keySet());
        assertThat(state.entries().stream().map(ConfigEntry::revision)).containsExactlyElementsOf(model.values());
        Map<String, Long> seen = new TreeMap<>();
        state.forEachCommitted((key, slot) -> seen.put(key, slot.revision));
        assertThat(seen).isEqualTo(model);
    }

    @Test
    void entriesAreSortedUnmodifiableAndComputedOnce() {
        CacheState state = state(1, "b", "a/z", "a-", "B", "a");

        List<ConfigEntry> entries = state.entries();

        assertThat(entries).extracting(ConfigEntry::key).containsExactly("B", "a", "a-", "a/z", "b");
        assertThat(state.entries()).isSameAs(entries);
        assertThatThrownBy(() -> entries.remove(0)).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void ownWritesAreForReadsAndNotForViews() {
        CacheState state = state(1, "a").withOwn(Map.of("a", slot("a", 5))).withOwn(Map.of("b", slot("b", 6)));

        assertThat(state.read("a").revision).isEqualTo(5);
        assertThat(state.read("b").revision).isEqualTo(6);
        assertThat(state.committed("a").revision).isEqualTo(1);
        assertThat(state.committed("b")).isNull();
        assertThat(keys(state)).containsExactly("a");
        assertThat(state.size()).isEqualTo(1);
        assertThat(state.revision).isEqualTo(1);
    }

    @Test
    void anOwnDeleteHidesTheEntry() {
        CacheState state = state(1, "a").withOwn(Map.of("a", Slot.absent(5)));

        assertThat(state.read("a").entry).isNull();
        assertThat(keys(state)).containsExactly("a");
    }

    @Test
    void ownWritesEndWhenTheFeedHasCoveredThem() {
        CacheState state = state(1, "a").withOwn(Map.of("a", slot("a", 5))).withOwn(Map.of("b", slot("b", 7)));

        CacheState covered = state.with(5, Map.of("a", slot("a", 5)));
        assertThat(covered.own()).containsOnlyKeys("b");
        assertThat(covered.withoutOwn(6).own()).containsOnlyKeys("b");
        assertThat(covered.withoutOwn(7).own()).isEmpty();
        assertThat(covered.withoutOwn(5)).isSameAs(covered);
        assertThat(state.replacedBy(6, Map.of(), state.own()).own()).containsOnlyKeys("b");
    }

    @Test
    void whatIsFoundIsWhatCanBeReadWhateverLayerHasIt() {
        List<String> all = List.of("a", "a-", "a/a", "a/b", "a/b/c", "a/c", "ab", "b");
        List<ConfigFilter> filters = List.of(
                ConfigFilter.ALL,
                ConfigFilter.prefix("a"),
                ConfigFilter.prefix("a/b"),
                ConfigFilter.glob("a*"),
                ConfigFilter.glob("a/b**"),
                ConfigFilter.glob("?"),
                ConfigFilter.glob("a/b"),
                ConfigFilter.keys("a/c", "a", "b"));
        Random random = new Random(12);
        for (int run = 0; run < 60; run++) {
            CacheState state = CacheState.UNLOADED
                    .replacedBy(1, some(all, random, 1, false), Map.of())
                    .with(2, some(all, random, 2, true))
                    .withOwn(some(all, random, 3, true));
            for (Map.Entry<String, Slot> pending : some(all, random, 4, true).entrySet()) {
                state = state.withPending(pending.getKey(), pending.getValue());
            }
            for (ConfigFilter filter : filters) {
                for (int from = 0; from <= all.size(); from++) {
                    String after = from == 0 ? "" : all.get(from - 1);
                    List<ConfigEntry> expected = new ArrayList<>();
                    for (String key : all.subList(from, all.size())) {
                        Slot slot = state.read(key);
                        if (filter.matches(key) && slot != null && slot.entry != null && slot.revision != 2) {
                            expected.add(slot.entry);
                        }
                    }
                    for (int most = 1; most <= all.size(); most++) {
                        assertThat(state.find(filter, after, most, entry -> entry.revision() != 2))
                                .as("%s after '%s'", filter, after)
                                .isEqualTo(expected.subList(0, Math.min(most, expected.size())));
                    }
                }
            }
        }
    }

    private static Map<String, Slot> some(List<String> keys, Random random, long revision, boolean deletions) {
        Map<String, Slot> slots = new HashMap<>();
        for (String key : keys) {
            int dice = random.nextInt(4);
            if (dice < 2) {
                slots.put(key, dice == 1 && deletions ? Slot.absent(revision) : slot(key, revision));
            }
        }
        return slots;
    }

    private static CacheState state(long revision, String... keys) {
        Map<String, Slot> slots = new HashMap<>();
        for (String key : keys) {
            slots.put(key, slot(key, revision));
        }
        return CacheState.UNLOADED.replacedBy(revision, slots, Map.of());
    }

    private static Slot slot(String key, long revision) {
        return new Slot(Rows.entry(key, "1", revision), revision, null);
    }

    private static List<String> keys(CacheState state) {
        List<String> keys = new ArrayList<>();
        state.entries().forEach(entry -> keys.add(entry.key()));
        return keys;
    }
}
