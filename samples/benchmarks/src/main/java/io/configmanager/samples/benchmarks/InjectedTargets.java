// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import io.configmanager.spring.ConfigBindings;
import io.configmanager.spring.ConfigValue;
import io.configmanager.spring.ConfigValueAutoConfiguration;
import io.configmanager.spring.autoconfigure.ConfigManagerAutoConfiguration;
import io.configmanager.store.Commit;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.MemoryConfigStore;
import io.configmanager.store.Operation;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.tools.ToolProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.core.env.MapPropertySource;
import org.springframework.util.FileSystemUtils;

/** What injected fields cost: at the start, in memory, and when a million beans that had one are gone. */
final class InjectedTargets implements Part {

    static final String START = "start of a context with 1,000 fields in 100 beans, ms";
    static final String CPU = "… CPU time of it, ms";
    static final String BYTES = "memory of a field that follows, bytes";
    static final String LEFT = "heap left by 1,000,000 prototypes with a field, MB";
    static final String VALUE = "`@Value`";

    private static final int CLASSES = 100;
    private static final int FIELDS = 10;

    @ImportAutoConfiguration({ConfigValueAutoConfiguration.class, ConfigManagerAutoConfiguration.class})
    static class Application {}

    static class Plain {
        @SuppressWarnings("UnusedVariable")
        private volatile int number;
    }

    static class Following {
        @ConfigValue(key = "app/number", defaultValue = "1")
        @SuppressWarnings("UnusedVariable")
        private volatile int number;
    }

    private record Kind(String who, String beans, Samples times, Samples cpu) {

