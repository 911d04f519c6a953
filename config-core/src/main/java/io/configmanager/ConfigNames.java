// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

/**
 * The rules for names, in the one place where they are checked.
 *
 * <p>A namespace is {@code ""} (the default one) or {@code [A-Za-z0-9][A-Za-z0-9_.:-]*}, at most 255 characters; names
 * that start with {@code internal:} are reserved. A key is {@code [A-Za-z0-9_.\-/]+}, hierarchical by {@code /}, without
 * {@code ..}, {@code //} or a {@code /} at either end, at most 512 characters. A prefix is {@code ""} or a key followed
 * by {@code /}.
 */
public final class ConfigNames {

    /** The longest allowed key, in characters. */
    public static final int MAX_KEY_LENGTH = 512;

    /** The longest allowed namespace, in characters. */
    public static final int MAX_NAMESPACE_LENGTH = 255;

    private static final String RESERVED = "internal:";

    private ConfigNames() {}

    /**
     * Returns the key if it is valid.
     *
     * @throws InvalidConfigException that states the broken rule
     */
    public static String requireKey(String key) {
        if (key.isEmpty() || key.length() > MAX_KEY_LENGTH) {
            throw invalidKey(key, "it must have 1 to " + MAX_KEY_LENGTH + " characters");
        }
        for (int i = 0; i < key.length(); i++) {
            char c = key.charAt(i);
            if (!isAlphanumeric(c) && c != '_' && c != '.' && c != '-' && c != '/') {
                throw invalidKey(key, "only A-Z a-z 0-9 _ . - / are allowed");
            }
        }
        if (key.charAt(0) == '/' || key.charAt(key.length() - 1) == '/') {
            throw invalidKey(key, "it must not start or end with /");
        }
        if (key.contains("..") || key.contains("//")) {
            throw invalidKey(key, "it must not contain .. or //");
        }
        return key;
    }

    /**
     * Returns the namespace if it is valid.
     *
     * @throws InvalidConfigException that states the broken rule
     */
    public static String requireNamespace(String namespace) {
        if (namespace.isEmpty()) {
            return namespace;
        }
        if (namespace.length() > MAX_NAMESPACE_LENGTH) {
            throw invalidNamespace(namespace, "it must have at most " + MAX_NAMESPACE_LENGTH + " characters");
        }
        if (!isAlphanumeric(namespace.charAt(0))) {
            throw invalidNamespace(namespace, "it must start with a letter or digit");
        }
        for (int i = 1; i < namespace.length(); i++) {
            char c = namespace.charAt(i);
            if (!isAlphanumeric(c) && c != '_' && c != '.' && c != ':' && c != '-') {
                throw invalidNamespace(namespace, "only A-Z a-z 0-9 _ . : - are allowed");
            }
        }
        if (namespace.startsWith(RESERVED)) {
            throw invalidNamespace(namespace, "names starting with " + RESERVED + " are reserved");
        }
        return namespace;
    }

    /**
     * Returns the prefix with its closing {@code /}, so that {@code app} and {@code app/} both mean everything below
     * {@code app} and never {@code app2}; {@code ""} means every key.
     *
     * @throws InvalidConfigException that states the broken rule
     */
    static String requirePrefix(String prefix) {
        if (prefix.isEmpty()) {
            return prefix;
        }
        String path = prefix.endsWith("/") ? prefix.substring(0, prefix.length() - 1) : prefix;
        return requireKey(path) + "/";
    }

    /**
     * Returns the pattern if what it says besides {@code *} and {@code ?} may occur in a key.
     *
     * @throws InvalidConfigException that states the broken rule
     */
    static String requireGlob(String pattern) {
        if (pattern.isEmpty() || pattern.length() > MAX_KEY_LENGTH) {
            throw invalidGlob(pattern, "it must have 1 to " + MAX_KEY_LENGTH + " characters");
        }
        for (int i = 0; i < pattern.length(); i++) {
            char c = pattern.charAt(i);
            if (!isAlphanumeric(c) && "_.-/*?".indexOf(c) < 0) {
                throw invalidGlob(pattern, "only A-Z a-z 0-9 _ . - / and the wildcards * ** ? are allowed");
            }
        }
        return pattern;
    }

    private static boolean isAlphanumeric(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    }

    private static InvalidConfigException invalidKey(String key, String rule) {
        return new InvalidConfigException("Invalid key '" + shorten(key) + "': " + rule);
    }

    private static InvalidConfigException invalidGlob(String pattern, String rule) {
        return new InvalidConfigException("Invalid pattern '" + shorten(pattern) + "': " + rule);
    }

    private static InvalidConfigException invalidNamespace(String namespace, String rule) {
        return new InvalidConfigException("Invalid namespace '" + shorten(namespace) + "': " + rule);
    }

    private static String shorten(String name) {
        return name.length() <= 80 ? name : name.substring(0, 80) + "…";
    }
}
