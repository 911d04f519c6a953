// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Reads everything that a test run prints, logs included, and fails the test class during which {@link #SECRET} was among
 * it. JUnit finds it by itself, in each module that has the test-jar of this one.
 */
public final class PlantedSecrets implements BeforeAllCallback, AfterAllCallback {

    /** What tests store as a secret, and wherever else a value must not be told. */
    public static final String SECRET = "hunter2";

    private static final List<String> FORMS = List.of(
            SECRET, Base64.getEncoder().withoutPadding().encodeToString(SECRET.getBytes(StandardCharsets.UTF_8)));

    private static final Queue<String> leaks = new ConcurrentLinkedQueue<>();
    private static final AtomicBoolean watching = new AtomicBoolean();

    /** The lines of a text that tell the secret, with a mark in its place. */
    public static List<String> leaksIn(String text) {
        List<String> found = new ArrayList<>();
        for (String line : text.split("\n")) {
            if (FORMS.stream().anyMatch(line::contains)) {
                found.add(FORMS.stream().reduce(line, (marked, form) -> marked.replace(form, "<<planted secret>>")));
            }
        }
        return found;
    }

    /** What was printed with the secret in it since the last time that this was asked. */
    public static List<String> takeLeaks() {
        List<String> taken = new ArrayList<>();
        for (String leak = leaks.poll(); leak != null; leak = leaks.poll()) {
            taken.add(leak);
        }
        return taken;
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        watch();
        // What is printed after the last class still counts.
        context.getRoot()
                .getStore(ExtensionContext.Namespace.create(PlantedSecrets.class))
                .computeIfAbsent("end", key -> (AutoCloseable) () -> requireNone("the run"));
    }

    @Override
    public void afterAll(ExtensionContext context) {
        requireNone(context.getDisplayName());
    }

    static void requireNone(String where) {
        List<String> found = takeLeaks();
        if (!found.isEmpty()) {
            throw new AssertionError(where + " printed a planted secret: " + String.join("\n", found));
        }
    }

    private static void watch() {
        if (watching.compareAndSet(false, true)) {
            System.setOut(watched(System.out));
            System.setErr(watched(System.err));
        }
    }

    private static PrintStream watched(PrintStream stream) {
        return new PrintStream(new Lines(stream), true, StandardCharsets.UTF_8);
    }

    /** Passes everything on and looks at each line. */
    private static final class Lines extends OutputStream {

        private final PrintStream stream;
        private final ByteArrayOutputStream line = new ByteArrayOutputStream();

        Lines(PrintStream stream) {
            this.stream = stream;
        }

        @Override
        public synchronized void write(int b) {
            stream.write(b);
            line.write(b);
            if (b == '\n') {
                leaks.addAll(leaksIn(line.toString(StandardCharsets.UTF_8)));
                line.reset();
            }
        }

        @Override
        public synchronized void write(byte[] bytes, int offset, int length) {
            stream.write(bytes, offset, length);
            for (int i = offset; i < offset + length; i++) {
                line.write(bytes[i]);
                if (bytes[i] == '\n') {
                    leaks.addAll(leaksIn(line.toString(StandardCharsets.UTF_8)));
                    line.reset();
                }
            }
        }

        @Override
        public void flush() {
            stream.flush();
        }
    }
}
