// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import io.configmanager.store.Position;
import io.configmanager.store.PositionLostException;
import io.configmanager.store.PositionLostException.Reason;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bson.BsonTimestamp;

/**
 * What proves a position.
 *
 * @param lineage of the store's history
 * @param revisionId the random id of the position's revision
 * @param seen the time up to which edits by hand have been given a revision
 */
record MongoToken(String lineage, String revisionId, BsonTimestamp seen) {

    private static final Pattern TEXT = Pattern.compile("([0-9a-f-]{36}):([0-9a-f]{24}):(-?[0-9]{1,19})");

    static MongoToken parse(Position position) {
        Matcher text = TEXT.matcher(position.token());
        if (!text.matches()) {
            throw new PositionLostException(Reason.HISTORY_REPLACED, "The position is not one of this store");
        }
        return new MongoToken(text.group(1), text.group(2), new BsonTimestamp(Long.parseLong(text.group(3))));
    }

    MongoToken at(BsonTimestamp newSeen) {
        return new MongoToken(lineage, revisionId, newSeen);
    }

    String text() {
        return lineage + ":" + revisionId + ":" + seen.getValue();
    }
}
