// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import java.time.Duration;

/** How to wait. */
@FunctionalInterface
interface Pause {

    /** Waits for the time, or until there is no reason to wait any more; true in the latter case. */
    boolean await(Duration duration) throws InterruptedException;
}
