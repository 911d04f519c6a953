// SPDX-License-Identifier: Apache-2.0
/** The meters. */
@NullMarked
package io.configmanager.spring.autoconfigure.metrics;

import org.jspecify.annotations.NullMarked;
