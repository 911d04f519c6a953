// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.samples.robustness.Records.Line;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Records made by hand: of one client, in the default namespace, at times in milliseconds. */
final class Recording {

    private final List<Line> run = new ArrayList<>();
    private final List<Line> archive = new ArrayList<>();
    private final List<Line> client = new ArrayList<>();
    private final List<String> log = new ArrayList<>();
    private final Map<String, String> table = new TreeMap<>();
    private int transactions;

    Recording() {
        run.add(line("W", 0, 0));
        client.add(line("I", nanos(1), micros(1), 1, 1));
        client.add(line("C", nanos(2)));
    }

    /** A transaction as it should be: each change is "key version value", or "key" for a deletion. */
    Recording commit(int revision, int millis, String tag, String... changes) {
        return commit(revision, millis, tag, changes, changes);
    }

    Recording commit(int revision, int millis, String tag, String[] logged, String[] changed) {
        int xid = ++transactions;
        for (String change : changed) {
            String[] parts = change.split(" ");
            if (parts.length == 1) {
                archive.add(line("E", micros(millis), xid, "D", "", parts[0], 0, "-", 0));
            } else {
                archive.add(line("E", micros(millis), xid, "P", "", parts[0], parts[1], parts[2], 0));
            }
        }
        for (String change : logged) {
            String[] parts = change.split(" ");
            if (parts.length == 1) {
                archive.add(
                        line("L", micros(millis), xid, revision, "D", "", parts[0], 99, "-", 0, micros(millis), tag));
                table.remove(parts[0]);
            } else {
                archive.add(line(
                        "L",
                        micros(millis),
                        xid,
                        revision,
                        "P",
                        "",
                        parts[0],
                        parts[1],
                        parts[2],
                        0,
                        micros(millis),
                        tag));
                table.put(parts[0], parts[1] + " " + revision + " " + parts[2]);
            }
        }
        return this;
    }

    /** History is replaced by one that is as it was at a revision, with these entries "key version revision value". */
    Recording restore(int revision, int millis, String... entries) {
        int xid = ++transactions;
        archive.add(line("H", micros(1), ++transactions, "dump", revision, xid));
        archive.add(line("H", micros(millis), xid, "restore", revision, xid));
        table.clear();
        for (String entry : entries) {
            String[] parts = entry.split(" ");
            archive.add(line("B", xid, "", parts[0], parts[1], parts[2], parts[3], 0));
            table.put(parts[0], parts[1] + " " + parts[2] + " " + parts[3]);
        }
        return this;
    }

    Recording lineage(int revision, int millis) {
        archive.add(line("H", micros(millis), ++transactions, "lineage", revision, 0));
        return this;
    }

    Recording compact(int revision, int millis) {
        archive.add(line("H", micros(millis), ++transactions, "compact", revision, 0));
        return this;
    }

    /** A fault of the server, from one moment to another. */
    Recording fault(String kind, int from, int to) {
        return run("T", nanos(from), nanos(to), 0, kind, "-");
    }

    /** A view of what was committed so far. */
    Recording view(int revision, int millis) {
        return view(revision, millis, Map.copyOf(table), "sampled");
    }

    /** A view of other entries: "version revision value" by key. */
    Recording view(int revision, int millis, Map<String, String> entries, String source) {
        long sum = 0;
        for (Map.Entry<String, String> entry : entries.entrySet()) {
            String[] parts = entry.getValue().split(" ");
            sum += Texts.digest(entry.getKey(), Long.parseLong(parts[0]), Long.parseLong(parts[1]), parts[2]);
        }
        List<String> pairs = new ArrayList<>();
        for (int i = 0; i < Keys.PAIRS; i++) {
            pairs.add(value(entries, Keys.left(i)) + "|" + value(entries, Keys.right(i)));
        }
        return client(
                "V",
                nanos(millis),
                nanos(millis),
                micros(millis),
                "",
                revision,
                Long.toHexString(sum),
                String.join(";", pairs),
                "",
                "",
                source);
    }

    /** What is committed now, to be shown later or changed. */
    Map<String, String> table() {
        return new LinkedHashMap<>(table);
    }

    /** Changes are "key@before@after". */
    Recording applied(int revision, int millis, boolean resync, String... changes) {
        return client("A", nanos(millis), "", revision, resync, String.join(";", changes));
    }

