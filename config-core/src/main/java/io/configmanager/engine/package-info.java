// SPDX-License-Identifier: Apache-2.0
/** How it works: one public builder, everything else is for maintainers. */
@NullMarked
package io.configmanager.engine;

import org.jspecify.annotations.NullMarked;
