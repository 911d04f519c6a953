// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.endpoint;

import io.configmanager.LogEntry;
import io.configmanager.Page;
import io.configmanager.store.ConfigStore;
import org.jspecify.annotations.Nullable;

/**
 * What the store still knows of one key.
 *
 * @param newest the newest version; 0 if there is none
 * @param wanted the version that was looked for; null if it is not among them
 * @param secret whether any of them is a secret: then none is shown, because a value is often recognised as one too late.
 *     True also for a key with more versions than are looked at
 */
record KeyVersions(long newest, @Nullable LogEntry wanted, boolean secret) {

    private static final int PAGE = 100;

    /** As many revisions as stores keep by default. */
    private static final int MOST = 10_000;

    static KeyVersions of(ConfigStore store, String namespace, String key, long version) {
        long newest = 0;
        LogEntry wanted = null;
        boolean secret = false;
        String cursor = null;
        for (int seen = 0; seen < MOST; seen += PAGE) {
            Page<LogEntry> page = store.history(namespace, key, PAGE, cursor);
            for (LogEntry line : page.items()) {
                newest = Math.max(newest, line.version());
                wanted = line.version() == version ? line : wanted;
                secret |= line.entry() != null && line.entry().secret();
            }
            if (!page.hasNext()) {
                return new KeyVersions(newest, wanted, secret);
            }
            cursor = page.cursor();
        }
        return new KeyVersions(newest, wanted, true);
    }
}
