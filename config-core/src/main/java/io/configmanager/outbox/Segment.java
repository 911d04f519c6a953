// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import io.configmanager.outbox.Journal.Record;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One file of a {@link Journal}. */
final class Segment {

    private static final Pattern NAME = Pattern.compile("seg-([0-9]{1,18})\\.log");
    private static final long VERSION = 1;

    final long number;
    final Path file;
    private final Disk disk;
    private Disk.@Nullable File open;
    private long length;
    private long forced;

    /** How many unfinished operations have their current state here, and the bytes of these records. */
    int live;

    long liveBytes;

    private Segment(Disk disk, Path directory, long number) {
        this.disk = disk;
        this.number = number;
        this.file = directory.resolve("seg-" + number + ".log");
    }

    /**
     * The first record of a segment.
     *
     * @param cuts how long segments before this one are, that were left because of a failure: what follows there was
     *     never acknowledged, or is written here again
     */
    record Header(long version, String origin, Map<Long, Long> cuts) {

        static Record of(String origin, Map<Long, Long> cuts) {
            byte[] name = origin.getBytes(StandardCharsets.UTF_8);
            ByteBuffer payload = ByteBuffer.allocate(Integer.BYTES + cuts.size() * 2 * Long.BYTES + name.length);
            payload.putInt(cuts.size());
            cuts.forEach((segment, length) -> payload.putLong(segment).putLong(length));
            payload.put(name);
            return new Record(Journal.HEADER, VERSION, payload.array());
        }

        boolean isOf(String other) {
            return version == VERSION && origin.equals(other);
        }
    }

    /** The number in the name of a segment's file, or -1. */
    static long numberIn(String fileName) {
        Matcher name = NAME.matcher(fileName);
        return name.matches() ? Long.parseLong(name.group(1)) : -1;
    }

    /** What a segment begins with; null if that cannot be read. */
    static @Nullable Header header(RecordFormat.Content content) {
        if (content.records().isEmpty()) {
            return null;
        }
        RecordFormat.Located first = content.records().get(0);
        if (first.offset() != 0 || first.value().type() != Journal.HEADER) {
            return null;
        }
        long version = first.value().sequence();
        ByteBuffer payload = ByteBuffer.wrap(first.value().payload());
        Map<Long, Long> cuts = new HashMap<>();
        try {
            for (int left = version == VERSION ? payload.getInt() : 0; left > 0; left--) {
                cuts.put(payload.getLong(), payload.getLong());
            }
        } catch (BufferUnderflowException e) {
            return null;
        }
        return new Header(version, StandardCharsets.UTF_8.decode(payload).toString(), cuts);
    }

    static Segment existing(Disk disk, Path directory, long number, long length) {
        Segment segment = new Segment(disk, directory, number);
        segment.length = length;
        segment.forced = length;
        return segment;
    }

    static Segment create(Disk disk, Path directory, long number) throws IOException {
        Segment segment = new Segment(disk, directory, number);
        segment.open = disk.create(segment.file);
        return segment;
    }

    long length() {
        return length;
    }

    /** How much of it is known to survive a power cut. */
    long forced() {
        return forced;
    }

    /** Writes whole appends, of which nothing counts if it fails. */
    void append(List<List<Record>> appends) throws IOException {
        ByteBuffer bytes = RecordFormat.encode(appends);
        int size = bytes.remaining();
        open().append(bytes);
        length += size;
    }

    void force() throws IOException {
        open().force();
        forced = length;
    }

    /** Forgets what a failed append has left. */
    void rollBack() throws IOException {
        open().truncate(length);
        force();
    }

    /** Closes it; what was not forced no longer counts. */
    void cut() {
        try (Disk.File closed = open()) {
            if (length > forced) {
                closed.truncate(forced);
            }
        } catch (IOException e) {
            // The header of the next segment says where this one ends.
        }
        open = null;
        length = forced;
    }

    /** Makes a file that is not open shorter, durably. */
    void truncate(long newLength) throws IOException {
        try (Disk.File opened = disk.open(file)) {
            opened.truncate(newLength);
            opened.force();
        }
        length = newLength;
        forced = newLength;
    }

    void close() throws IOException {
        if (open != null) {
            open.close();
            open = null;
        }
    }

    void delete() throws IOException {
        close();
        disk.delete(file);
    }

    private Disk.File open() throws IOException {
        if (open == null) {
            throw new IOException(file + " is closed");
        }
        return open;
    }

    @Override
    public String toString() {
        return file.toString();
    }
}
