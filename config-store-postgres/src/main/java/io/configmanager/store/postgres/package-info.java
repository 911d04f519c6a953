// SPDX-License-Identifier: Apache-2.0
/** A store in one PostgreSQL table, watched with LISTEN and NOTIFY. */
@NullMarked
package io.configmanager.store.postgres;

import org.jspecify.annotations.NullMarked;
