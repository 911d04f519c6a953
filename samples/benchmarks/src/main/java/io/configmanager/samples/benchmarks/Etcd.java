// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.options.WatchOption;
import io.etcd.jetcd.watch.WatchEvent;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.springframework.util.FileSystemUtils;

/** An etcd server of its own, durable as it is by default, in a directory that is removed afterwards. */
final class Etcd implements AutoCloseable {

    private final Process process;
    private final Path directory;
    private final int port;

    private Etcd(Process process, Path directory, int port) {
        this.process = process;
        this.directory = directory;
        this.port = port;
    }

    /** Starts it; empty, with a note in the report, where etcd is not installed. */
    static Optional<Etcd> start(Figures figures) throws Exception {
        Optional<Path> binary = Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .map(folder -> Path.of(folder, "etcd"))
                .filter(Files::isExecutable)
                .findFirst();
        if (binary.isEmpty()) {
            figures.note("etcd: not installed (Debian: `apt-get install etcd-server`), so not measured.");
            return Optional.empty();
        }
        Path directory = Files.createTempDirectory("benchmark-etcd");
        int port = freePort();
        String client = "http://127.0.0.1:" + port;
        String peer = "http://127.0.0.1:" + freePort();
        Process process = new ProcessBuilder(
                        binary.get().toString(),
                        "--data-dir=" + directory,
                        "--listen-client-urls=" + client,
                        "--advertise-client-urls=" + client,
                        "--listen-peer-urls=" + peer,
                        "--initial-advertise-peer-urls=" + peer,
                        "--initial-cluster=default=" + peer,
                        "--quota-backend-bytes=4294967296",
                        "--log-level=error")
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("log").toFile())
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        Etcd etcd = new Etcd(process, directory, port);
        try (Client ready = etcd.client()) {
            ready.getKVClient().put(bytes("ready"), bytes("yes")).get(10, TimeUnit.SECONDS);
        }
        figures.machine("etcd", version(binary.get()) + ", one node, on the same machine, fsync on");
        return Optional.of(etcd);
    }

    int port() {
        return port;
    }

    Client client() {
        return client(port);
    }

    static Client client(int port) {
        return Client.builder().endpoints("http://127.0.0.1:" + port).build();
    }

    /** Watches a key, or all that begin with it, and returns once the server knows. */
    static void watch(Client client, String key, WatchOption.Builder options, Consumer<List<WatchEvent>> events)
            throws InterruptedException {
        CountDownLatch created = new CountDownLatch(1);
        client.getWatchClient().watch(bytes(key), options.withCreateNotify(true).build(), response -> {
            created.countDown();
            events.accept(response.getEvents());
        });
        if (!created.await(10, TimeUnit.SECONDS)) {
            throw new IllegalStateException("etcd did not confirm a watch");
        }
    }

    static ByteSequence bytes(String text) {
        return ByteSequence.from(text, StandardCharsets.UTF_8);
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly();
        process.onExit().join();
        FileSystemUtils.deleteRecursively(directory);
    }

    private static String version(Path binary) throws IOException {
        Process process = new ProcessBuilder(binary.toString(), "--version").start();
        try (var output = process.inputReader(StandardCharsets.UTF_8)) {
            return Optional.ofNullable(output.readLine()).orElse("etcd").replace("etcd Version: ", "etcd ");
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
