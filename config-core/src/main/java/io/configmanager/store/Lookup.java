// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.ConfigEntry;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One key as the store has it.
 *
 * @param entry the live entry, or null if the key does not exist or has expired
 * @param revision everything up to this revision is reflected in the answer
 * @param storeTime the store's clock during the read
 */
public record Lookup(@Nullable ConfigEntry entry, long revision, Instant storeTime) {}
