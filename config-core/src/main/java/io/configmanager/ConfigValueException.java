// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import org.jspecify.annotations.Nullable;

/** A stored value cannot be read as the requested type, or not at all. The message never contains the value. */
public final class ConfigValueException extends ConfigException {

    private static final long serialVersionUID = 1L;

    private final String namespace;
    private final String key;

    public ConfigValueException(String namespace, String key, String problem, @Nullable Throwable cause) {
        super("Value of key '" + key + "' in namespace '" + namespace + "': " + problem, cause);
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
