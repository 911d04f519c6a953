// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/** What the design promises, beside what was measured. */
final class Targets {

    private static final String P50 = ", p50, ms";
    private static final String P99 = ", p99, ms";

    /** Peers that look a typed value up by a key; Togglz knows neither, only whether a flag is on. */
    private static final List<String> BY_KEY =
            List.of("avajeConfig", "archaiusConfig", "launchDarkly", "springEnvironment");

    private final Map<String, Figures> parts;
    private final StringBuilder table =
            new StringBuilder(Tables.header(List.of("what", "target", "measured", "peers, same run", "verdict"), 5));

    private Targets(Map<String, Figures> parts) {
        this.parts = parts;
    }

    static String table(Map<String, Figures> parts) {
        Targets targets = new Targets(parts);
        targets.reads();
        targets.propagation();
        targets.state();
        targets.watchers();
        targets.writes();
        targets.outbox();
        targets.application();
        return targets.table.toString();
    }

    private void reads() {
        double field = read("injectedField");
        double live = read("live");
        double archaius = read("archaiusProperty");
        double ratio = Math.max(field, live) / archaius;
        row(
                "read an injected field; `Live<T>.get()`",
                "≤ 1.2 × Archaius2 `Property.get`",
                text("%s and %s ns: %s ×", field, live, ratio),
                text("Archaius2 %s ns; a volatile field %s", archaius, read("volatileField")),
                ratio <= 1.2,
                ratio);

        double get = read("configGet");
        double best = BY_KEY.stream().mapToDouble(this::read).min().orElse(Double.NaN);
        double bytes = once("reads", Reads.ALLOCATED, "configGet");
        row(
                "typed `get` by key",
                "no allocation; faster than every peer",
                text("%s ns, %s B: %s × the fastest peer", get, bytes, get / best),
                text(
                                "avaje-config %s, Archaius2 %s, LaunchDarkly %s, Spring `Environment` %s ns",
                                BY_KEY.stream().mapToDouble(this::read).toArray())
                        + text("; whether a flag is on, Togglz: %s ns", read("togglz")),
                get < best && bytes < 0.5,
                get / best + bytes);
        double waits = once("reads", Reads.WAITS, Figures.OURS);
        row(
                "readers that wait or block while values change",
                "0",
                text(
                        "%s times in %s reads beside %s commits",
                        waits,
                        once("reads", "reads of the two readers", Figures.OURS),
                        once("reads", "commits meanwhile", Figures.OURS)),
                "",
                waits == 0,
                waits);
    }

    private void propagation() {
        for (String spacing : List.of("a write per 10 ms", "a write per 2 ms")) {
            double p50 = once("propagation", spacing + P50, Figures.OURS);
            double p99 = once("propagation", spacing + P99, Figures.OURS);
            double bare50 = once("propagation", spacing + P50, Figures.BARE);
            double bare99 = once("propagation", spacing + P99, Figures.BARE);
            row(
                    "commit → applied, " + spacing + ", p50 / p99",
                    "≤ 2 × bare NOTIFY → receive; p99 < 20 ms",
                    text("%s / %s ms: %s × / %s ×", p50, p99, p50 / bare50, p99 / bare99),
                    text("bare %s / %s ms", bare50, bare99) + "; " + etcd("propagation", spacing) + "; "
                            + text(
                                    "Spring Cloud Config %s / %s ms once told to refresh",
                                    once("spring-cloud", SpringCloud.CHANGE + P50, SpringCloud.CONFIG),
                                    once("spring-cloud", SpringCloud.CHANGE + P99, SpringCloud.CONFIG)),
                    p50 <= 2 * bare50 && p99 <= 2 * bare99 && p99 < 20,
                    p50 + p99 + bare50 + bare99);
        }
        String burst = "writes back to back";
        double p99 = once("propagation", burst + P99, Figures.OURS);
        row(
                "the same, 5,000 writes back to back, p99",
                "≤ 50 ms",
                text("%s ms", p99),
                text("bare %s ms", once("propagation", burst + P99, Figures.BARE)) + "; " + etcd("propagation", burst),
                p99 <= 50,
                p99);
        torn();
        mongo();
    }

