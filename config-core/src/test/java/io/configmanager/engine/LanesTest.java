// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class LanesTest {

    /** As when an application ends right after it has written: that is no lack of threads, and nothing to log. */
    @Test
    void workThatMeetsTheCloseIsRefused() {
        AtomicReference<Lanes> itself = new AtomicReference<>();
        Lanes lanes = new Lanes(task -> {
            itself.get().close();
            throw new RejectedExecutionException("shut down");
        });
        itself.set(lanes);

        assertThatThrownBy(() -> lanes.execute(() -> {}))
                .isInstanceOf(RejectedExecutionException.class)
                .hasMessage("The manager is closed");
    }
}
