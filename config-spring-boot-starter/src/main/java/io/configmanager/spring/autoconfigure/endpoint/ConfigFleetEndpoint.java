// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import io.configmanager.ConfigManager;
import io.configmanager.Fleet;
import io.configmanager.FleetInstance;
import io.configmanager.FleetStatus;
import io.configmanager.ManagerStateException;
import io.configmanager.StoreException;
import io.configmanager.WatchState;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.Access;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.boot.actuate.endpoint.web.annotation.WebEndpoint;
import org.springframework.boot.convert.DurationStyle;

/**
 * The endpoint {@code configfleet}: which instances have applied a revision, and which have not. Waits until a share of them
 * has, for 30 seconds at most, if it is asked to.
 */
@WebEndpoint(id = "configfleet", defaultAccess = Access.READ_ONLY)
final class ConfigFleetEndpoint {

    private static final Duration LONGEST_WAIT = Duration.ofSeconds(30);

    /** Each has a thread of the web server. */
    private static final int MOST_WAITS = 8;

    private final Semaphore waits = new Semaphore(MOST_WAITS);
    private final ConfigManager manager;

    ConfigFleetEndpoint(ConfigManager manager) {
        this.manager = manager;
    }

    /**
     * @param revision which one is asked for; the store's newest if null
     * @param share of the instances that is to have applied it, all if null
     * @param timeout how long to wait for that, such as {@code 5s}; not at all if null
     */
    @ReadOperation
    WebEndpointResponse<?> fleet(@Nullable String revision, @Nullable String share, @Nullable String timeout) {
        Long wanted;
        double part;
        Duration patience;
        try {
            wanted = revision == null ? null : Long.valueOf(revision);
            part = share == null ? 1 : Double.parseDouble(share);
            patience = timeout == null ? Duration.ZERO : DurationStyle.detectAndParse(timeout);
        } catch (IllegalArgumentException | ArithmeticException e) {
            return Problem.badRequest("'revision' and 'share' must be numbers, 'timeout' a duration such as 5s")
                    .response();
        }
        if (!(part > 0 && part <= 1)
                || (wanted != null && wanted < 0)
                || patience.isNegative()
                || patience.compareTo(LONGEST_WAIT) > 0) {
            return Problem.badRequest(
                            "'revision' must be at least 0, 'share' more than 0 and at most 1, 'timeout' 0s to "
                                    + LONGEST_WAIT.toSeconds() + "s")
                    .response();
        }
        try {
            Fleet fleet = manager.fleet();
            FleetStatus status = fleet.look();
            long asked = wanted == null ? status.revision() : wanted;
            if (!patience.isZero() && status.share(asked) < part) {
                if (!waits.tryAcquire()) {
                    return new Problem(503, "busy", "Too many wait", MOST_WAITS + " requests wait already").response();
                }
                try {
                    fleet.awaitApplied(asked, part, patience);
                } finally {
                    waits.release();
                }
                status = fleet.look();
            }
            return new WebEndpointResponse<>(answer(status, asked, part));
        } catch (ManagerStateException e) {
            return new Problem(503, "no-fleet", "There is no fleet", e.getMessage()).response();
        } catch (StoreException e) {
            return Problem.of(e).response();
        }
    }

    /** Of one look, so that what it says fits together. */
    private static Answer answer(FleetStatus status, long asked, double part) {
        double share = status.share(asked);
        return new Answer(
                status.lineage(),
                status.revision(),
                asked,
                share,
                share >= part,
                status.instances().stream()
                        .filter(instance -> instance.hasApplied(asked))
                        .map(ConfigFleetEndpoint::shown)
                        .toList(),
                status.without(asked).stream().map(ConfigFleetEndpoint::shown).toList());
    }

    private static Instance shown(FleetInstance instance) {
        return new Instance(
                instance.name(),
                instance.id(),
                instance.revision(),
                instance.ofThisHistory(),
                instance.live() ? WatchState.LIVE : WatchState.STALE,
                instance.rejected(),
                instance.startedAt(),
                instance.age());
    }

    /**
     * The fleet as it is shown.
     *
     * @param revision the store's newest
     * @param asked the revision in question
     * @param share which part of the instances has applied it
     * @param reached whether that is as much as was wanted
     */
    record Answer(
            String lineage,
            long revision,
            long asked,
            double share,
            boolean reached,
            List<Instance> applied,
            List<Instance> missing)
            implements OperationResponseBody {}

    /** An instance as it is shown. */
    record Instance(
            String name,
            String id,
            long revision,
            boolean ofThisHistory,
            WatchState state,
            int rejected,
            Instant startedAt,
            Duration age) {}
}
