// SPDX-License-Identifier: Apache-2.0
/** Values that change and are followed in memory: for applications that want the same for what is not configuration. */
@NullMarked
package io.configmanager.value;

import org.jspecify.annotations.NullMarked;
