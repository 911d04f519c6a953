// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.ConfigEntry;
import org.springframework.boot.origin.Origin;

/**
 * Where a property of the {@code Environment} comes from that {@code spring.config.import=config:} brought.
 *
 * @param entry the entry, as it was when the property was last read
 */
public record ConfigEntryOrigin(ConfigEntry entry) implements Origin {

    @Override
    public String toString() {
        return "config entry '" + entry.key() + "'"
                + (entry.namespace().isEmpty() ? "" : " of namespace '" + entry.namespace() + "'") + ", version "
                + entry.version() + ", revision " + entry.revision();
    }
}
