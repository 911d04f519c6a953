// SPDX-License-Identifier: Apache-2.0
/** What a read and a change cost, beside other configuration libraries. */
@NullMarked
package io.configmanager.samples.benchmarks;

import org.jspecify.annotations.NullMarked;
