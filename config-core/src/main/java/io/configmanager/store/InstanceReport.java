// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import java.time.Duration;
import java.time.Instant;

/**
 * What an instance tells of itself, see {@link io.configmanager.FleetInstance}.
 *
 * @param id of this run of the instance
 * @param number counts the reports of an instance up, so that one that arrives late does not replace a newer one
 * @param name for people
 * @param applied everything up to here is applied
 * @param live whether its watch is live
 * @param rejected how many keys and targets keep an older value
 * @param startedAt when it connected
 * @param expiry how long the report counts by the store's clock; zero to be gone at once
 */
public record InstanceReport(
        String id,
        long number,
        String name,
        Position applied,
        boolean live,
        int rejected,
        Instant startedAt,
        Duration expiry) {}