    private void mongo() {
        Figures figures = parts.get("mongo-propagation");
        boolean real =
                figures != null && figures.machine().getOrDefault("mongo", "").startsWith("MongoDB");
        String spacing = "a write per 10 ms";
        double p50 = once("mongo-propagation", spacing + P50, Figures.OURS);
        double p99 = once("mongo-propagation", spacing + P99, Figures.OURS);
        double bare50 = once("mongo-propagation", spacing + P50, Figures.BARE);
        double bare99 = once("mongo-propagation", spacing + P99, Figures.BARE);
        row(
                "commit → applied on MongoDB, " + spacing + ", p50 / p99",
                "≤ 2 × a bare change stream; p99 < 20 ms",
                text("%s / %s ms: %s × / %s ×", p50, p99, p50 / bare50, p99 / bare99)
                        + (real ? "" : ", on an emulation, which proves nothing"),
                text("bare %s / %s ms", bare50, bare99),
                p50 <= 2 * bare50 && p99 <= 2 * bare99 && p99 < 20,
                real ? p50 + p99 + bare50 + bare99 : Double.NaN);
    }

    private void state() {
        String bytes = Reconnect.BY_ENTRIES + Reconnect.BYTES;
        String time = Reconnect.BY_ENTRIES + Reconnect.TIME;
        double least = size("reconnect", bytes, Figures.OURS, false, Entries.TARGET);
        double most = size("reconnect", bytes, Figures.OURS, true, Entries.TARGET);
        double growth = at("reconnect", bytes, Figures.OURS, most) / at("reconnect", bytes, Figures.OURS, least);
        double anew = once("reconnect", "namespaces loaded anew", Figures.OURS);
        row(
                "reconnect after 100 changes, as the entries that exist grow",
                "cost does not grow (≤ 1.2 × the bytes)",
                text(
                        "from %s to %s entries: %s × the bytes, %s → %s ms, %s loaded anew",
                        least,
                        most,
                        growth,
                        at("reconnect", time, Figures.OURS, least),
                        at("reconnect", time, Figures.OURS, most),
                        anew),
                text(
                                "bare driver, reading all: %s → %s ms",
                                at("reconnect", time, Reconnect.READ_ALL, least),
                                at("reconnect", time, Reconnect.READ_ALL, most))
                        + "; "
                        + text(
                                "etcd %s → %s ms",
                                at("reconnect", time, Figures.ETCD, least), at("reconnect", time, Figures.ETCD, most)),
                growth <= 1.2 && anew == 0,
                growth + anew);

        double entries = size("entries", Entries.LOAD, Figures.OURS, true, Entries.TARGET);
        double load = at("entries", Entries.LOAD, Figures.OURS, entries);
        row(
                text("load a namespace of %s entries", entries),
                "≤ 2 s",
                text("%s ms", load),
                text("`SELECT` into a `HashMap` %s ms", at("entries", Entries.LOAD, Entries.MAP, entries)),
                load <= 2_000,
                load);
        double map = at("entries", Entries.MEMORY, Entries.MAP, entries);
        double memory = at("entries", Entries.MEMORY, Figures.OURS, entries) / map;
        row(
                "memory of it",
                "≤ 2.5 × a `HashMap<String, String>`",
                text("%s ×", memory),
                text(
                        "Archaius2 %s ×, avaje-config %s ×",
                        at("entries", Entries.MEMORY, "Archaius2", entries) / map,
                        at("entries", Entries.MEMORY, "avaje-config", entries) / map),
                memory <= 2.5,
                memory);

        double listeners = size("subscriptions", Subscriptions.ONE_KEY, Figures.OURS, true, Subscriptions.TARGET);
        double told = at("subscriptions", Subscriptions.ONE_KEY, Figures.OURS, listeners);
        double etcdWatches = size("subscriptions", Subscriptions.ONE_KEY, Figures.ETCD, true, listeners);
        row(
                text("%s subscriptions on one key", listeners),
                "all told within 50 ms",
                text("%s ms", told),
                text("bare loop %s ms", at("subscriptions", Subscriptions.ONE_KEY, Figures.BARE, listeners))
                        + "; "
                        + text(
                                "etcd with %s watches %s ms",
                                etcdWatches, at("subscriptions", Subscriptions.ONE_KEY, Figures.ETCD, etcdWatches)),
                told <= 50,
                told);
    }

