// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

/** A write's {@link Condition} did not hold; nothing of its commit was stored. Read again and decide. */
public final class VersionConflictException extends ConfigException {

    private static final long serialVersionUID = 1L;

    private final String namespace;
    private final String key;
    private final transient Condition condition;
    private final long actualVersion;

    /** @param actualVersion the version the key has now, 0 if it does not exist */
    public VersionConflictException(String namespace, String key, Condition condition, long actualVersion) {
        super("Key '" + key + "' in namespace '" + namespace + "': the write expected " + condition + ", but "
                + (actualVersion == 0 ? "the key does not exist" : "the key has version " + actualVersion));
        this.namespace = namespace;
        this.key = key;
        this.condition = condition;
        this.actualVersion = actualVersion;
    }

    public String namespace() {
        return namespace;
    }

    public String key() {
        return key;
    }

    /** What the write had asked for. */
    public Condition condition() {
        return condition;
    }

    /** The version the key has now; 0 if it does not exist. */
    public long actualVersion() {
        return actualVersion;
    }
}
