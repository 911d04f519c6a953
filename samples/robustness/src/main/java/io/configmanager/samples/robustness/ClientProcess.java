// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.store.TcpProxy;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A client as its parent sees it: a process that is started, ordered about, paused and killed, and the link to the server. */
final class ClientProcess implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Path directory;
    private final int number;
    private final Settings settings;
    private final long loadStart;
    final TcpProxy link;
    private int incarnation;
    private @Nullable Process process;
    private BlockingQueue<String> answers = new LinkedBlockingQueue<>();

    ClientProcess(Path directory, int number, Settings settings, int serverPort, long loadStart) {
        this.directory = directory;
        this.number = number;
        this.settings = settings;
        this.loadStart = loadStart;
        this.link = new TcpProxy("127.0.0.1", serverPort);
    }

    /** Starts the next incarnation; does not wait until it is ready. */
    void start() throws IOException {
        incarnation++;
        String name = "client-" + number + "." + incarnation;
        Process started = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx128m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Dorg.slf4j.simpleLogger.logFile=" + directory.resolve(name + ".log"),
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                        "-Dorg.slf4j.simpleLogger.log.io.configmanager=info",
                        "-Dorg.slf4j.simpleLogger.showDateTime=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Client.class.getName(),
                        directory.toString(),
                        Integer.toString(number),
                        Integer.toString(incarnation),
                        Long.toString(settings.seed()),
                        Long.toString(settings.load().toMillis()),
                        Integer.toString(link.port()),
                        Long.toString(loadStart)))
                .redirectError(directory.resolve(name + ".err").toFile())
                .start();
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        answers = heard;
        process = started;
        Thread reader = new Thread(() -> listen(started, heard), name);
        reader.setDaemon(true);
        reader.start();
    }

    void order(String order) {
        try {
            Writer in = running().outputWriter(StandardCharsets.UTF_8);
            in.write(order + "\n");
            in.flush();
        } catch (IOException e) {
            throw new IllegalStateException("Client " + number + " takes no orders", e);
        }
    }

    /** Waits for an answer that begins like this, and returns it. */
    String await(String beginning) throws InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            String answer = answers.poll(Math.max(1, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
            if (answer == null || answer.equals("end")) {
                throw new IllegalStateException(
                        "Client " + number + " did not answer '" + beginning + "' but " + answer);
            }
            if (answer.startsWith(beginning)) {
                return answer;
            }
        }
    }

    /** Stops the process where it is, or lets it go on. */
    void pause(boolean on) throws IOException, InterruptedException {
        new ProcessBuilder(
                        "kill", on ? "-STOP" : "-CONT", Long.toString(running().pid()))
                .start()
                .waitFor();
    }

    void kill() throws InterruptedException {
        running().destroyForcibly().waitFor();
    }

    void awaitExit() throws InterruptedException {
        if (!running().waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
            throw new IllegalStateException("Client " + number + " does not end");
        }
    }

    @Override
    public void close() {
        Process last = process;
        if (last != null) {
            last.destroyForcibly();
        }
        link.close();
    }

    private Process running() {
        Process current = process;
        if (current == null) {
            throw new IllegalStateException("Client " + number + " was not started");
        }
        return current;
    }

    private static void listen(Process process, BlockingQueue<String> heard) {
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                heard.add(line);
            }
        } catch (IOException e) {
            // It was killed.
        }
        heard.add("end");
    }
}
