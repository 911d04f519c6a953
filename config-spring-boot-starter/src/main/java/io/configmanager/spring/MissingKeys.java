// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What the start lacks, told all at once; after it, what is missing is an error of the bean that asks for it. */
final class MissingKeys {

    private final Runnable scan;
    private final Set<String> lines = new LinkedHashSet<>();
    private volatile boolean starting = true;
    private boolean failing;

    /** @param scan adds what else the start is going to miss; called when it fails before everything has asked */
    MissingKeys(Runnable scan) {
        this.scan = scan;
    }

    boolean starting() {
        return starting;
    }

    /**
     * Something is missing.
     *
     * @param neededNow whether the start cannot go on without
     * @throws MissingConfigException if so, or if the start is over
     */
    synchronized void add(List<String> more, boolean neededNow) {
        lines.addAll(more);
        if (neededNow && starting && !failing) {
            failing = true;
            scan.run();
        }
        if (neededNow || !starting) {
            List<String> all = List.copyOf(lines);
            if (!starting) {
                lines.clear();
            }
            throw new MissingConfigException(all);
        }
    }

    /** @throws MissingConfigException if anything is missing */
    synchronized void startIsOver() {
        starting = false;
        if (!lines.isEmpty()) {
            throw new MissingConfigException(List.copyOf(lines));
        }
    }
}
