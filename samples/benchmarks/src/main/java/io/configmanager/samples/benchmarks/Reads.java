// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.configmanager.Config;
import io.configmanager.ConfigManager;
import io.configmanager.engine.ConfigManagerBuilder;
import io.configmanager.store.ConfigStore;
import io.etcd.jetcd.Client;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Reads from memory, measured by JMH; that they never wait; and what a read of the server costs. */
final class Reads implements Part {

    static final String TIME = "ns per read";
    static final String ERROR = "± ns";
    static final String ALLOCATED = "bytes allocated per read";
    static final String TIME_OF_TWO = "ns per read, 2 threads";
    static final String WAITS = "times that a reader waited or was blocked";

    /** The methods of the benchmark, and what the report calls them. */
    static final Map<String, String> NAMES = new LinkedHashMap<>();

    static {
        NAMES.put("volatileField", "volatile field");
        NAMES.put("injectedField", "**injected field**");
        NAMES.put("live", "**`Live<Integer>.get`**");
        NAMES.put("archaiusProperty", "Archaius2 `Property.get`");
        NAMES.put("concurrentHashMap", "bare `ConcurrentHashMap`");
        NAMES.put("caffeine", "bare Caffeine with statistics");
        NAMES.put("configGet", "**`config.get(key, Integer.class)`**");
        NAMES.put("configGetAbsent", "**… of an absent key, with a default**");
        NAMES.put("togglz", "Togglz `isActive`");
        NAMES.put("avajeConfig", "avaje-config `getInt`");
        NAMES.put("archaiusConfig", "Archaius2 `Config.getInteger`");
        NAMES.put("launchDarkly", "LaunchDarkly `intVariation`, test data");
        NAMES.put("springEnvironment", "Spring `Environment.getProperty(…, Integer.class)`");
    }

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        for (String method : NAMES.keySet()) {
            jmh(figures, quick, method, 1);
        }
        for (String method : List.of("live", "concurrentHashMap", "caffeine", "configGet", "avajeConfig")) {
            jmh(figures, quick, method, 2);
        }
        Optional<Etcd> etcd = Etcd.start(figures);
        try (Database database = Database.start(figures)) {
            waits(figures, database, quick);
            remote(figures, database, etcd, quick ? 200 : 3_000);
        } finally {
            if (etcd.isPresent()) {
                etcd.get().close();
            }
        }
    }

    private static void jmh(Figures figures, boolean quick, String method, int threads) throws RunnerException {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include("^" + ReadBenchmark.class.getName() + "\\." + method + "$")
                .addProfiler(GCProfiler.class)
                .verbosity(VerboseMode.SILENT)
                .shouldFailOnError(true)
                .threads(threads);
        if (quick) {
            TimeValue shortly = TimeValue.milliseconds(100);
            options.forks(1).warmupTime(shortly).measurementTime(shortly);
        }
        RunResult result = new Runner(options.build()).runSingle();
        Result<?> time = result.getPrimaryResult();
        if (threads > 1) {
            figures.add(TIME_OF_TWO, method, time.getScore());
            return;
        }
        figures.add(TIME, method, time.getScore());
        figures.add(ERROR, method, time.getScoreError());
        for (Result<?> secondary : result.getSecondaryResults().values()) {
            if (secondary.getLabel().endsWith("gc.alloc.rate.norm")) {
                figures.add(ALLOCATED, method, secondary.getScore());
            }
        }
    }

    /** Two threads read while a third commits without pause: the JVM counts how often they waited for anything. */
    private static void waits(Figures figures, Database database, boolean quick) throws Exception {
        int reads = quick ? 1_000_000 : 100_000_000;
        try (ConfigManager manager =
                        ConfigManagerBuilder.forStore(database.newStore()).build();
                ConfigStore writer = database.newStore()) {
            manager.connect();
            writer.commit(Database.commit("", "bench/key", 0));
            Config config = manager.namespace("");
            manager.sync(Duration.ofSeconds(10));
            // The first use loads the namespace, which does wait.
            config.get("bench/key", String.class);
            AtomicBoolean done = new AtomicBoolean();
            CountDownLatch loopsDone = new CountDownLatch(2);
            CountDownLatch counted = new CountDownLatch(1);
            Thread[] readers = new Thread[2];
            for (int i = 0; i < readers.length; i++) {
                readers[i] = new Thread(() -> {
                    for (int read = 0; read < reads; read++) {
                        if (config.get("bench/key", String.class).isEmpty()) {
                            throw new IllegalStateException("No value is empty");
                        }
                    }
                    loopsDone.countDown();
                    try {
                        counted.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                });
                readers[i].setDaemon(true);
                readers[i].start();
            }
            Thread end = new Thread(() -> {
                try {
                    loopsDone.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                done.set(true);
            });
            end.start();
            int writes = 0;
            while (!done.get()) {
                writer.commit(Database.commit("", "bench/key", ++writes));
            }
            ThreadMXBean threads = ManagementFactory.getThreadMXBean();
            int waits = 0;
            for (Thread reader : readers) {
                ThreadInfo info = threads.getThreadInfo(reader.getId());
                // The reader waits once by itself, to be counted.
                while (info.getThreadState() == Thread.State.RUNNABLE) {
                    info = threads.getThreadInfo(reader.getId());
                }
                waits += (int) (info.getBlockedCount() + info.getWaitedCount() - 1);
            }
            counted.countDown();
            figures.add("reads of the two readers", Figures.OURS, 2.0 * reads);
            figures.add("commits meanwhile", Figures.OURS, writes);
            figures.add(WAITS, Figures.OURS, waits);
        }
    }

    /** A read of the server: on purpose here, the only kind of read elsewhere. */
    private static void remote(Figures figures, Database database, Optional<Etcd> etcd, int reads) throws Exception {
        try (ConfigManager manager =
                        ConfigManagerBuilder.forStore(database.newStore()).build();
                Connection connection = database.connect();
                PreparedStatement select = connection.prepareStatement("SELECT value FROM bare WHERE key = ?")) {
            manager.connect();
            Config config = manager.namespace("");
            config.set("bench/key", "value");
            BareRoute.write(connection, "bench/key", 1);
            select.setString(1, "bench/key");
            Map<String, Callable<Object>> all = new LinkedHashMap<>();
            all.put(Figures.OURS, () -> config.latest("bench/key").orElseThrow());
            all.put(Figures.BARE, () -> {
                try (ResultSet row = select.executeQuery()) {
                    return row.next() ? row.getString(1) : "";
                }
            });
            if (etcd.isPresent()) {
                Client client = etcd.get().client();
                EtcdRoute.write(client, "bench/key", 1);
                all.put(
                        Figures.ETCD,
                        () -> client.getKVClient().get(Etcd.bytes("bench/key")).get());
            }
            Map<String, Samples> samples = new LinkedHashMap<>();
            for (int i = -reads / 5; i < reads; i++) {
                for (var read : all.entrySet()) {
                    long start = System.nanoTime();
                    read.getValue().call();
                    if (i >= 0) {
                        samples.computeIfAbsent(read.getKey(), who -> new Samples())
                                .add(System.nanoTime() - start);
                    }
                }
            }
            samples.forEach((who, times) -> figures.add("read from the server (`latest`)", who, times));
        }
    }
}
