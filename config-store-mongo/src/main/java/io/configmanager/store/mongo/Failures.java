// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import com.mongodb.MongoBulkWriteException;
import com.mongodb.MongoException;
import com.mongodb.MongoNodeIsRecoveringException;
import com.mongodb.MongoNotPrimaryException;
import com.mongodb.MongoSecurityException;
import com.mongodb.MongoSocketException;
import com.mongodb.MongoTimeoutException;
import io.configmanager.StoreException;
import java.util.Set;

/** Turns what the driver throws into what the contract promises. Messages of the server may quote a value: they stay out. */
final class Failures {

    private static final int DUPLICATE_KEY = 11000;
    private static final Set<Integer> PRIVILEGE = Set.of(13, 18, 8000);
    private static final Set<Integer> CONTENTION = Set.of(112, 251, 24, 46);
    private static final Set<Integer> PERMANENT = Set.of(9, 14, 26, 59, 72, 73, 121, 148, 166, 263, 323, 10334, 13297);

    private Failures() {}

    static RuntimeException translate(String what, Exception failure) {
        String reason = "Cannot " + what + ": ";
        if (failure instanceof InterruptedException) {
            Thread.currentThread().interrupt();
            return new StoreException(reason + "interrupted", true, failure);
        }
        if (!(failure instanceof MongoException mongo)) {
            return (RuntimeException) failure;
        }
        if (isPrivilege(mongo)) {
            return new MongoSetupException(
                    MongoSetupException.Problem.PRIVILEGES,
                    reason + "MongoDB refuses this user (code " + mongo.getCode()
                            + "). It needs the role readWrite on the database, to follow changes only read",
                    mongo);
        }
        if (mongo instanceof MongoTimeoutException) {
            return new StoreException(reason + "MongoDB does not answer in time", true, mongo);
        }
        boolean permanent = PERMANENT.contains(mongo.getCode());
        return new StoreException(
                reason + mongo.getClass().getSimpleName() + " (code " + mongo.getCode() + ")", !permanent, mongo);
    }

    static boolean isDuplicateKey(MongoException failure) {
        return failure.getCode() == DUPLICATE_KEY
                || (failure instanceof MongoBulkWriteException bulk
                        && bulk.getWriteErrors().stream().anyMatch(error -> error.getCode() == DUPLICATE_KEY));
    }

    static boolean isPrivilege(MongoException failure) {
        if (failure instanceof MongoSecurityException) {
            // What interrupts an authentication comes as one that failed.
            return !(failure.getCause() instanceof MongoException cause) || PRIVILEGE.contains(cause.getCode());
        }
        return PRIVILEGE.contains(failure.getCode());
    }

    /** Whether a stream's place in history is at fault, so that only another place can help. */
    static boolean isPlaceLost(MongoException failure) {
        return !isPrivilege(failure)
                && failure.getCode() > 0
                && !failure.hasErrorLabel("ResumableChangeStreamError")
                && !isWorthRepeating(failure);
    }

    /** Whether another transaction was in the way. */
    static boolean isContention(MongoException failure) {
        return CONTENTION.contains(failure.getCode());
    }

    /** Whether nobody knows what became of the last command. */
    static boolean isUnanswered(MongoException failure) {
        return failure instanceof MongoSocketException
                || failure instanceof MongoTimeoutException
                || failure.hasErrorLabel(MongoException.UNKNOWN_TRANSACTION_COMMIT_RESULT_LABEL);
    }

    /** Whether another transaction was in the way, the connection was lost, or nobody knows what became of a commit. */
    static boolean isWorthRepeating(MongoException failure) {
        return failure.hasErrorLabel(MongoException.TRANSIENT_TRANSACTION_ERROR_LABEL)
                || failure.hasErrorLabel(MongoException.UNKNOWN_TRANSACTION_COMMIT_RESULT_LABEL)
                || failure instanceof MongoSocketException
                || failure instanceof MongoNotPrimaryException
                || failure instanceof MongoNodeIsRecoveringException
                || isContention(failure);
    }
}
