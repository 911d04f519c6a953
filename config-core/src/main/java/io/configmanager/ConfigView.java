// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.Collection;
import java.util.Optional;

/**
 * An immutable, consistent picture of one namespace at one revision: what one transaction wrote is in it whole or not at
 * all. Safe for any thread; holding on to one costs memory only.
 */
public interface ConfigView {

    String namespace();

    /** The revision this picture shows. */
    long revision();

    Optional<ConfigEntry> entry(String key);

    /** The value, or empty if the key does not exist. {@link ConfigValueException} if it is not of this type. */
    <T> Optional<T> get(String key, Class<T> type);

    /** All entries, in byte-wise key order. */
    Collection<ConfigEntry> entries();
}
