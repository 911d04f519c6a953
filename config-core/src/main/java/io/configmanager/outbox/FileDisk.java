// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The file system of this machine. */
final class FileDisk implements Disk {

    private static final String LOCK = "lock";
    private static final String REGISTERED = "io.configmanager.outbox.locked:";

    @Override
    public String typeOf(Path directory) throws IOException {
        return Files.getFileStore(directory).type();
    }

    @Override
    public void createDirectory(Path directory) throws IOException {
        Files.createDirectories(directory, onlyForOwner(directory, "rwx------"));
        if (isPosix(directory)) {
            try {
                Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
            } catch (FileSystemException e) {
                // The root of a volume belongs to whoever has mounted it; what is made in it is for the owner only.
                if (!Files.isWritable(directory)) {
                    throw e;
                }
            }
        }
    }

    @Override
    public List<String> list(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (NoSuchFileException e) {
            return List.of();
        }
    }

    @Override
    public byte[] read(Path file) throws IOException {
        return Files.readAllBytes(file);
    }

    @Override
    public File create(Path file) throws IOException {
        return open(file, StandardOpenOption.CREATE_NEW);
    }

    @Override
    public File open(Path file) throws IOException {
        return open(file, StandardOpenOption.APPEND);
    }

    private static File open(Path file, OpenOption how) throws IOException {
        Set<OpenOption> options = Set.of(StandardOpenOption.WRITE, how);
        FileChannel channel = FileChannel.open(file, options, onlyForOwner(file, "rw-------"));
        return new File() {
            @Override
            public void append(ByteBuffer bytes) throws IOException {
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
            }

            @Override
            public void force() throws IOException {
                channel.force(false);
            }

            @Override
            public void truncate(long length) throws IOException {
                channel.truncate(length);
            }

            @Override
            public void close() throws IOException {
                channel.close();
            }
        };
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    }

    @Override
    public void delete(Path path) throws IOException {
        Files.delete(path);
    }

    @Override
    public void forceDirectory(Path directory) throws IOException {
        if (isPosix(directory)) { // elsewhere a directory cannot be opened
            try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    @Override
    public @Nullable Closeable lock(Path directory) throws IOException {
        // Closing any channel of a file gives up the locks that this process has on it. So the file must not even be
        // opened while another journal of this JVM holds it; the properties are what all class loaders share.
        Properties registry = System.getProperties();
        String registered = REGISTERED + directory.toRealPath();
        if (registry.putIfAbsent(registered, "") != null) {
            return null;
        }
        Closeable lock = null;
        try {
            lock = lockFile(directory.resolve(LOCK), () -> registry.remove(registered));
        } catch (NoSuchFileException e) {
            // Whoever held it has deleted it meanwhile.
        } finally {
            if (lock == null) {
                registry.remove(registered);
            }
        }
        return lock;
    }

    private static @Nullable Closeable lockFile(Path file, Runnable released) throws IOException {
        try {
            Files.createFile(file, onlyForOwner(file, "rw-------"));
        } catch (FileAlreadyExistsException e) {
            // Of a process that has ended, or that holds it.
        }
        Object key = key(file);
        FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
        boolean locked = false;
        try {
            locked = channel.tryLock() != null && Objects.equals(key, key(file));
        } finally {
            if (!locked) {
                channel.close();
            }
        }
        return locked
                ? () -> {
                    channel.close();
                    released.run();
                }
                : null;
    }

    private static @Nullable Object key(Path file) throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    }

    private static boolean isPosix(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix");
    }

    private static FileAttribute<?>[] onlyForOwner(Path path, String permissions) {
        return isPosix(path)
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
                }
                : new FileAttribute<?>[0];
    }
}
