// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;

/** Which keys of a namespace are meant: some keys by name, all below a prefix, or a pattern. */
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

    /**
     * Keys that match a pattern: {@code *} stands for any characters but {@code /}, {@code **} for any characters, {@code ?}
     * for one that is not {@code /}.
     */
    record Glob(String pattern) implements ConfigFilter {

        public Glob {
            ConfigNames.requireGlob(pattern);
        }

        /** Without going back: with a regular expression, several wildcards and an unlucky key take for ever. */
        @Override
        public boolean matches(String key) {
            int next = literalLength();
            if (!key.regionMatches(0, pattern, 0, next)) {
                return false;
            }
            // Whether the pattern so far means the first so many characters of the key.
            boolean[] first = new boolean[key.length() + 1];
            first[next] = true;
            while (next < pattern.length()) {
                char wanted = pattern.charAt(next);
                boolean deep = pattern.startsWith("**", next);
                if (wanted == '*') {
                    for (int n = 1; n <= key.length(); n++) {
                        first[n] |= first[n - 1] && (deep || key.charAt(n - 1) != '/');
                    }
                } else {
                    for (int n = key.length(); n > 0; n--) {
                        char found = key.charAt(n - 1);
                        first[n] = first[n - 1] && (wanted == '?' ? found != '/' : found == wanted);
                    }
                    first[0] = false;
                }
                next += deep ? 2 : 1;
            }
            return first[key.length()];
        }

        /** The characters before the first wildcard: every matching key begins with them. */
        public String literal() {
            return pattern.substring(0, literalLength());
        }

        private int literalLength() {
            int end = 0;
            while (end < pattern.length() && pattern.charAt(end) != '*' && pattern.charAt(end) != '?') {
                end++;
            }
            return end;
        }

        /** The same as a regular expression for the whole key, in the syntax that Java, PostgreSQL and PCRE share. */
        public String regex() {
            String expression = pattern.replace(".", "[.]")
                    .replace("**", "\u0000")
                    .replace("*", "[^/]*")
                    .replace("?", "[^/]")
                    .replace("\u0000", ".*");
            return "^" + expression + "$";
        }

        @Override
        public String toString() {
            return "pattern '" + pattern + "'";
        }
    }

    ConfigFilter ALL = new Prefix("");

    /** Exactly these keys. */
    static ConfigFilter keys(String... keys) {
        return new Keys(Set.copyOf(Arrays.asList(keys)));
    }

    /** Every key below the path: {@code prefix("app")} means {@code app/…}, never {@code app} itself or {@code app2}. */
    static ConfigFilter prefix(String prefix) {
        return new Prefix(prefix);
    }

    /**
     * Every key that matches the pattern: {@code glob("shops/*}{@code /currency")} means {@code shops/berlin/currency}.
     *
     * @throws InvalidConfigException if it contains what no key contains
     */
    static ConfigFilter glob(String pattern) {
        return new Glob(pattern);
    }
}
