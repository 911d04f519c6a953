// SPDX-License-Identifier: Apache-2.0
/** How Spring Boot wires the library; nothing in here is called by an application. */
@NullMarked
package io.configmanager.spring.autoconfigure;

import org.jspecify.annotations.NullMarked;
