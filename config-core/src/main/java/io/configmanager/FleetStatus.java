// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.List;

/**
 * The instances that share a store, from one consistent read.
 *
 * @param lineage of the store's history
 * @param revision the store's newest revision
 * @param instances those whose report has not expired by the store's clock, by name and id
 */
public record FleetStatus(String lineage, long revision, List<FleetInstance> instances) {

    public FleetStatus {
        instances = List.copyOf(instances);
    }

    /** Those that have not applied this revision. */
    public List<FleetInstance> without(long wanted) {
        return instances.stream()
                .filter(instance -> !instance.hasApplied(wanted))
                .toList();
    }

    /** Which part of the instances has applied this revision, 0 to 1; 0 if there is no instance. */
    public double share(long wanted) {
        int all = instances.size();
        return all == 0 ? 0 : (all - without(wanted).size()) / (double) all;
    }
}
