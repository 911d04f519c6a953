// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.ConfigEntry;
import java.time.Instant;
import java.util.List;
import java.util.Set;

/**
 * All live entries of some namespaces and the position they are consistent with, from one consistent read.
 *
 * @param entries live entries, in any order
 * @param oversized namespaces with more entries than the limit; none of their entries is in the list
 * @param position the state is exactly the fold of the history up to here
 * @param storeTime the store's clock during the read
 */
public record Snapshot(List<ConfigEntry> entries, Set<String> oversized, Position position, Instant storeTime) {}
