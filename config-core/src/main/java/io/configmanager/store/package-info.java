// SPDX-License-Identifier: Apache-2.0
/** What a store author implements: {@link io.configmanager.store.ConfigStore}, its feed, and their vocabulary. */
@NullMarked
package io.configmanager.store;

import org.jspecify.annotations.NullMarked;
