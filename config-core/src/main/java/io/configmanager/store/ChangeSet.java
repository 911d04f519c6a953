// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.LogEntry;
import java.time.Instant;
import java.util.List;

/**
 * Everything that one committed transaction did, whole.
 *
 * @param revision its revision
 * @param committedAt store time of the commit, as near as the store knows it
 * @param changes what it did, in the order it was done; a key may occur more than once, the last one counts
 */
public record ChangeSet(long revision, Instant committedAt, List<LogEntry> changes) {}
