// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.History.Era;
import io.configmanager.samples.robustness.Records.Line;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Judges what watchers and notifications were told of each key, and of the watch (I2, I3, I5, I6, I13). */
final class FollowCheck {

    /** The last state of a key that a follower was told. */
    private record Told(String text, long epoch, long revision) {}

    private final Observed client;
    private final Map<String, Map<String, Told>> followers = new TreeMap<>();
    private final Map<String, String> watch = new HashMap<>();

    /** Followers that were told of the last write of the run while they believed in a failure of the watch. */
    private final Set<String> waiting = new TreeSet<>();

    FollowCheck(Observed client) {
        this.client = client;
    }

    /** @param converged whether the client lived until the end, so that followers must know how it ended */
    void check(boolean converged) {
        for (Line line : client.lines) {
            if (line.kind().equals("K")) {
                told(line);
            } else if (line.kind().equals("F")) {
                watch(line);
            }
        }
        if (converged) {
            followers.forEach(this::requireEnd);
            for (String name : waiting) {
                client.violated(Invariant.I13, name + " was never told that the watch has recovered");
            }
        }
    }

    private void told(Line line) {
        String name = line.text(2) + " of '" + line.text(3) + "'";
        String key = line.text(4);
        String kind = line.text(5);
        Told now = new Told(line.text(6), line.number(7), line.number(8));
        Told before = followers.computeIfAbsent(name, n -> new TreeMap<>()).put(key, now);
        String place = name + " at revision " + now.revision + " of " + key;
        if (key.equals(Keys.FINAL) && "FAILED".equals(watch.get(name))) {
            waiting.add(name);
        }
        client.findings.judged(Invariant.I3);
        if (before != null
                && (now.epoch < before.epoch || (now.epoch == before.epoch && now.revision <= before.revision))) {
            client.violated(Invariant.I3, place + " was told of revision " + before.revision + " before");
        }
        boolean existed = before != null && !before.text.equals(Texts.NONE);
        client.findings.judged(Invariant.I5);
        if (kind.equals("PRESENT") == now.text.equals(Texts.NONE) || (kind.equals("DELETED") && !existed)) {
            client.violated(Invariant.I5, place + " was told " + kind + " after " + before);
        }
        if (existed
                && kind.equals("PRESENT")
                && Keys.isPlain(key)
                && value(before.text).equals(value(now.text))) {
            client.violated(Invariant.I5, place + " was told of the same value twice");
        }
        client.findings.judged(Invariant.I2);
        if (Keys.isPlain(key) && client.history.eras().stream().noneMatch(era -> fits(era, line.text(3), key, now))) {
            client.violated(Invariant.I2, place + " was told " + now.text + ", which it never was then");
        }
    }

    private static boolean fits(Era era, String namespace, String key, Told told) {
        return era.covers(told.revision)
                && era.state(namespace, key, told.revision).text().equals(told.text);
    }

    private void watch(Line line) {
        String name = line.text(2) + " of '" + line.text(3) + "'";
        client.findings.judged(Invariant.I5);
        client.findings.judged(Invariant.I13);
        String before = watch.put(name, line.text(4));
        if (line.text(4).equals("RECOVERED")) {
            waiting.remove(name);
        }
        if (line.text(4).equals(before) || (before == null && line.text(4).equals("RECOVERED"))) {
            client.violated(Invariant.I5, name + " was told " + line.text(4) + " after " + before);
        }
    }

    private void requireEnd(String name, Map<String, Told> told) {
        String namespace = name.substring(name.indexOf('\'') + 1, name.lastIndexOf('\''));
        Era last = client.history.last();
        for (String key : Keys.all()) {
            String stored = last.state(namespace, key, last.lastRevision).text();
            Told known = told.get(key);
            String believed = known == null ? Texts.NONE : known.text;
            client.findings.judged(Invariant.I6);
            if (Keys.isPlain(key) && !value(believed).equals(value(stored))) {
                client.violated(
                        Invariant.I6, name + " was last told " + believed + " of " + key + ", but it is " + stored);
            }
        }
    }

    /** Without the version: what is written again with equal content is no news. */
    private static String value(String text) {
        return text.substring(text.indexOf(':') + 1);
    }
}
