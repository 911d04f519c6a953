// SPDX-License-Identifier: Apache-2.0
/** The health contributor. */
@NullMarked
package io.configmanager.spring.autoconfigure.health;

import org.jspecify.annotations.NullMarked;
