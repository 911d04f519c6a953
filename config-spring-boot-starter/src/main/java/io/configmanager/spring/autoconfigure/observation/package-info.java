// SPDX-License-Identifier: Apache-2.0
/** Observations, for traces. */
@NullMarked
package io.configmanager.spring.autoconfigure.observation;

import org.jspecify.annotations.NullMarked;
