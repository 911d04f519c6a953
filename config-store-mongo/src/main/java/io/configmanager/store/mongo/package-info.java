// SPDX-License-Identifier: Apache-2.0
/** Will hold the store on MongoDB change streams; nothing is here yet. */
@NullMarked
package io.configmanager.store.mongo;

import org.jspecify.annotations.NullMarked;
