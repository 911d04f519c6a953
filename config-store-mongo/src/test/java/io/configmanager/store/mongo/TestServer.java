// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestPlan;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.mongodb.MongoDBContainer;

/**
 * The server of the run, started once: the one that {@code CONFIG_TEST_MONGODB_URI} names, else a replica set in Docker,
 * else the one in this process. The choice is printed, and at the end what it did not prove.
 */
public final class TestServer {

    /** What takes several members that are made to fail, which no run has. */
    static final List<String> NEVER_PROVED = List.of(
            "a fail-over to another member loses no acknowledged commit (M3)",
            "what a former primary rolls back was never visible (M4)",
            "sharded clusters, TLS, and members whose clocks differ");

    /** What the server in this process only pretends, by what MongoDB 4.2.8 and 4.4.0 were seen to answer. */
    static final List<String> PROVED_BY_A_REAL_SERVER = List.of(
            "change streams, their events and resume points on the installed version of MongoDB (M1, M8, M9, M11)",
            "transactions that conflict under load in WiredTiger, also inside a Spring transaction",
            "an oplog that rolls over under a feed (M5), dropped and renamed collections (M6)",
            "the TTL monitor, which removes within a minute (M14)",
            "the roles that a user needs");

    /** Null until a server was chosen. */
    private static volatile Boolean real;

    private TestServer() {}

    /** Prints the closing lines of the run. */
    public static final class Report implements TestExecutionListener {

        @Override
        public void testPlanExecutionFinished(TestPlan plan) {
            if (real != null) {
                System.out.println(unproved(real));
            }
        }
    }

    static String unproved(boolean withRealServer) {
        StringBuilder text =
                new StringBuilder("MongoDB: not proved in any run, because no server has several members:\n");
        NEVER_PROVED.forEach(each -> text.append("  - ").append(each).append('\n'));
        if (!withRealServer) {
            text.append("MongoDB: not proved in this run, because its server is no MongoDB:\n");
            PROVED_BY_A_REAL_SERVER.forEach(
                    each -> text.append("  - ").append(each).append('\n'));
            text.append("  Set CONFIG_TEST_MONGODB_URI to a replica set, or start Docker, to prove these.\n");
        }
        return text.append("Faults are always played by the server in this process (MongoFaultsTest).")
                .toString();
    }

    /** Started with the first use. */
    private static final class Choice {
        private static final String URI = choose();
    }

    public static String uri() {
        return Choice.URI;
    }

    /** Whether the server of the run is a MongoDB. */
    public static boolean isReal() {
        return !Choice.URI.isEmpty() && real;
    }

    @SuppressWarnings("resource")
    private static String choose() {
        String given = System.getenv("CONFIG_TEST_MONGODB_URI");
        if (given != null && !given.isBlank()) {
            real = true;
            return say("the one of CONFIG_TEST_MONGODB_URI", given);
        }
        if (dockerAnswers()) {
            MongoDBContainer container = new MongoDBContainer("mongo:7.0").withReplicaSet();
            container.start();
            real = true;
            return say("a replica set in Docker", container.getReplicaSetUrl());
        }
        ReplicaSetServer server = ReplicaSetServer.start();
        real = false;
        return say("in this process; it is not MongoDB", server.uri());
    }

    private static boolean dockerAnswers() {
        // Testcontainers reports at length where there is nothing to ask.
        if (System.getenv("DOCKER_HOST") == null && !Files.exists(Path.of("/var/run/docker.sock"))) {
            return false;
        }
        try {
            return DockerClientFactory.instance().isDockerAvailable();
        } catch (RuntimeException | LinkageError e) {
            return false;
        }
    }

    private static String say(String what, String uri) {
        System.out.println("Server of the MongoDB tests: " + what);
        return uri;
    }
}
