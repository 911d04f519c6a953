// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.ConfigObserver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says in the log what else only those find who look at health: a stored value that is none, such as a text without quotes. */
final class RejectedValueLog implements ConfigObserver {

    private static final Logger log = LoggerFactory.getLogger(RejectedValueLog.class);

    @Override
    public void rejected(String namespace, String key) {
        log.warn(
                "The stored value of key '{}' in namespace '{}' cannot be read, so its last good one stays. Is it JSON,"
                        + " with quotes around a text? The health of config names the reason.",
                key,
                namespace);
    }
}
