// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

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
    final class Glob implements ConfigFilter {

        private final String pattern;
        private final Pattern regex;

        public Glob(String pattern) {
            this.pattern = ConfigNames.requireGlob(pattern);
            this.regex = Pattern.compile(toRegex(pattern));
        }

        @Override
        public boolean matches(String key) {
            return regex.matcher(key).matches();
        }

        /** The characters before the first wildcard: every matching key begins with them. */
        public String literal() {
            int end = 0;
            while (end < pattern.length() && pattern.charAt(end) != '*' && pattern.charAt(end) != '?') {
                end++;
            }
            return pattern.substring(0, end);
        }

        /** The same as a regular expression for the whole key, in the syntax that Java, PostgreSQL and PCRE share. */
        public String regex() {
            return "^" + regex.pattern() + "$";
        }

        private static String toRegex(String glob) {
            return glob.replace(".", "[.]")
                    .replace("**", "\u0000")
                    .replace("*", "[^/]*")
                    .replace("?", "[^/]")
                    .replace("\u0000", ".*");
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Glob glob && glob.pattern.equals(pattern);
        }

        @Override
        public int hashCode() {
            return pattern.hashCode();
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
