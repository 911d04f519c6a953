// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.Condition;
import io.configmanager.ConfigNames;
import io.configmanager.ValueType;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** One write of a commit. */
public sealed interface Operation {

    String namespace();

    String key();

    Condition condition();

    /**
     * Creates or replaces an entry.
     *
     * @param value the encoded value
     * @param ttl time to live by the store's clock; null keeps the expiry of a live entry, zero removes it; an expired
     *     entry is absent, so nothing of it is kept
     */
    record Put(
            String namespace,
            String key,
            String value,
            String codec,
            ValueType type,
            @Nullable Duration ttl,
            Condition condition)
            implements Operation {
        public Put {
            ConfigNames.requireNamespace(namespace);
            ConfigNames.requireKey(key);
        }
    }

    /** Deletes an entry. Without a condition, deleting an absent key does nothing. */
    record Delete(String namespace, String key, Condition condition) implements Operation {
        public Delete {
            ConfigNames.requireNamespace(namespace);
            ConfigNames.requireKey(key);
        }
    }
}
