// SPDX-License-Identifier: Apache-2.0
/** Configuration in PostgreSQL: one table to edit, a log beside it, and LISTEN for the news. */
@NullMarked
package io.configmanager.store.postgres;

import org.jspecify.annotations.NullMarked;
