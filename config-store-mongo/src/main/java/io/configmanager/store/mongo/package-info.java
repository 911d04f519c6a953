// SPDX-License-Identifier: Apache-2.0
/** The store on MongoDB: {@link io.configmanager.store.mongo.MongoConfigStore}. */
@NullMarked
package io.configmanager.store.mongo;

import org.jspecify.annotations.NullMarked;
