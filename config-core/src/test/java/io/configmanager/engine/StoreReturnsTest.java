// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StoreReturnsTest {

    private final List<String> told = new ArrayList<>();
    private final StoreReturns audience =
            new StoreReturns(changes -> {}, () -> told.add("back"), () -> told.add("there"));

    @Test
    void itIsBackAtTheStartAndAfterEachFailureAndThereOtherwise() {
        audience.live();
        audience.live();
        audience.failed(new IllegalStateException("away"));
        audience.failed(new IllegalStateException("still away"));
        audience.live();
        audience.live();
        assertThat(told).containsExactly("back", "there", "back", "there");
    }
}
