// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import io.configmanager.StoreException;
import org.jspecify.annotations.Nullable;

/** MongoDB answers, but somebody has to set something up before the store can use it; {@link #problem()} says what. */
public final class MongoSetupException extends StoreException {

    private static final long serialVersionUID = 1L;

    /** What is not as it has to be. */
    public enum Problem {
        /** The server is no replica set, and polling is not allowed. */
        NO_REPLICA_SET,
        /** The user or its password is wrong, or a role is missing. */
        PRIVILEGES,
        /** The collections, or the head document in them, are missing. */
        NOT_INITIALIZED
    }

    private final Problem problem;

    MongoSetupException(Problem problem, String message, @Nullable Throwable cause) {
        super(message, false, cause);
        this.problem = problem;
    }

    public Problem problem() {
        return problem;
    }
}
