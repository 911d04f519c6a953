// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.Condition;
import io.configmanager.ConfigNames;
import io.configmanager.InvalidConfigException;
import io.configmanager.ValueType;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** One write of a commit. */
public sealed interface Operation {

    /** The longest time to live. */
    Duration LONGEST_TTL = Duration.ofDays(36_500);

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
            if (ttl != null && (ttl.isNegative() || ttl.compareTo(LONGEST_TTL) > 0)) {
                throw new InvalidConfigException(
                        "Invalid time to live " + ttl + " of key '" + key + "': it must be 0 to 36,500 days");
            }
        }

        /** Everything but the value, so that no log line can leak it. */
        @Override
        public String toString() {
            return "Put[" + namespace + ":" + key + ", codec=" + codec + ", type=" + type.label() + ", " + condition
                    + "]";
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
