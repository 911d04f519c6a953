// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.util.ArrayList;
import java.util.List;

/**
 * The few keys that everybody writes, so that writers meet and keys come and go often. What a key is called says what may be
 * done to it, and so what must be true of it.
 */
final class Keys {

    /** Loaded at the start; the last one only when it is used first. */
    static final List<String> NAMESPACES = List.of("", "tenant-a", "tenant-b");

    static final int DATA = 8;
    static final int PAIRS = 2;
    static final int COUNTERS = 1;
    static final int EXPIRING = 2;

    /** The value of the last write of a run. */
    static final String FINAL = "z/final";

    /** Sometimes holds what no codec can read. */
    static final String BROKEN = "b/0";

    static final String LARGE = "k/large";

    /** Set wherever a pair is deleted: deletions in a commit cannot say that they are not to be queued. */
    static final String GONE = "k/gone";

    /** Written only by those who may be queued; not among {@link #all()}, because reads show what is queued. */
    static final int QUEUED = 3;

    private Keys() {}

    static String data(int n) {
        return "k/" + n % DATA;
    }

    /** Two keys that are always written together, with equal values. */
    static String left(int n) {
        return "p/" + n % PAIRS + "-left";
    }

    static String right(int n) {
        return "p/" + n % PAIRS + "-right";
    }

    /** Only ever set to one more than it was. */
    static String counter(int n) {
        return "c/" + n % COUNTERS;
    }

    static String expiring(int n) {
        return "t/" + n % EXPIRING;
    }

    static String queued(int n) {
        return "q/" + n % QUEUED;
    }

    static boolean isCounter(String key) {
        return key.startsWith("c/");
    }

    static boolean expires(String key) {
        return key.startsWith("t/");
    }

    static boolean mayBeBroken(String key) {
        return key.startsWith("b/");
    }

    /** Whether what a view shows of the key follows from the log alone. */
    static boolean isPlain(String key) {
        return !expires(key) && !mayBeBroken(key);
    }

    static List<String> all() {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < DATA; i++) {
            all.add(data(i));
        }
        for (int i = 0; i < PAIRS; i++) {
            all.add(left(i));
            all.add(right(i));
        }
        for (int i = 0; i < COUNTERS; i++) {
            all.add(counter(i));
        }
        for (int i = 0; i < EXPIRING; i++) {
            all.add(expiring(i));
        }
        return all;
    }
}
