// SPDX-License-Identifier: Apache-2.0
/** What everything costs, beside the bare driver and other configuration libraries: start at {@code Main}. */
@NullMarked
package io.configmanager.samples.benchmarks;

import org.jspecify.annotations.NullMarked;
