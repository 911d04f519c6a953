// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/** Asks before each step on another disk. */
class FaultyDisk implements Disk {

    /** What happens to the disk. Reading, listing and locking are not asked about. */
    enum Step {
        CREATE,
        APPEND,
        HALF_APPENDED,
        FORCE,
        TRUNCATE,
        RENAME,
        DELETE,
        FORCE_DIRECTORY
    }

    interface Fault {
        void before(Step step, Path path) throws IOException;
    }

    private final Disk disk;
    private final Fault fault;

    FaultyDisk(Disk disk, Fault fault) {
        this.disk = disk;
        this.fault = fault;
    }

    @Override
    public String typeOf(Path directory) throws IOException {
        return disk.typeOf(directory);
    }

    @Override
    public void createDirectory(Path directory) throws IOException {
        disk.createDirectory(directory);
    }

    @Override
    public List<String> list(Path directory) throws IOException {
        return disk.list(directory);
    }

    @Override
    public byte[] read(Path file) throws IOException {
        return disk.read(file);
    }

    @Override
    public File create(Path file) throws IOException {
        fault.before(Step.CREATE, file);
        return faulty(file, disk.create(file));
    }

    @Override
    public File open(Path file) throws IOException {
        return faulty(file, disk.open(file));
    }

    private File faulty(Path path, File file) {
        return new File() {
            @Override
            public void append(ByteBuffer bytes) throws IOException {
                fault.before(Step.APPEND, path);
                ByteBuffer half = bytes.slice(bytes.position(), bytes.remaining() / 2);
                bytes.position(bytes.position() + half.remaining());
                file.append(half);
                fault.before(Step.HALF_APPENDED, path);
                file.append(bytes);
            }

            @Override
            public void force() throws IOException {
                fault.before(Step.FORCE, path);
                file.force();
            }

            @Override
            public void truncate(long length) throws IOException {
                fault.before(Step.TRUNCATE, path);
                file.truncate(length);
            }

            @Override
            public void close() throws IOException {
                file.close();
            }
        };
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        fault.before(Step.RENAME, from);
        disk.rename(from, to);
    }

    @Override
    public void delete(Path path) throws IOException {
        fault.before(Step.DELETE, path);
        disk.delete(path);
    }

    @Override
    public void forceDirectory(Path directory) throws IOException {
        fault.before(Step.FORCE_DIRECTORY, directory);
        disk.forceDirectory(directory);
    }

    @Override
    public Closeable lock(Path directory) throws IOException {
        return disk.lock(directory);
    }
}
