// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.ConfigEntry;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What {@link ConfigValue} and {@link ConfigPrefix} have injected into this application. Safe for any thread. */
public interface ConfigBindings {

    /** Every injection point that got a value, by namespace, key and target. */
    List<ConfigBinding> bindings();

    /** Those of {@link #bindings()} that a key reaches. */
    List<ConfigBinding> bindings(String namespace, String key);

    /**
     * What every target of a key would do with an entry: the value is converted and types with {@link ConfigPrefix} are
     * made and validated, but nothing gets it. What a setter or a listener would throw is not found out.
     *
     * @param candidate the entry that the key would have; null if it would be deleted
     */
    List<ConfigTrial> tryOut(String namespace, String key, @Nullable ConfigEntry candidate);

    /** The methods with {@link ConfigListener} that a change of the key calls, by name. */
    List<String> listeners(String namespace, String key);

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
