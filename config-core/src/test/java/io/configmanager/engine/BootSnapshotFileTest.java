// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.configmanager.ConfigEntry;
import io.configmanager.ValueType;
import io.configmanager.engine.BootSnapshotFile.Earlier;
import io.configmanager.store.Position;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BootSnapshotFileTest {

    private static final String ORIGIN = "PostgreSQL public.config_entry at db:5432/app";
    private static final Instant TIME = Instant.parse("2026-01-01T00:00:00.123456789Z");

    @TempDir
    Path temporary;

    @Test
    void nothingIsFoundWhereNothingWasWritten() {
        BootSnapshotFile.Found found = file(null).read();
        assertThat(found.snapshot()).isNull();
        assertThat(found.refusals()).isEmpty();
    }

    @Test
    void whatIsWrittenIsRead() throws IOException {
        BootSnapshot written = snapshot(7, "grüße\n\"x\"");
        file(null).write(written, Earlier.KEEP_CURRENT);
        BootSnapshotFile.Found found = file(null).read();
        assertThat(found.refusals()).isEmpty();
        assertThat(found.snapshot()).isEqualTo(written);
    }

    @Test
    void onlyTheOwnerMayReadAndNothingElseIsLeft() throws IOException {
        file(null).write(snapshot(1, "a"), Earlier.KEEP_CURRENT);
        file(null).write(snapshot(2, "b"), Earlier.KEEP_CURRENT);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory())))
                .isEqualTo("rwx------");
        assertThat(directory().toFile().list())
                .containsExactlyInAnyOrder("config.snapshot", "config.snapshot.previous");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(current())))
                .isEqualTo("rw-------");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(previous())))
                .isEqualTo("rw-------");
    }

    /** C2. */
    @Test
    void aFileCutAnywhereIsRefusedAndThePreviousOneIsUsed() throws IOException {
        byte[] whole = twoGenerations(null);
        for (int length = 0; length < whole.length; length++) {
            Files.write(current(), Arrays.copyOf(whole, length));
            assertRefused("damaged", null);
        }
    }

    /** C2. */
    @Test
    void aFileWithABitOfAnyByteFlippedIsRefusedAndThePreviousOneIsUsed() throws IOException {
        for (SecretKey key : Arrays.asList(null, key(1))) {
            byte[] whole = twoGenerations(key);
            for (int i = 0; i < whole.length; i++) {
                byte[] flipped = whole.clone();
                flipped[i] ^= (byte) (1 << i % 8);
                Files.write(current(), flipped);
                assertRefused("", key);
            }
        }
    }

    @Test
    void filesOfAnotherStoreKindOrVersionAreRefused() throws IOException {
        file(null).write(snapshot(1, "a"), Earlier.KEEP_CURRENT);
        BootSnapshotFile other = new BootSnapshotFile(directory(), "another", null);
        assertThat(other.read().snapshot()).isNull();
        assertThat(other.read().refusals()).singleElement().asString().contains("another store", ORIGIN);

        byte[] whole = Files.readAllBytes(current());
        Files.writeString(
                current(),
                new String(whole, StandardCharsets.UTF_8).replaceFirst("config-snapshot 1", "config-snapshot 2"));
        assertThat(file(null).read().refusals()).singleElement().asString().contains("version 2");

        Files.writeString(current(), "{\"some\": \"json\"}\n");
        assertThat(file(null).read().refusals()).singleElement().asString().contains("no boot snapshot");
    }

    @Test
    void anEncryptedFileShowsNothingAndNeedsItsKey() throws IOException {
        file(key(1)).write(snapshot(1, "planted"), Earlier.KEEP_CURRENT);
        assertThat(new String(Files.readAllBytes(current()), StandardCharsets.ISO_8859_1))
                .doesNotContain("planted", "app/key", ORIGIN);
        assertThat(file(key(1)).read().snapshot()).isEqualTo(snapshot(1, "planted"));
        assertThat(file(key(2)).read().refusals()).singleElement().asString().contains("another key");
        assertThat(file(null).read().refusals()).singleElement().asString().contains("no key is set");
    }

    @Test
    void aPlainFileIsRefusedWhereAKeyIsSet() throws IOException {
        file(null).write(snapshot(1, "a"), Earlier.KEEP_CURRENT);
        assertThat(file(key(1)).read().refusals()).singleElement().asString().contains("not encrypted");
    }

    @Test
    void thePreviousGenerationGoesWhenItShallNotBeKept() throws IOException {
        twoGenerations(null);
        file(null).write(snapshot(3, "c"), Earlier.KEEP_NONE);
        assertThat(directory().toFile().list()).containsExactly("config.snapshot");
        assertThat(file(null).read().snapshot()).isEqualTo(snapshot(3, "c"));
    }

    @Test
    void aCrashBetweenTheRenamesLeavesThePreviousOne() throws IOException {
        file(null).write(snapshot(1, "a"), Earlier.KEEP_CURRENT);
        Files.move(current(), previous());
        Files.write(directory().resolve("config.snapshot.new.1"), new byte[10]);
        assertThat(file(null).read().snapshot()).isEqualTo(snapshot(1, "a"));
    }

    @Test
    void aWriteThatFailsLeavesWhatWasThere() throws IOException {
        file(null).write(snapshot(1, "a"), Earlier.KEEP_CURRENT);
        Files.createDirectory(directory()
                .resolve("config.snapshot.new." + ProcessHandle.current().pid()));
        assertThatThrownBy(() -> file(null).write(snapshot(2, "b"), Earlier.KEEP_CURRENT))
                .isInstanceOf(IOException.class);
        assertThat(file(null).read().snapshot()).isEqualTo(snapshot(1, "a"));
    }

    @Test
    void noValueIsInItsText() {
        assertThat(snapshot(1, "planted").toString()).doesNotContain("planted");
    }

    private void assertRefused(String why, SecretKey key) {
        BootSnapshotFile.Found found = file(key).read();
        assertThat(found.refusals()).singleElement().asString().contains(why);
        assertThat(found.snapshot()).isEqualTo(snapshot(1, "a"));
    }

    private byte[] twoGenerations(SecretKey key) throws IOException {
        file(key).write(snapshot(1, "a"), Earlier.KEEP_NONE);
        file(key).write(snapshot(2, "b"), Earlier.KEEP_CURRENT);
        return Files.readAllBytes(current());
    }

    private BootSnapshotFile file(SecretKey key) {
        return new BootSnapshotFile(directory(), ORIGIN, key);
    }

    private Path directory() {
        return temporary.resolve("made/when/needed");
    }

    private Path current() {
        return directory().resolve("config.snapshot");
    }

    private Path previous() {
        return directory().resolve("config.snapshot.previous");
    }

    private static SecretKey key(int first) {
        byte[] bytes = new byte[16];
        bytes[0] = (byte) first;
        return new SecretKeySpec(bytes, "AES");
    }

    private static BootSnapshot snapshot(long revision, String value) {
        ConfigEntry entry = new ConfigEntry(
                "", "app/key", value, "json", ValueType.STRING, 3, revision, TIME, TIME, TIME.plusSeconds(9), "me");
        return new BootSnapshot(
                ORIGIN,
                new Position(revision, "token"),
                TIME,
                List.of(
                        new BootSnapshot.Held("", true, List.of(entry)),
                        new BootSnapshot.Held("large", false, List.of())));
    }
}
