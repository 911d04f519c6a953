// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import java.util.List;

/** What {@link ConfigValue} and {@link ConfigPrefix} have injected into this application. Safe for any thread. */
public interface ConfigBindings {

    /** Every injection point that got a value, by namespace, key and target. */
    List<ConfigBinding> bindings();

    /** How many living objects follow a key or a prefix. */
    long targets();

    /** How many values could not be used, each counted once for every injection point. */
    long errors();

    /**
     * Brings every target of the key to what this instance reads for it now, without waiting for the watch; types with
     * {@link ConfigPrefix} follow with the watch.
     */
    void refresh(String namespace, String key);
}
