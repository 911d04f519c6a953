// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.ConfigObserver;
import io.configmanager.StoreException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ObserversTest {

    private final List<String> told = new ArrayList<>();

    @Test
    void whatBeganEndsOnceInTheOppositeOrder() {
        Observers observers = new Observers(List.of(named("a"), named("b")));
        observers.storeCalling("get").ended(null);
        observers.applying(7, 2).ended(new StoreException("away", true, null));
        assertThat(told)
                .containsExactly(
                        "a get",
                        "b get",
                        "b ended null",
                        "a ended null",
                        "a 7 2",
                        "b 7 2",
                        "b ended away",
                        "a ended away");
    }

    @Test
    void whoDoesNotWantToKnowCostsNothing() {
        Observers observers = new Observers(List.of(new ConfigObserver() {}, new ConfigObserver() {}));
        assertThat(observers.storeCalling("get")).isSameAs(ConfigObserver.Ending.UNTOLD);
        assertThat(observers.applying(7, 2)).isSameAs(ConfigObserver.Ending.UNTOLD);
    }

    @Test
    void oneThatThrowsDisturbsNothing() {
        ConfigObserver atTheStart = new ConfigObserver() {
            @Override
            public Ending storeCalling(String operation) {
                throw new IllegalStateException("start");
            }
        };
        ConfigObserver atTheEnd = new ConfigObserver() {
            @Override
            public Ending storeCalling(String operation) {
                return failure -> {
                    throw new IllegalStateException("end");
                };
            }
        };
        Observers observers = new Observers(List.of(named("a"), atTheStart, atTheEnd));
        observers.storeCalling("get").ended(null);
        assertThat(told).containsExactly("a get", "a ended null");
    }

    @Test
    void theEndOfACallIsToldWithItsFailure() {
        ScriptedStore store = new ScriptedStore();
        store.snapshots.add(() -> {
            throw new StoreException("away", true, null);
        });
        ObservedStore observed = new ObservedStore(store, new Observers(List.of(named("a"))));
        assertThatThrownBy(() -> observed.snapshot(java.util.Set.of(), 1)).isInstanceOf(StoreException.class);
        assertThat(told).containsExactly("a snapshot", "a ended away");
    }

    private ConfigObserver named(String name) {
        return new ConfigObserver() {
            @Override
            public Ending storeCalling(String operation) {
                told.add(name + " " + operation);
                return ended();
            }

            @Override
            public Ending applying(long revision, int changes) {
                told.add(name + " " + revision + " " + changes);
                return ended();
            }

            private Ending ended() {
                return failure -> told.add(name + " ended " + (failure == null ? null : failure.getMessage()));
            }
        };
    }
}