    private void torn() {
        double ours = 0;
        for (String who : List.of(Torn.RECORD, Torn.PROPERTIES, Torn.VIEW)) {
            ours += once("torn", Torn.TORN, who) + once("torn", Torn.UNBOUND, who);
        }
        row(
                "torn or unbound reads of a typed group or a view while values change",
                "0",
                text("%s in %s changes", ours, once("torn", Torn.CHANGES, Torn.RECORD)),
                text(
                        "spring-cloud-context: %s torn, %s unbound of %s reads",
                        once("torn", Torn.TORN, Torn.CLOUD),
                        once("torn", Torn.UNBOUND, Torn.CLOUD),
                        once("torn", Torn.READS, Torn.CLOUD)),
                ours == 0,
                ours);
        double started = once("injected", InjectedTargets.CPU, Figures.OURS);
        double value = once("injected", InjectedTargets.CPU, InjectedTargets.VALUE);
        row(
                "start with 1,000 `@ConfigValue` fields",
                "≤ 50 ms beyond the same beans with `@Value`",
                text("%s ms of processor time: %s ms more", started, started - value),
                text("`@Value` %s ms", value),
                started - value <= 50,
                started - value);
        double left = once("injected", InjectedTargets.LEFT, Figures.OURS);
        row(
                "1,000,000 prototypes with a field: heap left",
                "flat",
                text("%s MB; a living one takes %s bytes", left, once("injected", InjectedTargets.BYTES, Figures.OURS)),
                "",
                left <= 5,
                left);
    }

    private void watchers() {
        double notified = once("watchers", Watchers.NOTIFIED, Figures.OURS);
        row(
                "10,000 notifications on one key",
                "all told within 50 ms",
                text("%s ms", notified),
                "",
                notified <= 50,
                notified);
        double left = once("watchers", Watchers.LEFT_OF_WATCHERS, Figures.OURS);
        double forgotten = once("watchers", Watchers.LEFT_OF_FORGOTTEN, Figures.OURS);
        double values = once("watchers", Watchers.LEFT_OF_VALUES, Figures.OURS);
        row(
                "1,000,000 watchers closed; forgotten; of a `Value`: heap left",
                "flat",
                text("%s; %s; %s MB", left, forgotten, values),
                "",
                Math.max(left, Math.max(forgotten, values)) <= 5,
                left + forgotten + values);
        double healthy = once("watchers", Watchers.HEALTHY, Figures.OURS);
        double disturbed = once("watchers", Watchers.DISTURBED, Figures.OURS);
        row(
                "1,000 healthy listeners beside a sleeping, a throwing and a blocked one",
                "not slower",
                text("%s ms: %s × without them", disturbed, disturbed / healthy),
                "",
                disturbed <= 1.2 * healthy,
                disturbed + healthy);
    }

    private void writes() {
        double single = once("writes", Writes.SINGLE, Figures.OURS);
        double bareSingle = once("writes", Writes.SINGLE, Figures.BARE);
        row(
                "single writes",
                "≥ 0.6 × a bare upsert plus NOTIFY",
                text("%s per second: %s ×", single, single / bareSingle),
                text("bare %s, etcd %s per second", bareSingle, once("writes", Writes.SINGLE, Figures.ETCD)),
                single / bareSingle >= 0.6,
                single / bareSingle);
        double batched = once("writes", Writes.BATCHED, Figures.OURS);
        row(
                "batches of 1,000",
                "an entry ≥ 20 × cheaper than a single write",
                text("%s per second: %s ×", batched, batched / single),
                text(
                        "bare %s, etcd %s per second",
                        once("writes", Writes.BATCHED, Figures.BARE), once("writes", Writes.BATCHED, Figures.ETCD)),
                batched / single >= 20,
                batched / single);
    }

