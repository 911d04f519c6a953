// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import de.bwaldvogel.mongo.bson.Document;
import java.util.List;

/** What a server answers instead of an answer. */
final class Errors {

    static final String RESUMABLE = "ResumableChangeStreamError";
    static final String NON_RESUMABLE = "NonResumableChangeStreamError";
    static final String TRANSIENT = "TransientTransactionError";

    private Errors() {}

    static Document of(int code, String name, String message, String... labels) {
        Document error = new Document("ok", 0.0)
                .append("errmsg", message)
                .append("code", code)
                .append("codeName", name == null ? "Location" + code : name);
        if (labels.length > 0) {
            error.put("errorLabels", List.of(labels));
        }
        return error;
    }

    static Document historyLost() {
        return of(
                286,
                "ChangeStreamHistoryLost",
                "Resume of change stream was not possible, as the resume point may no longer be in the oplog.",
                NON_RESUMABLE);
    }

    static Document tokenNotFound() {
        return of(
                280, "ChangeStreamFatalError", "cannot resume stream; the resume token was not found.", NON_RESUMABLE);
    }

    static Document writeConflict() {
        return of(112, "WriteConflict", "WriteConflict error: this operation conflicted with another.", TRANSIENT);
    }

    static Document noSuchTransaction() {
        return of(251, "NoSuchTransaction", "Transaction has been aborted or was never started.", TRANSIENT);
    }

    static boolean is(Document reply) {
        return reply.containsKey("errmsg");
    }
}
