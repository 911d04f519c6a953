// SPDX-License-Identifier: Apache-2.0
/** The actuator endpoint. */
@NullMarked
package io.configmanager.spring.autoconfigure.endpoint;

import org.jspecify.annotations.NullMarked;
