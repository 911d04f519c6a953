// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.store.postgres.PostgresConfigStore;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A real PostgreSQL that can be killed and started again on what it has written. Durable, as a user's is, which the embedded
 * one is not by default; and it notes when each transaction committed.
 */
final class PostgresServer implements AutoCloseable {

    /** How the connections of this program differ from those of the managers. */
    static final String OURS = "robustness";

    private final Path data;
    private int port;
    private @Nullable EmbeddedPostgres postgres;

    PostgresServer(Path data) throws IOException {
        this.data = data;
        start();
    }

    int port() {
        return port;
    }

    void start() throws IOException {
        EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder()
                .setDataDirectory(data)
                .setCleanDataDirectory(false)
                .setPGStartupWait(Duration.ofSeconds(60))
                .setServerConfig("listen_addresses", "127.0.0.1")
                .setServerConfig("max_connections", "120")
                .setServerConfig("shared_buffers", "32MB")
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("full_page_writes", "on")
                .setServerConfig("track_commit_timestamp", "on")
                .setServerConfig("deadlock_timeout", "200ms");
        if (port != 0) {
            builder.setPort(port);
        }
        postgres = builder.start();
        port = postgres.getPort();
    }

    /** Every process of the server dies at once, with what it has not written. */
    void kill() throws IOException {
        long pid = Long.parseLong(
                Files.readAllLines(data.resolve("postmaster.pid")).get(0).trim());
        ProcessHandle postmaster = ProcessHandle.of(pid).orElseThrow();
        List<ProcessHandle> all = postmaster.descendants().toList();
        postmaster.destroyForcibly();
        all.forEach(ProcessHandle::destroyForcibly);
        CompletableFuture<?>[] ends = all.stream().map(ProcessHandle::onExit).toArray(CompletableFuture<?>[]::new);
        CompletableFuture.allOf(ends).orTimeout(10, TimeUnit.SECONDS).join();
        postmaster.onExit().orTimeout(10, TimeUnit.SECONDS).join();
        stop();
    }

    /** Connections that lead past every fault but those of the server. */
    DataSource direct() {
        PGSimpleDataSource connections = (PGSimpleDataSource) PostgresConfigStore.unpooled(url(port), "postgres", null);
        connections.setApplicationName(OURS);
        return connections;
    }

    static String url(int port) {
        return "jdbc:postgresql://127.0.0.1:" + port + "/postgres";
    }

    /** A connection as soon as the server gives one. */
    Connection connect() throws SQLException {
        DataSource direct = direct();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            try {
                return direct.getConnection();
            } catch (SQLException e) {
                if (System.nanoTime() > deadline) {
                    throw e;
                }
                LockSupport.parkNanos(20_000_000);
            }
        }
    }

    @Override
    public void close() throws IOException {
        stop();
    }

    private void stop() throws IOException {
        EmbeddedPostgres running = postgres;
        postgres = null;
        if (running != null) {
            running.close();
        }
    }
}
