// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.store.ConfigStore;

/** A store that could be used; each kind of store contributes one as a bean, and {@link StoreSelection} decides. */
interface StoreCandidate extends AutoCloseable {

    StoreType type();

    /** Why this store can be used, for people: which connection it found. */
    String reason();

    /**
     * Whether the application has what the store needs, known without the database where that is possible.
     *
     * @throws StoreSelectionException if only the database could tell, and it is away
     */
    boolean isAvailable();

    /** Where the store is, without credentials; empty if that is not known. */
    String address();

    /** Makes the store, and prepares the database where that is this candidate's task. */
    ConfigStore create();

    /** Ends what this candidate itself has opened. */
    @Override
    default void close() {}
}
