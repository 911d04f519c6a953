// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Where the {@link BootSnapshot} is on disk: the current generation and the one before. One line says what it is, with the
 * SHA-256 of the rest; the rest is JSON, or AES-GCM of it. A file is written aside, forced and renamed, so that a crash
 * leaves the one before; only the owner may read it.
 */
final class BootSnapshotFile {

    private static final String CURRENT = "config.snapshot";
    private static final String PREVIOUS = "config.snapshot.previous";
    private static final String TEMPORARY = "config.snapshot.new";
    private static final String KIND = "config-snapshot 1 ";
    private static final Pattern HEADER = Pattern.compile("config-snapshot ([0-9]+) (plain|aes-gcm) ([0-9a-f]{64})");
    private static final int LONGEST_HEADER = 128;
    private static final int NONCE_BYTES = 12;
    private static final int TAG_BITS = 128;
    private static final Set<StandardOpenOption> REPLACE =
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);

    private final Path directory;
    private final String origin;
    private final @Nullable SecretKey key;

    /** Why a file is not used. */
    private static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1;

        RefusedException(String reason) {
            super(reason);
        }
    }

    /** @param snapshot null if there is no usable file; then {@code refusals} says why, if there is a file at all */
    record Found(@Nullable BootSnapshot snapshot, List<String> refusals) {}

    /**
     * @param origin which store the snapshot is of; a file of another one is refused
     * @param key encrypts the file; null to write plain text
     */
    BootSnapshotFile(Path directory, String origin, @Nullable SecretKey key) {
        this.directory = directory.toAbsolutePath();
        this.origin = origin;
        this.key = key;
    }

    /** The newest generation that is whole, of this store, and readable. */
    Found read() {
        List<String> refusals = new ArrayList<>();
        for (String name : List.of(CURRENT, PREVIOUS)) {
            Path file = directory.resolve(name);
            try {
                return new Found(read(file), refusals);
            } catch (NoSuchFileException e) {
                // Nothing was written yet, or a crash came between two renames.
            } catch (RefusedException e) {
                refusals.add(file + " " + e.getMessage());
            } catch (IOException e) {
                refusals.add(file + " cannot be read: " + e);
            }
        }
        return new Found(null, refusals);
    }

    private BootSnapshot read(Path file) throws IOException, RefusedException {
        byte[] bytes = Files.readAllBytes(file);
        int end = 0;
        while (end < bytes.length && end < LONGEST_HEADER && bytes[end] != '\n') {
            end++;
        }
        Matcher header = HEADER.matcher(new String(bytes, 0, end, StandardCharsets.ISO_8859_1));
        if (end == bytes.length || !header.matches()) {
            throw new RefusedException("is damaged, or no boot snapshot");
        }
        if (!"1".equals(header.group(1))) {
            throw new RefusedException("is of version " + header.group(1) + ", which is not known here");
        }
        byte[] body = Arrays.copyOfRange(bytes, end + 1, bytes.length);
        String form = header.group(2);
        if (!sum(form, body).equals(header.group(3))) {
            throw new RefusedException("is damaged: its checksum is wrong");
        }
        BootSnapshot snapshot = decode(form, body);
        if (!snapshot.origin().equals(origin)) {
            throw new RefusedException("is of another store: " + snapshot.origin());
        }
        return snapshot;
    }

    private BootSnapshot decode(String form, byte[] body) throws RefusedException {
        if (form.equals("plain") != (key == null)) {
            throw new RefusedException(
                    key == null ? "is encrypted, and no key is set" : "is not encrypted though a key is set");
        }
        try {
            return mapper().readValue(key == null ? body : decrypt(key, body), BootSnapshot.class);
        } catch (GeneralSecurityException e) {
            throw new RefusedException("cannot be decrypted: is it of another key?");
        } catch (JacksonException e) {
            throw new RefusedException("cannot be understood");
        }
    }

    /** What becomes of the generations on disk when a new one is written. */
    enum Earlier {
        /** The current one becomes the previous one. */
        KEEP_CURRENT,
        /** The current one is replaced, because only the time differs. */
        KEEP_PREVIOUS,
        /** Both are of no use any more. */
        KEEP_NONE
    }

    /** Makes this the current generation, durably. */
    void write(BootSnapshot snapshot, Earlier earlier) throws IOException {
        Files.createDirectories(directory, onlyForOwner("rwx------"));
        Path current = directory.resolve(CURRENT);
        Path previous = directory.resolve(PREVIOUS);
        Path temporary =
                directory.resolve(TEMPORARY + "." + ProcessHandle.current().pid());
        try {
            writeAndForce(temporary, encode(snapshot));
            if (earlier == Earlier.KEEP_NONE) {
                Files.deleteIfExists(previous);
            } else if (earlier == Earlier.KEEP_CURRENT && Files.exists(current)) {
                Files.move(current, previous, StandardCopyOption.ATOMIC_MOVE);
            }
            Files.move(temporary, current, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
        forceDirectory();
    }

    private byte[] encode(BootSnapshot snapshot) throws IOException {
        byte[] body = mapper().writeValueAsBytes(snapshot);
        String form = "plain";
        if (key != null) {
            form = "aes-gcm";
            body = encrypt(key, body);
        }
        byte[] header = (KIND + form + " " + sum(form, body) + "\n").getBytes(StandardCharsets.ISO_8859_1);
        return ByteBuffer.allocate(header.length + body.length)
                .put(header)
                .put(body)
                .array();
    }

    private void writeAndForce(Path file, byte[] bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, REPLACE, onlyForOwner("rw-------"))) {
            ByteBuffer left = ByteBuffer.wrap(bytes);
            while (left.hasRemaining()) {
                channel.write(left);
            }
            channel.force(true);
        }
    }

    /** So that the renames survive a power cut. Not every system can open a directory; there the rename must do. */
    private void forceDirectory() {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException notPossibleHere) {
            // The file itself is forced.
        }
    }

    private FileAttribute<?>[] onlyForOwner(String permissions) {
        return directory.getFileSystem().supportedFileAttributeViews().contains("posix")
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
                }
                : new FileAttribute<?>[0];
    }

    private static String sum(String form, byte[] body) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(form.getBytes(StandardCharsets.ISO_8859_1));
            return HexFormat.of().formatHex(digest.digest(body));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("Every Java has SHA-256", e);
        }
    }

    private static byte[] encrypt(SecretKey key, byte[] plain) throws IOException {
        byte[] nonce = new byte[NONCE_BYTES];
        new SecureRandom().nextBytes(nonce);
        try {
            byte[] encrypted = cipher(Cipher.ENCRYPT_MODE, key, nonce).doFinal(plain);
            return ByteBuffer.allocate(nonce.length + encrypted.length)
                    .put(nonce)
                    .put(encrypted)
                    .array();
        } catch (GeneralSecurityException e) {
            throw new IOException("The boot snapshot cannot be encrypted", e);
        }
    }

    private static byte[] decrypt(SecretKey key, byte[] body) throws GeneralSecurityException, RefusedException {
        if (body.length < NONCE_BYTES) {
            throw new RefusedException("is damaged: it is too short");
        }
        byte[] nonce = Arrays.copyOf(body, NONCE_BYTES);
        return cipher(Cipher.DECRYPT_MODE, key, nonce).doFinal(body, NONCE_BYTES, body.length - NONCE_BYTES);
    }

    private static Cipher cipher(int mode, SecretKey key, byte[] nonce) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, key, new GCMParameterSpec(TAG_BITS, nonce));
        return cipher;
    }

    private static JsonMapper mapper() {
        return JsonMapper.builder().build();
    }

    @Override
    public String toString() {
        return directory.resolve(CURRENT).toString();
    }
}
