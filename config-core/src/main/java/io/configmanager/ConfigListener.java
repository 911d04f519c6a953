// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

/** Is told of changes, one whole change set at a time. */
@FunctionalInterface
public interface ConfigListener {

    /**
     * Called after the cache shows the changes, in revision order, never by two threads at once. A listener may read,
     * write, unsubscribe and close the manager. What it throws is logged and counted and disturbs nobody else. While it
     * is slow its change sets wait; when many wait, they are merged by key, so that it sees the newest state but not
     * every step.
     */
    void onChange(ConfigChangeSet changes);
}
