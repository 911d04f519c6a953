// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import io.configmanager.ConfigEntry;
import io.configmanager.LogEntry;
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

    /** A line of the log as it is shown; without a value where the key was removed. */
    record Line(
            LogEntry.Kind kind,
            long version,
            long revision,
            Instant at,
            @Nullable String author,
            @Nullable String comment,
            @Nullable Object value,
            @Nullable String type,
            @Nullable Instant expiresAt) {}

    /** @param secret whether it is masked whatever its own type says */
    Line shown(LogEntry line, boolean secret, SecurityContext security) {
        ConfigEntry entry = line.entry();
        return new Line(
                line.kind(),
                line.version(),
                line.revision(),
                line.at(),
                line.author(),
                line.comment(),
                entry == null ? null : value(entry, secret, security),
                entry == null ? null : entry.type().label(),
                entry == null ? null : entry.expiresAt());
    }

    private @Nullable Object value(ConfigEntry entry, boolean secret, SecurityContext security) {
        boolean show = !secret && !entry.secret() && properties.showValues().isShown(security, properties.roles());
        return sanitizer.sanitize(new SanitizableData(null, entry.key(), show ? decoder.apply(entry) : ""), show);
    }

    Entry shown(ConfigEntry entry, SecurityContext security) {
        return new Entry(
                entry.namespace(),
                entry.key(),
                value(entry, false, security),
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
