// SPDX-License-Identifier: Apache-2.0
/** A store in one MongoDB collection, watched with a change stream. */
@NullMarked
package io.configmanager.store.mongo;

import org.jspecify.annotations.NullMarked;
