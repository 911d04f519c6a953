// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** All that a {@link Journal} asks of a file system, so that tests can let any of it fail. Called by one thread. */
interface Disk {

    /** A file that is written from its start to its end. */
    interface File extends Closeable {

        /** Writes all bytes at the end of the file. */
        void append(ByteBuffer bytes) throws IOException;

        /** Returns when the content survives a power cut. After a failure the file must not be forced again. */
        void force() throws IOException;

        void truncate(long length) throws IOException;
    }

    /** The type of the file system, as the operating system calls it. */
    String typeOf(Path directory) throws IOException;

    /**
     * Makes the directory, with those above it, and lets only the owner in, also where it exists, unless it is somebody
     * else's that this process may write.
     */
    void createDirectory(Path directory) throws IOException;

    /** The names of the files and directories in it, or none if there is no such directory. */
    List<String> list(Path directory) throws IOException;

    byte[] read(Path file) throws IOException;

    /** Creates a file that does not exist yet and that only the owner may read. */
    File create(Path file) throws IOException;

    /** Opens a file that exists, to go on at its end. */
    File open(Path file) throws IOException;

    void rename(Path from, Path to) throws IOException;

    /** Deletes a file, or an empty directory. */
    void delete(Path path) throws IOException;

    /** Returns when the names in the directory survive a power cut. */
    void forceDirectory(Path directory) throws IOException;

    /**
     * Locks a directory for this process and this caller, by the file {@code lock} in it.
     *
     * @return releases the lock; null if another process, or another caller in this JVM, holds it
     */
    @Nullable
    Closeable lock(Path directory) throws IOException;
}
