// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import java.time.Instant;
import java.util.Locale;

/** Resume tokens in the form of a real server: as texts they sort as their events do. */
final class Tokens {

    private static final String IDLE = "2B0229296E04";

    private Tokens() {}

    static String ofEvent(BsonTimestamp at, int index, String uuid, Object id) {
        return time(at) + "2B022C0100" + number(index) + "6E5A1004" + uuid + "46"
                + String.format(Locale.ROOT, "%08X", id.hashCode()) + "0004";
    }

    static String ofCollection(BsonTimestamp at, String uuid) {
        return time(at) + "2B022C0100296E5A1004" + uuid + "04";
    }

    static String ofDatabase(BsonTimestamp at) {
        return time(at) + "2B022C0100296E04";
    }

    static String ofInvalidate(String token) {
        return token.replace("2B022C0100296E", "2B022C0100296F");
    }

    static String idle(BsonTimestamp at) {
        return time(at) + IDLE;
    }

    static boolean isIdle(String token) {
        return token.endsWith(IDLE);
    }

    static boolean isInvalidate(String token) {
        return token.startsWith("2B022C0100296F", 18);
    }

    static BsonTimestamp timeOf(String token) {
        return new BsonTimestamp(Instant.ofEpochSecond(Long.parseLong(token.substring(2, 10), 16)), (int)
                Long.parseLong(token.substring(10, 18), 16));
    }

    static Document document(String token) {
        return new Document("_data", token);
    }

    /** What is wrong with what a client wants to resume from, or null. */
    static Document problem(Document token) {
        Object data = token.get("_data");
        if (!(data instanceof String text)) {
            return Errors.of(40647, null, "Bad resume token: _data of missing or of wrong type");
        }
        if (text.isEmpty()) {
            return Errors.of(40649, null, "The resume token's _data is empty");
        }
        if (!text.matches("([0-9A-F]{2})+")) {
            return Errors.of(9, "FailedToParse", "resume token string was not a valid hex string");
        }
        if (!text.startsWith("82")) {
            return Errors.of(50811, null, "Unexpected key type in resume token");
        }
        if (text.length() < 18) {
            return Errors.of(15, "Overflow", "resume token ends too early");
        }
        boolean whole = isIdle(text) || text.contains("5A1004") || text.endsWith("6E04") || text.endsWith("6F04");
        return whole ? null : Errors.of(260, "InvalidResumeToken", "The resume token has no UUID");
    }

    private static String time(BsonTimestamp at) {
        return String.format(Locale.ROOT, "82%08X%08X", at.getTime(), at.getInc());
    }

    private static String number(int index) {
        return index == 0 ? "29" : String.format(Locale.ROOT, index < 64 ? "2B%02X" : "2C%04X", 2 * index);
    }
}
