// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

/** Kinds of stores that can be configured. */
enum StoreType {
    /** A PostgreSQL database, followed by LISTEN and NOTIFY. */
    POSTGRES,
    /** A MongoDB database, followed by change streams. */
    MONGO,
    /** The memory of this process: for tests and first steps. */
    MEMORY
}
