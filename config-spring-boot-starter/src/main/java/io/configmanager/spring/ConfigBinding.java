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
 * @param follows whether it follows its key, or got the value once
 * @param instances how many living objects have it; 0 where it does not follow
 * @param lastError why the newest value could not be used; null if it could
 */
public record ConfigBinding(
        String namespace,
        String key,
        String target,
        String type,
        boolean follows,
        int instances,
        @Nullable String lastError) {}
