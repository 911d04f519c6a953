// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import de.bwaldvogel.mongo.bson.Document;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Predicate;

/** What shall go wrong with the next commands. Guarded by the node's lock. */
final class Faults {

    private final List<Planned> planned = new ArrayList<>();

    /** What happens to a command instead of, or besides, being run. */
    enum Kind {
        /** It is not run and answers with an error. */
        ERROR,
        /** It is not run; the connection closes. */
        CUT_BEFORE,
        /** It is run, but the connection closes before the answer. */
        CUT_AFTER
    }

    /** A fault that is due. */
    record Fault(Kind kind, Document error) {}

    private static final class Planned {
        final Predicate<Document> commands;
        final Fault fault;
        int left;

        Planned(Predicate<Document> commands, Fault fault, int times) {
            this.commands = commands;
            this.fault = fault;
            this.left = times;
        }
    }

    void plan(Predicate<Document> commands, Fault fault, int times) {
        planned.add(new Planned(commands, fault, times));
    }

    void clear() {
        planned.clear();
    }

    /** The fault for this command, or null. */
    Fault due(Document command) {
        Iterator<Planned> each = planned.iterator();
        while (each.hasNext()) {
            Planned next = each.next();
            if (next.commands.test(command)) {
                if (--next.left <= 0) {
                    each.remove();
                }
                return next.fault;
            }
        }
        return null;
    }
}
