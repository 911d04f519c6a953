// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import io.configmanager.outbox.Journal.Record;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A record on disk: {@code length | crc32c | type | sequence | payload}. The length counts what follows the checksum; the
 * checksum is of all but itself, so that zeros are no record. Records of one append count together or not at all: in
 * all but the last of them the type has the bit {@link #MORE}.
 */
final class RecordFormat {

    static final int OVERHEAD = 17;

    private static final int LENGTH_AND_SUM = 8;
    private static final int MORE = 0x80;

    private RecordFormat() {}

    /** A valid record and where it is. */
    record Located(Record value, int offset, boolean more) {

        int end() {
            return offset + size(value);
        }
    }

    /**
     * @param records all that are valid, in order
     * @param damaged where the first bytes are that are no record; -1 if there are none
     */
    record Content(List<Located> records, int length, int damaged) {

        /** Where the whole appends end, if nothing but an unfinished one follows; -1 if what is damaged lies before a record. */
        int wholeUntil() {
            int last = records.size() - 1;
            if (damaged >= 0 && last >= 0 && records.get(last).offset() > damaged) {
                return -1;
            }
            while (last >= 0 && records.get(last).more()) {
                last--;
            }
            return last < 0 ? 0 : records.get(last).end();
        }
    }

    static int size(Record value) {
        return OVERHEAD + value.payload().length;
    }

    /** Each list is one append. */
    static ByteBuffer encode(List<List<Record>> appends) {
        int size = appends.stream()
                .flatMap(List::stream)
                .mapToInt(RecordFormat::size)
                .reduce(0, Math::addExact);
        byte[] bytes = new byte[size];
        ByteBuffer out = ByteBuffer.wrap(bytes);
        for (List<Record> append : appends) {
            for (int i = 0; i < append.size(); i++) {
                int start = out.position();
                put(out, append.get(i), i < append.size() - 1);
                out.putInt(start + Integer.BYTES, sum(bytes, start, size(append.get(i)) - LENGTH_AND_SUM));
            }
        }
        return out.flip();
    }

    private static void put(ByteBuffer out, Record value, boolean more) {
        out.putInt(size(value) - LENGTH_AND_SUM)
                .putInt(0)
                .put((byte) (more ? value.type() | MORE : value.type()))
                .putLong(value.sequence())
                .put(value.payload());
    }

    static Content read(byte[] bytes) {
        List<Located> records = new ArrayList<>();
        int damaged = -1;
        int at = 0;
        while (at < bytes.length) {
            Located found = recordAt(bytes, at);
            if (found != null) {
                records.add(found);
                at = found.end();
            } else {
                damaged = damaged < 0 ? at : damaged;
                at = afterDamage(bytes, at);
            }
        }
        return new Content(records, bytes.length, damaged);
    }

    /** A payload may look like a record: where the length is credible, it is skipped whole. */
    private static int afterDamage(byte[] bytes, int at) {
        if (isCredible(bytes, at)) {
            int next = at + LENGTH_AND_SUM + ByteBuffer.wrap(bytes).getInt(at);
            if (recordAt(bytes, next) != null) {
                return next;
            }
        }
        int next = at + 1;
        while (next < bytes.length && recordAt(bytes, next) == null) {
            next++;
        }
        return next;
    }

    private static boolean isCredible(byte[] bytes, int at) {
        if (bytes.length - at < OVERHEAD) {
            return false;
        }
        int length = ByteBuffer.wrap(bytes).getInt(at);
        return length >= OVERHEAD - LENGTH_AND_SUM && length <= bytes.length - at - LENGTH_AND_SUM;
    }

    private static @Nullable Located recordAt(byte[] bytes, int at) {
        if (!isCredible(bytes, at)) {
            return null;
        }
        ByteBuffer in = ByteBuffer.wrap(bytes);
        int length = in.getInt(at);
        int type = bytes[at + LENGTH_AND_SUM] & 0xff;
        if ((type & ~MORE) > Journal.DONE || in.getInt(at + Integer.BYTES) != sum(bytes, at, length)) {
            return null;
        }
        long sequence = in.getLong(at + LENGTH_AND_SUM + 1);
        byte[] payload = Arrays.copyOfRange(bytes, at + OVERHEAD, at + LENGTH_AND_SUM + length);
        return new Located(new Record((byte) (type & ~MORE), sequence, payload), at, (type & MORE) != 0);
    }

    private static int sum(byte[] bytes, int at, int length) {
        CRC32C sum = new CRC32C();
        sum.update(bytes, at, Integer.BYTES);
        sum.update(bytes, at + LENGTH_AND_SUM, length);
        return (int) sum.getValue();
    }
}
