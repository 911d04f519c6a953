// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import io.configmanager.outbox.RecordFormat.Content;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What a directory held when it was opened, and what a crash left there to clean. */
final class Recovery {

    static final String DAMAGED = ".damaged";

    /** More bytes of cuts than a header has but for a disk that fails again and again. */
    private static final int MOST_CUTS = 256;

    private final Disk disk;
    private final Path directory;
    private final List<String> problems = new ArrayList<>();

    /** The content of the segments by their number. */
    private final TreeMap<Long, Content> segments = new TreeMap<>();

    private long nextNumber;

    private Recovery(Disk disk, Path directory) {
        this.disk = disk;
        this.directory = directory;
    }

    static Recovery read(Disk disk, Path directory) throws IOException {
        Recovery recovery = new Recovery(disk, directory);
        for (String name : disk.list(directory)) {
            boolean damaged = name.endsWith(DAMAGED);
            long number = Segment.numberIn(damaged ? name.substring(0, name.length() - DAMAGED.length()) : name);
            recovery.nextNumber = Math.max(recovery.nextNumber, number + 1);
            if (number >= 0 && !damaged) {
                recovery.segments.put(number, RecordFormat.read(disk.read(directory.resolve(name))));
            }
        }
        return recovery;
    }

    SortedMap<Long, Content> segments() {
        return segments;
    }

    /** To be added to. */
    List<String> problems() {
        return problems;
    }

    /** Greater than that of any segment, also of those set aside. */
    long nextNumber() {
        return nextNumber;
    }

    /** The origin of a segment that is of another store or of an unknown version, if there is one. */
    @Nullable
    String foreign(String origin) {
        for (Content content : segments.values()) {
            Segment.Header header = Segment.header(content);
            if (header != null && !header.isOf(origin)) {
                return header.origin();
            }
        }
        return null;
    }

    /** Removes what never counted. Afterwards a segment with {@link Content#damaged} bytes has lost something. */
    void repair(String origin) throws IOException {
        applyCuts();
        int before = segments.size();
        for (Map.Entry<Long, Content> segment : List.copyOf(segments.entrySet())) {
            if (isLeftover(segment.getValue(), origin)) {
                Segment.existing(disk, directory, segment.getKey(), 0).delete();
                segments.remove(segment.getKey());
            }
        }
        if (segments.size() < before) {
            // Their numbers are used again: if they came back, their headers would cut what is written from now on.
            disk.forceDirectory(directory);
        }
        Map.Entry<Long, Content> last = segments.lastEntry();
        if (last != null) {
            Content content = last.getValue();
            int whole = content.wholeUntil();
            if (whole > 0) {
                // Also where nothing is cut off: what is told to be there has to stay, and may not have been forced.
                truncate(last.getKey(), whole);
            }
            if (whole > 0 && whole < content.length()) {
                problems.add(fileOf(last.getKey()) + " ended in an unfinished append: " + (content.length() - whole)
                        + " bytes were cut off");
            }
        }
    }

    private void applyCuts() throws IOException {
        Map<Long, Long> cuts = new HashMap<>();
        for (Content content : segments.values()) {
            Segment.Header header = Segment.header(content);
            if (header != null) {
                header.cuts().forEach((segment, length) -> cuts.merge(segment, length, Math::min));
            }
        }
        for (Map.Entry<Long, Long> cut : cuts.entrySet()) {
            Content content = segments.get(cut.getKey());
            if (content != null && content.length() > cut.getValue()) {
                truncate(cut.getKey(), cut.getValue());
            } else if (content != null && content.length() < cut.getValue()) {
                problems.add(
                        fileOf(cut.getKey()) + " has lost its end: " + (cut.getValue() - content.length()) + " bytes");
            }
        }
    }

    private void truncate(long number, long length) throws IOException {
        Segment segment = Segment.existing(disk, directory, number, length);
        segment.truncate(length);
        segments.put(number, RecordFormat.read(disk.read(segment.file)));
    }

    /** A segment with a header and nothing else, or whose creation did not come that far. */
    private static boolean isLeftover(Content content, String origin) {
        if (content.damaged() < 0) {
            return content.records().size() <= 1;
        }
        int header = RecordFormat.size(Segment.Header.of(origin, Map.of())) + MOST_CUTS;
        return content.records().isEmpty() && content.length() <= header;
    }

    private Path fileOf(long number) {
        return Segment.existing(disk, directory, number, 0).file;
    }
}
