// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.store.TcpProxy;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A client as its parent sees it: one process after the other, and the link to the server. */
final class ClientProcess implements AutoCloseable {

    private final Path directory;
    private final int number;
    private final Settings settings;
    final TcpProxy link;
    private int incarnation;
    private @Nullable ChildProcess process;

    ClientProcess(Path directory, int number, Settings settings, int serverPort) {
        this.directory = directory;
        this.number = number;
        this.settings = settings;
        this.link = new TcpProxy("127.0.0.1", serverPort);
    }

    /** Starts the next incarnation; does not wait until it is ready. */
    void start() throws IOException {
        incarnation++;
        String name = "client-" + number + "." + incarnation;
        process = new ChildProcess(
                directory,
                name,
                Client.class,
                List.of(
                        "-Xmx128m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Dorg.slf4j.simpleLogger.logFile=" + directory.resolve(name + ".log"),
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                        "-Dorg.slf4j.simpleLogger.log.io.configmanager=info",
                        "-Dorg.slf4j.simpleLogger.showDateTime=true"),
                List.of(
                        directory.toString(),
                        Integer.toString(number),
                        Integer.toString(incarnation),
                        settings.store().name(),
                        Long.toString(settings.seed()),
                        Long.toString(settings.load().toMillis()),
                        Integer.toString(link.port())));
    }

    /** The incarnation that was started last. */
    ChildProcess process() {
        ChildProcess current = process;
        if (current == null) {
            throw new IllegalStateException("Client " + number + " was not started");
        }
        return current;
    }

    @Override
    public void close() {
        ChildProcess last = process;
        if (last != null) {
            last.close();
        }
        link.close();
    }
}
