// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import io.configmanager.ConfigEntry;
import io.configmanager.ConfigException;
import io.configmanager.ConfigManager;
import io.configmanager.InvalidConfigException;
import io.configmanager.Outbox;
import io.configmanager.OutboxStats;
import io.configmanager.QueuedWrite;
import io.configmanager.StoreException;
import io.configmanager.spring.autoconfigure.endpoint.ShownEntries.Entry;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.Access;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;
import org.springframework.boot.actuate.endpoint.annotation.WriteOperation;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.boot.actuate.endpoint.web.annotation.WebEndpoint;

/**
 * The endpoint {@code configoutbox}: the writes that wait for the store, with what the store holds now beside each
 * conflict, and what to do with those that were not applied. Read-only unless its access is unrestricted. Values are shown
 * as the endpoint {@code config} shows them.
 */
@WebEndpoint(id = "configoutbox", defaultAccess = Access.READ_ONLY)
record ConfigOutboxEndpoint(ConfigManager manager, ShownEntries entries) {

    /** @param state shows only writes in this state; all if null */
    @ReadOperation
    WebEndpointResponse<?> list(@Nullable String state, @Nullable String limit, SecurityContext security) {
        Outbox outbox = manager.outbox().orElse(null);
        if (outbox == null) {
            return notOpen();
        }
        QueuedWrite.State wanted;
        int most;
        try {
            most = Parameters.limit(limit);
            wanted = state == null ? null : QueuedWrite.State.valueOf(state.toUpperCase(Locale.ROOT));
        } catch (InvalidConfigException e) {
            return Problem.of(e).response();
        } catch (IllegalArgumentException e) {
            return Problem.badRequest("'state' must be one of " + List.of(QueuedWrite.State.values()))
                    .response();
        }
        List<QueuedWrite> found = outbox.writes().stream()
                .filter(write -> wanted == null || write.state() == wanted)
                .toList();
        return new WebEndpointResponse<>(new Writes(
                outbox.stats(),
                found.stream().limit(most).map(write -> shown(write, security)).toList(),
                Math.max(0, found.size() - most)));
    }

    /** @param action {@code retry}, {@code force} or {@code discard} */
    @WriteOperation
    WebEndpointResponse<?> decide(@Selector String id, @Nullable String action) {
        Outbox outbox = manager.outbox().orElse(null);
        if (outbox == null) {
            return notOpen();
        }
        UUID write;
        try {
            write = UUID.fromString(id);
        } catch (IllegalArgumentException e) {
            return Problem.badRequest("'" + id + "' is not the id of a write").response();
        }
        try {
            boolean done;
            switch (action == null ? "" : action) {
                case "retry" -> done = outbox.retry(write);
                case "force" -> done = outbox.force(write);
                case "discard" -> done = outbox.discard(write);
                default -> {
                    return Problem.badRequest("The member 'action' must be retry, force or discard")
                            .response();
                }
            }
            if (done) {
                return new WebEndpointResponse<>(WebEndpointResponse.STATUS_NO_CONTENT);
            }
        } catch (StoreException e) {
            return new Problem(503, "outbox-unavailable", "The outbox cannot be written", e.getMessage()).response();
        }
        return new Problem(
                        404,
                        "unknown-write",
                        "Unknown write",
                        "There is no write " + write + " in the outbox for which '" + action + "' can be done")
                .with("id", write)
                .response();
    }

    private Write shown(QueuedWrite write, SecurityContext security) {
        return new Write(
                write.id(),
                write.state(),
                write.queuedAt(),
                write.deadline(),
                write.attempts(),
                write.reason(),
                write.author(),
                write.comment(),
                write.changes().stream()
                        .map(change -> shown(change, write.state(), security))
                        .toList());
    }

    private Change shown(QueuedWrite.Change change, QueuedWrite.State state, SecurityContext security) {
        ConfigEntry ours = change.entry();
        ConfigEntry theirs = state == QueuedWrite.State.PENDING ? null : current(change);
        return new Change(
                change.namespace(),
                change.key(),
                ours == null ? Kind.DELETE : Kind.SET,
                change.expectedVersion(),
                ours == null ? null : entries.shown(ours, security),
                theirs == null ? null : entries.shown(theirs, security));
    }

    private @Nullable ConfigEntry current(QueuedWrite.Change change) {
        boolean held = manager.activeNamespaces().stream()
                .anyMatch(active -> active.name().equals(change.namespace()));
        try {
            // Looking at a conflict must not load a namespace, nor wait for a store that is away.
            return held
                    ? manager.namespace(change.namespace()).stored(change.key()).orElse(null)
                    : null;
        } catch (ConfigException e) {
            return null;
        }
    }

    private static WebEndpointResponse<?> notOpen() {
        return new Problem(
                        503,
                        "no-outbox",
                        "There is no outbox",
                        "Set config.outbox.enabled=true; the manager must be connected")
                .response();
    }

    /** What the outbox holds. */
    record Writes(OutboxStats outbox, List<Write> writes, int more) implements OperationResponseBody {}

    /** What a write does to a key. */
    enum Kind {
        SET,
        DELETE
    }

    /** A queued write as it is shown. */
    record Write(
            UUID id,
            QueuedWrite.State state,
            Instant queuedAt,
            Instant deadline,
            int attempts,
            @Nullable String reason,
            @Nullable String author,
            @Nullable String comment,
            List<Change> changes) {}

    /** One key of it: what it writes, and, if it was not applied, what the key is now. */
    record Change(
            String namespace,
            String key,
            Kind kind,
            @Nullable Long expectedVersion,
            @Nullable Entry ours,
            @Nullable Entry theirs) {}
}
