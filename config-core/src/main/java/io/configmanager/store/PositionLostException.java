// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.StoreException;

/** A feed cannot continue from its position. The reader takes a snapshot and starts from there. */
public final class PositionLostException extends StoreException {

    private static final long serialVersionUID = 1L;

    private final Reason reason;

    public PositionLostException(Reason reason, String message) {
        super(message, true, null);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }

    /** Why the position is lost. */
    public enum Reason {
        /** What happened after the position is no longer kept. The order of revisions still holds. */
        COMPACTED,
        /**
         * History is not the one of the position: restored, failed over with a lost tail, or re-created. Revisions from
         * before must not be compared with revisions from now on.
         */
        HISTORY_REPLACED
    }
}
