// SPDX-License-Identifier: Apache-2.0
/**
 * Managers and writers in processes of their own on one PostgreSQL, while faults happen. Everybody records what he saw and
 * was told; afterwards a checker that knows nothing of the library judges the records against what the database committed.
 */
@NullMarked
package io.configmanager.samples.robustness;

import org.jspecify.annotations.NullMarked;
