// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import org.jspecify.annotations.Nullable;

/**
 * An injection point of {@link ConfigValue}, or a type with {@link ConfigPrefix}.
 *
 * @param namespace the namespace of its key
 * @param key its key; a prefix ends with {@code /}
 * @param target the field, parameter or type, for people
 * @param type the type of the value
 * @param property the prefix of its {@code @ConfigurationProperties}, whose properties of the command line, the JVM and the
 *     variables win over entries; null if it has none
 * @param follows whether it follows its key, or got the value once
 * @param instances how many living objects have it; 0 where it does not follow
 * @param revision the revision of what it shows: of the entry, or, for a type with {@link ConfigPrefix}, of the view that
 *     it was made of; 0 for a default. The oldest of several instances
 * @param lastError why the newest value could not be used; null if it could
 * @param lastRejection the newest value that it could not use, also if it has a later one; null if it could use all
 */
public record ConfigBinding(
        String namespace,
        String key,
        String target,
        String type,
        @Nullable String property,
        boolean follows,
        int instances,
        long revision,
        @Nullable String lastError,
        @Nullable Rejected lastRejection) {

    /**
     * A value that was not used.
     *
     * @param revision the revision at which it was read; -1 if it could not be read
     * @param reason why, without the value
     */
    public record Rejected(long revision, String reason) {}

    /** Whether a change of the key is one for this. */
    public boolean reaches(String changedNamespace, String changedKey) {
        return namespace.equals(changedNamespace)
                && (key.equals(changedKey) || key.equals("/") || (key.endsWith("/") && changedKey.startsWith(key)));
    }

    /** The two as one, where both are instances of the same injection point. */
    ConfigBinding and(ConfigBinding other) {
        Rejected newest = lastRejection == null
                        || (other.lastRejection != null && other.lastRejection.revision() > lastRejection.revision())
                ? other.lastRejection
                : lastRejection;
        return new ConfigBinding(
                namespace,
                key,
                target,
                type,
                property,
                follows,
                instances + other.instances,
                Math.min(revision, other.revision),
                lastError == null ? other.lastError : lastError,
                newest);
    }
}
