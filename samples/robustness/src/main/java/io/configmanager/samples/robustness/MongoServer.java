// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import com.mongodb.ConnectionString;
import io.configmanager.store.mongo.MongoNames;
import io.configmanager.store.mongo.ReplicaSetServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The replica set of a run: the one that {@code CONFIG_TEST_MONGODB_URI} names, which must have one member on this machine and
 * ask for no password, else the server of the store's tests in a process of its own. That one is no MongoDB, but can be told
 * to misbehave.
 */
final class MongoServer implements AutoCloseable {

    static final MongoNames NAMES = MongoNames.of("robustness");

    private static final String DONE = "done";

    private final @Nullable ChildProcess process;
    private final int port;

    MongoServer(Path directory) throws IOException {
        String uri = System.getenv("CONFIG_TEST_MONGODB_URI");
        if (uri != null && !uri.isBlank()) {
            String[] host = new ConnectionString(uri).getHosts().get(0).split(":");
            process = null;
            port = host.length == 1 ? 27017 : Integer.parseInt(host[1]);
            return;
        }
        List<String> options =
                List.of("-Xmx768m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error");
        process = new ChildProcess(directory, "server", MongoServer.class, options, List.of());
        try {
            port = Integer.parseInt(process.await("port").split(" ")[1]);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    int port() {
        return port;
    }

    /** Past the discovery of members, which would lead past a proxy. */
    static ConnectionString address(int port) {
        return new ConnectionString("mongodb://127.0.0.1:" + port + "/?directConnection=true");
    }

    /** Whether it takes orders. */
    boolean canMisbehave() {
        return process != null;
    }

    /** Returns when it is done. */
    void order(String order) throws InterruptedException {
        process().order(order);
        process().await(DONE);
    }

    /** Stops the process where it is, or lets it go on. */
    void pause(boolean on) throws IOException, InterruptedException {
        process().pause(on);
    }

    @Override
    public void close() {
        if (process != null) {
            process.close();
        }
    }

    private ChildProcess process() {
        if (process == null) {
            throw new IllegalStateException("A real server takes no orders");
        }
        return process;
    }

    /** The process: takes orders on its standard input and ends with it. */
    public static void main(String[] arguments) throws IOException {
        try (ReplicaSetServer server = ReplicaSetServer.start();
                BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            say("port " + server.port());
            for (String order = orders.readLine(); order != null; order = orders.readLine()) {
                obey(server, order.split(" "));
                say(DONE);
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private static void obey(ReplicaSetServer server, String[] order) {
        switch (order[0]) {
            case "stop" -> server.stop();
            case "start" -> server.startAgain();
            case "cut" -> server.cutConnections();
            case "forget-streams" -> server.forgetStreams();
            case "forget-events" -> server.truncateHistory();
            case "remove-expired" -> server.removeExpired();
            case "lose-answers" -> server.loseAnswers(order[1], Integer.parseInt(order[2]));
            case "fail" -> {
                String[] labels = order.length > 5 ? new String[] {order[5]} : new String[0];
                server.fail(order[1], Integer.parseInt(order[2]), Integer.parseInt(order[3]), order[4], labels);
            }
            case "heal" -> server.noMoreFaults();
            default -> throw new IllegalArgumentException(order[0]);
        }
    }

    private static void say(String what) {
        System.out.println(what);
        System.out.flush();
    }
}
