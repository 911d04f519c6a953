// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import io.configmanager.ConfigEntry;
import java.time.Instant;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;
import org.springframework.boot.actuate.endpoint.SanitizableData;
import org.springframework.boot.actuate.endpoint.Sanitizer;
import org.springframework.boot.actuate.endpoint.SecurityContext;

/**
 * Entries as endpoints show them: secrets masked always, other values unless {@code show-values} allows them.
 *
 * @param decoder makes of an entry what its value looks like in JSON
 */
record ShownEntries(Function<ConfigEntry, Object> decoder, Sanitizer sanitizer, ConfigEndpointProperties properties) {

    /** An entry as it is shown; {@code pending} is left out unless it is true. */
    record Entry(
            String namespace,
            String key,
            @Nullable Object value,
            String type,
            long version,
            long revision,
            @Nullable Boolean pending,
            Instant createdAt,
            Instant updatedAt,
            @Nullable Instant expiresAt,
            @Nullable String author)
            implements OperationResponseBody {}

    Entry shown(ConfigEntry entry, SecurityContext security) {
        boolean show = !entry.secret() && properties.showValues().isShown(security, properties.roles());
        Object value =
                sanitizer.sanitize(new SanitizableData(null, entry.key(), show ? decoder.apply(entry) : ""), show);
        return new Entry(
                entry.namespace(),
                entry.key(),
                value,
                entry.type().label(),
                entry.version(),
                entry.revision(),
                entry.pending() ? true : null,
                entry.createdAt(),
                entry.updatedAt(),
                entry.expiresAt(),
                entry.author());
    }
}