    Recording heard(int revision, int millis, String... changes) {
        return client("N", nanos(millis), "fast", "", revision, false, String.join(";", changes));
    }

    /** A watcher is told of a key; the text is "version:value", or "-". */
    Recording told(int revision, int millis, String key, String kind, String text) {
        return client("K", nanos(millis), "watcher", "", key, kind, text, 0, revision);
    }

    /** Views of the other namespaces, which have nothing. */
    Recording othersAreEmpty(long revision, int millis) {
        for (String namespace : Keys.NAMESPACES.subList(1, 3)) {
            client(
                    "V",
                    nanos(millis),
                    nanos(millis),
                    millis * 1_000,
                    namespace,
                    revision,
                    "0",
                    "-|-;-|-",
                    "",
                    "",
                    "sampled");
        }
        return this;
    }

    /** The last write of the run, which everybody has to see. */
    Recording finish(int millis, String tag) {
        return run("G", nanos(millis), nanos(millis), tag);
    }

    /** A call that was answered: entries "key:version", own reads "key:version:revision". */
    Recording call(
            String tag,
            int millis,
            String kind,
            String outcome,
            int revision,
            String entries,
            int expected,
            String own) {
        return client(
                "O",
                nanos(millis),
                nanos(millis + 1),
                nanos(millis + 2),
                tag,
                kind,
                "",
                outcome,
                revision,
                entries,
                expected,
                own);
    }

    /** A write of one key that may be queued, under its tag as id: its "version" is what it was told. */
    Recording queueing(
            String tag,
            int from,
            int to,
            String kind,
            String key,
            String outcome,
            int revision,
            int expected,
            int version) {
        return client(
                "J", nanos(from), nanos(to), tag, kind, "", key, outcome, tag, revision, expected, key + ":" + version);
    }

    /** In the end the outbox holds these, "tag state". */
    Recording drained(int millis, int pending, String... left) {
        for (String each : left) {
            client("P", nanos(millis), each.split(" ")[0], each.split(" ")[1]);
        }
        return client("R", nanos(millis), pending, 0, "");
    }

    Recording status(int millis, String state, int staleMillis, int revision) {
        view(revision, millis, Map.copyOf(table), "status");
        return client("S", nanos(millis), nanos(millis), state, nanos(staleMillis), revision, 0, true);
    }

    /** The client is read to have reported this. */
    Recording report(int millis, int revision, boolean ofThisHistory) {
        return client("FR", nanos(millis), nanos(millis), "1.1", revision, ofThisHistory);
    }

    /** All were awaited, for a millisecond; the report of the only one was so old when that began. */
    Recording awaited(int millis, String when, int revision, boolean all, int age) {
        return client("FA", nanos(millis), nanos(millis + 1), when, revision, all, "1.1:" + nanos(age));
    }

    Recording event(int millis, String what, String detail) {
        return client("X", nanos(millis), what, detail);
    }

    Recording closed(int millis, int took, String threads, int connections) {
        return client("Z", nanos(millis), nanos(millis + took), nanos(millis + took), threads, connections, true);
    }

    Recording client(Object... fields) {
        client.add(line(fields));
        return this;
    }

    Recording archived(Object... fields) {
        archive.add(line(fields));
        return this;
    }

    Recording run(Object... fields) {
        run.add(line(fields));
        return this;
    }

    Recording logged(String text) {
        log.add(text);
        return this;
    }

    Findings check() {
        if (client.stream().noneMatch(line -> line.kind().equals("Z"))) {
            closed(100_000, 20, "", 0);
        }
        Map<String, List<Line>> clients = new TreeMap<>(Map.of("1.1", client));
        return Checker.check(new Records(run, archive, clients, Map.of("1.1", log)));
    }

    static long nanos(long millis) {
        return TimeUnit.MILLISECONDS.toNanos(millis);
    }

    private static long micros(long millis) {
        return TimeUnit.MILLISECONDS.toMicros(millis);
    }

    private static String value(Map<String, String> entries, String key) {
        String entry = entries.get(key);
        return entry == null ? Texts.NONE : entry.split(" ")[2];
    }

    private static Line line(Object... fields) {
        return new Line(Stream.of(fields).map(String::valueOf).toList());
    }
}
