// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.Set;
import java.util.TreeSet;

/** Which keys of a namespace are meant: some keys by name, or all below a prefix. */
public sealed interface ConfigFilter {

    /** Whether the key is meant. */
    boolean matches(String key);

    /** Exactly these keys. */
    record Keys(Set<String> keys) implements ConfigFilter {
        public Keys {
            keys = Set.copyOf(keys);
            keys.forEach(ConfigNames::requireKey);
        }

        @Override
        public boolean matches(String key) {
            return keys.contains(key);
        }

        @Override
        public String toString() {
            return "keys " + new TreeSet<>(keys);
        }
    }

    /** Every key below a path; {@code ""} means every key. The closing {@code /} is added if it is missing. */
    record Prefix(String prefix) implements ConfigFilter {
        public Prefix {
            prefix = ConfigNames.requirePrefix(prefix);
        }

        @Override
        public boolean matches(String key) {
            return key.startsWith(prefix);
        }

        @Override
        public String toString() {
            return "prefix '" + prefix + "'";
        }
    }

    ConfigFilter ALL = new Prefix("");

    /** Exactly these keys. */
    static ConfigFilter keys(String... keys) {
        return new Keys(Set.of(keys));
    }

    /** Every key below the path: {@code prefix("app")} means {@code app/…}, never {@code app} itself or {@code app2}. */
    static ConfigFilter prefix(String prefix) {
        return new Prefix(prefix);
    }
}
