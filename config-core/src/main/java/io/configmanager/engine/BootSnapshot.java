// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigEntry;
import io.configmanager.store.Position;
import java.time.Instant;
import java.util.List;

/**
 * The last known entries of the active namespaces, kept on disk for a start without the store.
 *
 * @param origin which store they are of
 * @param position what they are consistent with
 * @param provedAt when they were last proved current, by this machine's clock
 */
record BootSnapshot(String origin, Position position, Instant provedAt, List<Held> namespaces) {

    /**
     * @param name the namespace
     * @param whole whether these are all its entries; otherwise those that were in memory
     */
    record Held(String name, boolean whole, List<ConfigEntry> entries) {}

    int size() {
        return namespaces.stream().mapToInt(held -> held.entries().size()).sum();
    }

    /** Nothing of the values, so that no log line can leak one. */
    @Override
    public String toString() {
        return "BootSnapshot[" + origin + ", " + position + ", " + provedAt + ", " + size() + " entries]";
    }
}
