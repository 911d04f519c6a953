// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Everything that a run left behind, as lines of fields; the first field is the kind.
 *
 * @param run what the parent did
 * @param archive what the database committed
 * @param clients the records of each incarnation of each client, by name
 * @param logs their log lines, by name
 */
record Records(List<Line> run, List<Line> archive, Map<String, List<Line>> clients, Map<String, List<String>> logs) {

    /** One record. */
    record Line(List<String> fields) {

        String kind() {
            return fields.get(0);
        }

        String text(int n) {
            return fields.get(n);
        }

        long number(int n) {
            return Long.parseLong(fields.get(n));
        }

        /** The items of a list, which may be empty. */
        List<String> items(int n) {
            return fields.get(n).isEmpty() ? List.of() : List.of(fields.get(n).split(";"));
        }
    }

    static Records read(Path directory) throws IOException {
        Map<String, List<Line>> clients = new TreeMap<>();
        Map<String, List<String>> logs = new TreeMap<>();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.sorted().toList()) {
                String name = file.getFileName().toString();
                if (!name.startsWith("client-")) {
                    continue;
                }
                String client = name.substring("client-".length(), name.lastIndexOf('.'));
                if (name.endsWith(".rec")) {
                    clients.put(client, lines(file));
                } else {
                    logs.computeIfAbsent(client, c -> new ArrayList<>()).addAll(Files.readAllLines(file));
                }
            }
        }
        return new Records(lines(directory.resolve("run.rec")), lines(directory.resolve("archive.rec")), clients, logs);
    }

    /** A process that was killed may have left half a line at the end. */
    private static List<Line> lines(Path file) throws IOException {
        String all = Files.readString(file, StandardCharsets.UTF_8);
        List<Line> lines = new ArrayList<>();
        int start = 0;
        for (int end = all.indexOf('\n'); end >= 0; end = all.indexOf('\n', start)) {
            lines.add(new Line(List.of(all.substring(start, end).split("\t", -1))));
            start = end + 1;
        }
        return lines;
    }
}
