// SPDX-License-Identifier: Apache-2.0
/** Writes that are kept on disk while the store is away. */
@NullMarked
package io.configmanager.outbox;

import org.jspecify.annotations.NullMarked;
