// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

/** The key does not exist in its namespace, or has expired. */
public final class KeyNotFoundException extends ConfigException {

    private static final long serialVersionUID = 1L;

    private final String namespace;
    private final String key;

    public KeyNotFoundException(String namespace, String key) {
        super("No value for key '" + key + "' in namespace '" + namespace + "'");
        this.namespace = namespace;
        this.key = key;
    }

    public String namespace() {
        return namespace;
    }

    public String key() {
        return key;
    }
}
