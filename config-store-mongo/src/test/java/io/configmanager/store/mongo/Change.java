// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import de.bwaldvogel.mongo.bson.Document;

/** One document before and after a write; null where it does not exist. */
record Change(String type, String db, String collection, Object id, Document before, Document after) {

    boolean sameDocument(Change other) {
        return db.equals(other.db) && collection.equals(other.collection) && id.equals(other.id);
    }

    Change inverse() {
        return new Change(type, db, collection, id, after, before);
    }

    Change as(String newType) {
        return new Change(newType, db, collection, id, before, after);
    }
}