        Kind(String who, String beans) {
            this(who, beans, new Samples(), new Samples());
        }
    }

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        start(figures, quick ? 2 : 15);
        try (AnnotationConfigApplicationContext context = context()) {
            for (Class<?> type : List.of(Plain.class, Following.class)) {
                context.registerBean(type, definition -> definition.setScope(BeanDefinition.SCOPE_PROTOTYPE));
            }
            context.refresh();
            int held = quick ? 1_000 : 100_000;
            double[] bytes = new double[5];
            for (int i = 0; i < bytes.length; i++) {
                double plain = heapOf(context, Plain.class, held);
                bytes[i] = (heapOf(context, Following.class, held) - plain) / held;
                awaitTargets(context.getBean(ConfigBindings.class), 1);
            }
            Arrays.sort(bytes);
            figures.add(BYTES, Figures.OURS, bytes[bytes.length / 2]);
            left(figures, context, quick ? 10_000 : 1_000_000);
        }
        figures.note(
                "Medians of " + (quick ? 2 : 15) + " starts each, in turns, each in a JVM of its own; both have the"
                        + " starter with a store in memory that holds the keys. Memory of one"
                        + " of many targets of a key; the first one of a key adds its part of"
                        + " the index.");
    }

    private static AnnotationConfigApplicationContext context() {
        AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
        context.register(Application.class);
        MemoryConfigStore store = new MemoryConfigStore();
        List<Operation> operations = new ArrayList<>();
        for (int i = 0; i < CLASSES * FIELDS; i++) {
            operations.add(Database.put("", "app/k" + i, Integer.toString(i)));
        }
        store.commit(Commit.of(operations, null, null));
        context.registerBean(ConfigStore.class, () -> store);
        return context;
    }

    private static double heapOf(AnnotationConfigApplicationContext context, Class<?> type, int count) {
        context.getBean(type);
        Object[] held = new Object[count];
        long before = Heap.used();
        for (int i = 0; i < count; i++) {
            held[i] = context.getBean(type);
        }
        long after = Heap.used();
        if (held[count - 1] == null) {
            throw new IllegalStateException();
        }
        return after - before;
    }

    private static void left(Figures figures, AnnotationConfigApplicationContext context, int many) {
        ConfigBindings bindings = context.getBean(ConfigBindings.class);
        long targets = bindings.targets();
        for (int i = 0; i < 1_000; i++) {
            context.getBean(Following.class);
        }
        long before = Heap.used();
        for (int i = 0; i < many; i++) {
            context.getBean(Following.class);
        }
        awaitTargets(bindings, targets);
        figures.add(LEFT, Figures.OURS, Math.max(0, Heap.used() - before) / 1e6);
        figures.add("… targets left", Figures.OURS, (double) bindings.targets());
    }

    /** The JVM tells of garbage little by little. */
    private static void awaitTargets(ConfigBindings bindings, long most) {
        while (bindings.targets() > most) {
            System.gc();
        }
    }

    private static void start(Figures figures, int rounds) throws IOException, InterruptedException {
        Path classes = Files.createTempDirectory("benchmark-targets");
        try {
            generate(classes);
            List<Kind> kinds = List.of(new Kind(VALUE, "Value"), new Kind(Figures.OURS, "ConfigValue"));
            for (int round = -1; round < rounds; round++) {
                for (Kind kind : kinds) {
                    long[] nanos = start(classes, kind.beans());
                    if (round >= 0) {
                        kind.times().add(nanos[0]);
                        kind.cpu().add(nanos[1]);
                    }
                }
            }
            kinds.forEach(kind -> figures.add(START, kind.who(), kind.times().millis(50)));
            kinds.forEach(kind -> figures.add(CPU, kind.who(), kind.cpu().millis(50)));
        } finally {
            FileSystemUtils.deleteRecursively(classes);
        }
    }

    private static void generate(Path directory) throws IOException {
        List<String> arguments = new ArrayList<>(List.of(
                "-proc:none",
                "-d",
                directory.toString(),
                "-cp",
                ManagementFactory.getRuntimeMXBean().getClassPath()));
        for (int i = 0; i < CLASSES; i++) {
            for (boolean ours : List.of(true, false)) {
                String name = (ours ? "ConfigValue" : "Value") + "Bean" + i;
                StringBuilder source = new StringBuilder("public class " + name + " {\n");
                for (int j = 0; j < FIELDS; j++) {
                    int key = i * FIELDS + j;
                    source.append(
                            ours
                                    ? "@io.configmanager.spring.ConfigValue(key = \"app/k" + key
                                            + "\", defaultValue = \"1\")"
                                    : "@org.springframework.beans.factory.annotation.Value(\"${app.k" + key + ":1}\")");
                    source.append(" int field").append(j).append(";\n");
                }
                Path file = directory.resolve(name + ".java");
                Files.writeString(file, source.append("}\n"));
                arguments.add(file.toString());
            }
        }
        int result = ToolProvider.getSystemJavaCompiler().run(null, null, null, arguments.toArray(String[]::new));
        if (result != 0) {
            throw new IllegalStateException("The beans cannot be compiled");
        }
    }

    private static long[] start(Path classes, String kind) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Machine.java(),
                        "-cp",
                        ManagementFactory.getRuntimeMXBean().getClassPath() + File.pathSeparator + classes,
                        Child.class.getName(),
                        kind)
                .redirectErrorStream(true)
                .start();
        StringBuilder output = new StringBuilder();
        long[] nanos = {};
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                output.append(line).append('\n');
                if (line.startsWith("nanos ")) {
                    nanos = Arrays.stream(line.substring("nanos ".length()).split(" "))
                            .mapToLong(Long::parseLong)
                            .toArray();
                }
            }
        }
        if (process.waitFor() != 0 || nanos.length != 2) {
            throw new IllegalStateException("The application did not start:\n" + output);
        }
        return nanos;
    }

    /** Starts an application with one kind of beans and says how long that took. */
    static final class Child {

        private Child() {}

        public static void main(String[] arguments) throws Exception {
            OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
            long begin = System.nanoTime();
            long cpu = system.getProcessCpuTime();
            try (AnnotationConfigApplicationContext context = context()) {
                context.getEnvironment()
                        .getPropertySources()
                        .addLast(new MapPropertySource(
                                "keys",
                                IntStream.range(0, CLASSES * FIELDS)
                                        .boxed()
                                        .collect(Collectors.toMap(i -> "app.k" + i, i -> i))));
                for (int i = 0; i < CLASSES; i++) {
                    context.registerBean(Class.forName(arguments[0] + "Bean" + i));
                }
                context.refresh();
                long took = System.nanoTime() - begin;
                System.out.println("nanos " + took + " " + (system.getProcessCpuTime() - cpu));
            }
        }
    }
}
