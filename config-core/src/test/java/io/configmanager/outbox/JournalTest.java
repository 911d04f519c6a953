// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import io.configmanager.outbox.Journal.Record;
import io.configmanager.outbox.Journal.Settings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalTest {

    private static final String ORIGIN = "PostgreSQL public.config_entry at db:5432/app";

    @TempDir
    Path temporary;

    private final List<Journal> open = new ArrayList<>();

    @AfterEach
    void close() {
        open.forEach(Journal::close);
    }

    @Test
    void whatIsAppendedIsReadBack() throws IOException {
        Journal journal = claim();
        journal.append(List.of(live(1, "a"), live(2, "b")));
        journal.append(List.of(done(1)));
        journal.appendLazily(live(2, "b2"));
        journal.close();
        Journal again = claim();
        assertThat(texts(again.recovered())).containsExactly("1:a", "2:b", "1 done", "2:b2");
        assertThat(again.problems()).isEmpty();
        assertThat(again.directory()).isEqualTo(base().resolve("0"));
    }

    @Test
    void whenAllIsFinishedNothingStays() throws IOException {
        Journal journal = claim();
        journal.append(List.of(live(1, "a")));
        assertThat(journal.bytes()).isPositive();
        journal.appendLazily(done(1));
        journal.close();
        assertThat(names("0")).containsExactly("lock");
    }

    @Test
    void onlyTheOwnerMayReadAlsoInADirectoryThatExists() throws IOException {
        Files.createDirectories(base());
        Files.setPosixFilePermissions(base(), PosixFilePermissions.fromString("rwxrwxrwx"));
        claim().append(List.of(live(1, "a")));
        for (String name : List.of("", "0")) {
            assertThat(permissions(base().resolve(name))).isEqualTo("rwx------");
        }
        for (String name : List.of("lock", "seg-0.log")) {
            assertThat(permissions(base().resolve("0").resolve(name))).isEqualTo("rw-------");
        }
    }

    private static String permissions(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    private Journal claim() throws IOException {
        return claim(new FileDisk());
    }

    private Journal claim(Disk disk) throws IOException {
        Journal journal = Journal.claim(base(), new Settings(ORIGIN, Settings.SEGMENT_BYTES), disk);
        open.add(journal);
        return journal;
    }

    private Path base() {
        return temporary.resolve("outbox");
    }

    private List<String> names(String directory) throws IOException {
        return new FileDisk().list(base().resolve(directory));
    }

    static Record live(long sequence, String text) {
        return new Record(Journal.LIVE, sequence, text.getBytes(StandardCharsets.UTF_8));
    }

    static Record done(long sequence) {
        return new Record(Journal.DONE, sequence, new byte[0]);
    }

    static List<String> texts(List<Record> records) {
        return records.stream()
                .map(value -> value.type() == Journal.DONE
                        ? value.sequence() + " done"
                        : value.sequence() + ":" + new String(value.payload(), StandardCharsets.UTF_8))
                .toList();
    }
}