    private void outbox() {
        double single = once("outbox", QueuedWrites.SINGLE, Figures.OURS);
        double bareSingle = once("outbox", QueuedWrites.SINGLE, Figures.BARE);
        double concurrent = once("outbox", QueuedWrites.CONCURRENT, Figures.OURS);
        double bareConcurrent = once("outbox", QueuedWrites.CONCURRENT, Figures.BARE);
        row(
                "writes queued while the store is away, 1 thread; 16 threads",
                "≥ 0.7 × appending and forcing the same bytes",
                text(
                        "%s and %s per second: %s × and %s ×",
                        single, concurrent, single / bareSingle, concurrent / bareConcurrent),
                text("bare %s and %s per second", bareSingle, bareConcurrent),
                Math.min(single / bareSingle, concurrent / bareConcurrent) >= 0.7,
                single / bareSingle + concurrent / bareConcurrent);
    }

    private void application() {
        double[] threads = Stream.of(Threads.ONE, Threads.MANY_NAMESPACES, Threads.MANY_SUBSCRIPTIONS)
                .mapToDouble(what -> once("threads", what, Figures.OURS))
                .toArray();
        double most = DoubleStream.of(threads).max().orElse(Double.NaN);
        row(
                "threads with 1 namespace; 1,000 namespaces; 10,000 subscriptions",
                "≤ 2 per store, listener lanes aside",
                text("%s; %s; %s", threads),
                text("etcd's client %s", once("threads", Threads.ONE, Figures.ETCD)),
                most <= 2,
                most);
        double plain = once("startup", Startup.TIME, Startup.PLAIN);
        double added = once("startup", Startup.TIME, Figures.OURS) - plain;
        row(
                "start of an application, empty store",
                "≤ 150 ms added",
                text("%s ms added to %s", added, plain),
                text("Spring Cloud Config client: %s ms added", once("startup", Startup.TIME, Startup.CLOUD) - plain),
                added <= 150,
                added);
    }

    private String etcd(String part, String what) {
        return text("etcd %s / %s ms", once(part, what + P50, Figures.ETCD), once(part, what + P99, Figures.ETCD));
    }

    private double read(String who) {
        return once("reads", Reads.TIME, who);
    }

    private double once(String part, String what, String who) {
        return at(part, what, who, 0);
    }

    private double at(String part, String what, String who, double size) {
        Figures figures = parts.get(part);
        return figures == null ? Double.NaN : figures.find(what, who, size).orElse(Double.NaN);
    }

    /** The smallest size measured, or the largest up to a limit. */
    private double size(String part, String what, String who, boolean largest, double limit) {
        Figures figures = parts.get(part);
        if (figures == null) {
            return Double.NaN;
        }
        DoubleStream sizes = figures.all().stream()
                .filter(figure -> figure.what().equals(what) && figure.who().equals(who) && figure.at() <= limit)
                .mapToDouble(Figures.Figure::at);
        return (largest ? sizes.max() : sizes.min()).orElse(Double.NaN);
    }

    /** @param basis not a number if something that the verdict needs was not measured */
    private void row(String what, String target, String measured, String peers, boolean met, double basis) {
        String verdict = Double.isNaN(basis) ? "not measured" : met ? "met" : "**missed**";
        table.append(Tables.row(List.of(what, target, measured, peers, verdict)));
    }

    private static String text(String format, double... numbers) {
        Object[] texts = DoubleStream.of(numbers)
                .mapToObj(number -> Double.isNaN(number) ? "(not measured)" : Tables.number(number))
                .toArray();
        return String.format(Locale.ROOT, format, texts);
    }
}
