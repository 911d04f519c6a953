// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.observation;

import io.micrometer.observation.Observation;

/** What is known of a change set that is applied. Knows no namespace, no key and no value. */
public final class ChangeSetContext extends Observation.Context {

    private final long revision;
    private final int changes;

    /**
     * @param revision that of the change set
     * @param changes how many it has
     */
    public ChangeSetContext(long revision, int changes) {
        this.revision = revision;
        this.changes = changes;
    }

    /** The revision that this instance shows afterwards. */
    public long revision() {
        return revision;
    }

    /** How many changes the revision has. */
    public int changes() {
        return changes;
    }
}
