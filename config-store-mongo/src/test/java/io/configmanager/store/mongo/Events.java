// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import de.bwaldvogel.mongo.bson.Document;
import io.configmanager.store.mongo.Oplog.Entry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** Events as a stream shows them, field by field in the order of a real server. */
final class Events {

    private Events() {}

    /** @param lookup what {@code updateLookup} found; only used where asked for */
    static Document render(Entry entry, boolean updateLookup, Document lookup) {
        Document event = new Document();
        if (entry.transaction() != null) {
            event.putAll(entry.transaction());
        }
        if (entry.renamedTo() != null) {
            event.put("to", entry.renamedTo());
        }
        event.append("_id", Tokens.document(entry.token()))
                .append("operationType", entry.type())
                .append("clusterTime", entry.at());
        Change change = entry.change();
        if (entry.type().equals("insert") || entry.type().equals("replace")) {
            event.put("fullDocument", change.after());
        } else if (entry.type().equals("update") && updateLookup) {
            event.put("fullDocument", lookup);
        }
        Document namespace = new Document("db", entry.db());
        if (entry.collection() != null) {
            namespace.put("coll", entry.collection());
        }
        event.put("ns", namespace);
        if (change != null) {
            event.put("documentKey", new Document("_id", change.id()));
            if (entry.type().equals("update")) {
                event.put("updateDescription", difference(change.before(), change.after()));
            }
        }
        return event;
    }

    static Document invalidate(Entry entry) {
        return new Document("_id", Tokens.document(Tokens.ofInvalidate(entry.token())))
                .append("operationType", "invalidate")
                .append("clusterTime", entry.at());
    }

    private static Document difference(Document before, Document after) {
        Map<String, Object> updated = new TreeMap<>();
        List<String> removed = new ArrayList<>();
        compare("", before, after, updated, removed);
        return new Document("updatedFields", new Document(updated)).append("removedFields", removed);
    }

    private static void compare(
            String path, Document before, Document after, Map<String, Object> updated, List<String> removed) {
        TreeSet<String> names = new TreeSet<>(before.keySet());
        names.addAll(after.keySet());
        for (String name : names) {
            Object old = before.get(name);
            Object now = after.get(name);
            if (!after.containsKey(name)) {
                removed.add(path + name);
            } else if (!before.containsKey(name) || old == null) {
                if (!before.containsKey(name) || now != null) {
                    updated.put(path + name, now);
                }
            } else if (old instanceof Document oldDocument && now instanceof Document newDocument) {
                compare(path + name + ".", oldDocument, newDocument, updated, removed);
            } else if (!old.equals(now)) {
                compareValues(path + name, old, now, updated);
            }
        }
    }

    private static void compareValues(String path, Object old, Object now, Map<String, Object> updated) {
        if (old instanceof List<?> before && now instanceof List<?> after && after.size() >= before.size()) {
            for (int i = 0; i < after.size(); i++) {
                if (i >= before.size() || !after.get(i).equals(before.get(i))) {
                    updated.put(path + "." + i, after.get(i));
                }
            }
        } else {
            updated.put(path, now);
        }
    }
}
