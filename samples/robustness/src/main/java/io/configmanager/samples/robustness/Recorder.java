// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Writes records to a file: one line each, fields separated by tabs, the first one the kind. Every record is handed to the
 * system at once, so it survives the end of this process, also a violent one. The file must not exist: the records of two
 * runs cannot be judged as one.
 */
final class Recorder implements AutoCloseable {

    private final BufferedWriter out;
    private final ReentrantLock lock = new ReentrantLock();

    Recorder(Path file) {
        try {
            out = Files.newBufferedWriter(
                    file, StandardCharsets.UTF_8, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void write(String kind, Object... fields) {
        StringBuilder line = new StringBuilder(kind);
        for (Object field : fields) {
            line.append('\t').append(field);
        }
        line.append('\n');
        lock.lock();
        try {
            out.append(line);
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            out.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            lock.unlock();
        }
    }
}
