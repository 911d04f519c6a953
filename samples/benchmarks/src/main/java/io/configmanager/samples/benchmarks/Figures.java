// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** What one part of a run measured; kept in a file, so that a part can be repeated alone. */
final class Figures {

    static final String OURS = "ours";
    static final String BARE = "bare driver";
    static final String ETCD = "etcd";

    private static final JsonMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private final Content content;

    /**
     * One number.
     *
     * @param what what was measured, with its unit at the end: {@code "load, ms"}
     * @param who whose it is
     * @param at the size it was measured at; 0 if it is not part of a curve
     */
    record Figure(String what, String who, double at, double value) {}

    /**
     * The file.
     *
     * @param machine where and on what: name to text
     * @param notes what a reader has to know, such as a peer that is not installed
     */
    record Content(
            String part,
            String date,
            boolean quick,
            Map<String, String> machine,
            List<Figure> figures,
            List<String> notes) {}

    Figures(String part, String date, boolean quick) {
        this(new Content(part, date, quick, new TreeMap<>(), new ArrayList<>(), new ArrayList<>()));
    }

    private Figures(Content content) {
        this.content = content;
    }

    /** For a round that only warms up: nobody reads them. */
    static Figures unread() {
        return new Figures("", "", true);
    }

    static Figures read(Path file) {
        return new Figures(JSON.readValue(file, Content.class));
    }

    void write(Path file) throws IOException {
        Files.createDirectories(file.toAbsolutePath().getParent());
        JSON.writeValue(file, content);
    }

    void add(String what, String who, double value) {
        add(what, who, 0, value);
    }

    void add(String what, String who, double at, double value) {
        content.figures().add(new Figure(what, who, at, value));
        if (!content.part().isEmpty()) {
            String size = at == 0 ? "" : String.format(Locale.ROOT, " at %.0f", at);
            System.out.printf(Locale.ROOT, "  %s%s: %s %.4g%n", what, size, who, value);
        }
    }

    /** Adds the 50th and the 99th percentile, in milliseconds. */
    void add(String what, String who, Samples samples) {
        add(what + ", p50, ms", who, samples.millis(50));
        add(what + ", p99, ms", who, samples.millis(99));
    }

    void note(String text) {
        if (!content.notes().contains(text)) {
            content.notes().add(text);
            System.out.println("  " + text);
        }
    }

    void machine(String name, String text) {
        content.machine().put(name, text);
    }

    /** These without somebody's. */
    Figures without(Set<String> whos) {
        Figures rest = new Figures(content.part(), content.date(), content.quick());
        all().stream().filter(figure -> !whos.contains(figure.who())).forEach(rest.all()::add);
        return rest;
    }

    String part() {
        return content.part();
    }

    String date() {
        return content.date();
    }

    Map<String, String> machine() {
        return content.machine();
    }

    List<String> notes() {
        return content.notes();
    }

    List<Figure> all() {
        return content.figures();
    }

    /** What was measured once, or what was measured along a curve, in the order it was. */
    Set<String> whats(boolean curves) {
        Set<String> whats = new LinkedHashSet<>();
        for (Figure figure : all()) {
            if (figure.at() != 0 == curves) {
                whats.add(figure.what());
            }
        }
        return whats;
    }

    OptionalDouble find(String what, String who, double at) {
        return all().stream()
                .filter(figure -> figure.what().equals(what) && figure.who().equals(who) && figure.at() == at)
                .mapToDouble(Figure::value)
                .findFirst();
    }
}
