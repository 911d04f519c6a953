// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A real PostgreSQL in a directory of its own. A server that an earlier run left behind, because it was killed, is taken
 * over; one that another running quickstart owns is shared, and left running.
 */
final class OwnDatabase implements AutoCloseable {

    private static final int PORT_LINE = 3;

    private final Path ownerFile;
    private final @Nullable EmbeddedPostgres started;
    private final @Nullable ProcessHandle takenOver;
    private final int port;

    private OwnDatabase(
            Path ownerFile, @Nullable EmbeddedPostgres started, @Nullable ProcessHandle takenOver, int port) {
        this.ownerFile = ownerFile;
        this.started = started;
        this.takenOver = takenOver;
        this.port = port;
    }

    static OwnDatabase in(Path directory) throws IOException {
        Path absolute = directory.toAbsolutePath().normalize();
        Files.createDirectories(absolute);
        Path data = absolute.resolve("postgres");
        Path owner = absolute.resolve("owner.pid");
        Optional<ProcessHandle> running = server(data);
        if (running.isPresent()) {
            int port = Integer.parseInt(pidFile(data).get(PORT_LINE).strip());
            boolean owned =
                    Files.exists(owner) && process(Files.readString(owner)).isPresent();
            if (!owned) {
                own(owner);
            }
            return new OwnDatabase(owner, null, owned ? null : running.get(), port);
        }
        EmbeddedPostgres server;
        try {
            server = EmbeddedPostgres.builder()
                    .setDataDirectory(data)
                    .setCleanDataDirectory(false)
                    // The application context stops it, after everything that uses it.
                    .setRegisterShutdownHook(false)
                    .setServerConfig("listen_addresses", "127.0.0.1")
                    .start();
        } catch (IOException | IllegalStateException e) {
            throw new IllegalStateException(
                    "The embedded PostgreSQL did not start in " + data
                            + ". Give the quickstart another database with --spring.datasource.url=…; where root may not"
                            + " create user namespaces (unshare -U), run it as another user.",
                    e);
        }
        own(owner);
        return new OwnDatabase(owner, server, null, server.getPort());
    }

    int port() {
        return port;
    }

    String jdbcUrl() {
        return "jdbc:postgresql://127.0.0.1:" + port + "/postgres?user=postgres";
    }

    @Override
    public void close() throws IOException {
        if (started != null) {
            started.close();
        } else if (takenOver != null) {
            takenOver.destroy();
        } else {
            return;
        }
        Files.deleteIfExists(ownerFile);
    }

    private static void own(Path owner) throws IOException {
        Files.writeString(owner, Long.toString(ProcessHandle.current().pid()));
    }

    /** The process that serves the directory, if it still answers; its file survives a crash of the machine. */
    private static Optional<ProcessHandle> server(Path data) throws IOException {
        List<String> lines = pidFile(data);
        if (lines.size() <= PORT_LINE) {
            return Optional.empty();
        }
        Optional<ProcessHandle> process = process(lines.get(0));
        if (process.isEmpty()) {
            return process;
        }
        try (Socket socket = new Socket()) {
            socket.connect(
                    new InetSocketAddress(
                            "127.0.0.1", Integer.parseInt(lines.get(PORT_LINE).strip())),
                    2_000);
            return process;
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static List<String> pidFile(Path data) throws IOException {
        Path file = data.resolve("postmaster.pid");
        return Files.exists(file) ? Files.readAllLines(file) : List.of();
    }

    private static Optional<ProcessHandle> process(String pid) {
        try {
            return ProcessHandle.of(Long.parseLong(pid.strip())).filter(ProcessHandle::isAlive);
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }
}
