// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import org.jspecify.annotations.Nullable;

/**
 * What a target would do with a value.
 *
 * @param target the target
 * @param rejection why it would keep what it has; null if it would take the value
 */
public record ConfigTrial(ConfigBinding target, @Nullable String rejection) {}
