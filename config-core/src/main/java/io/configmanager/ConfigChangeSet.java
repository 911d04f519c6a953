// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * All changes that one revision made to one namespace: seen whole or not at all. The first one of a new epoch is the
 * difference between the old history and the new one; versions and revisions may be lower there, and only there.
 *
 * @param namespace the namespace
 * @param epoch how often the store's history has been replaced since the manager was made; revisions can be compared only
 *     within one epoch
 * @param revision the revision; after a resync the revision that the resync reached
 * @param resync whether this is the difference found by a resync, which may span many revisions
 * @param changes the changes, in byte-wise key order, at most one of each key, never empty
 */
public record ConfigChangeSet(String namespace, long epoch, long revision, boolean resync, List<ConfigChange> changes) {

    public ConfigChangeSet {
        changes = List.copyOf(changes);
    }

    /** The part of this change set that the filter means; empty if there is none. */
    public Optional<ConfigChangeSet> filter(ConfigFilter filter) {
        List<ConfigChange> matching = new ArrayList<>();
        for (ConfigChange change : changes) {
            if (filter.matches(change.key())) {
                matching.add(change);
            }
        }
        if (matching.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(
                matching.size() == changes.size()
                        ? this
                        : new ConfigChangeSet(namespace, epoch, revision, resync, matching));
    }
}
