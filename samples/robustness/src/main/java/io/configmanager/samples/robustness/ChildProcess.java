// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A process of this program as its parent sees it: takes orders, answers, is paused and killed. */
final class ChildProcess implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final String name;
    private final Process process;
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();

    /** Starts the class's {@code main}; what it says to standard error goes to a file of that name. */
    ChildProcess(Path directory, String name, Class<?> main, List<String> options, List<String> arguments)
            throws IOException {
        this.name = name;
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(arguments);
        process = new ProcessBuilder(command)
                .redirectError(directory.resolve(name + ".err").toFile())
                .start();
        Thread reader = new Thread(this::listen, name);
        reader.setDaemon(true);
        reader.start();
    }

    void order(String order) {
        try {
            Writer in = process.outputWriter(StandardCharsets.UTF_8);
            in.write(order + "\n");
            in.flush();
        } catch (IOException e) {
            throw new IllegalStateException(name + " takes no orders", e);
        }
    }

    /** Waits for an answer that begins like this, and returns it. */
    String await(String beginning) throws InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            String answer = answers.poll(Math.max(1, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
            if (answer == null || answer.equals("end")) {
                throw new IllegalStateException(name + " did not answer '" + beginning + "' but " + answer);
            }
            if (answer.startsWith(beginning)) {
                return answer;
            }
        }
    }

    /** Stops the process where it is, or lets it go on. */
    void pause(boolean on) throws IOException, InterruptedException {
        new ProcessBuilder("kill", on ? "-STOP" : "-CONT", Long.toString(process.pid()))
                .start()
                .waitFor();
    }

    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    void awaitExit() throws InterruptedException {
        if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
            throw new IllegalStateException(name + " does not end");
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    private void listen() {
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                answers.add(line);
            }
        } catch (IOException e) {
            // It was killed.
        }
        answers.add("end");
    }
}
