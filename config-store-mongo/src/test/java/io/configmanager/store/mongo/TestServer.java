// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestPlan;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.mongodb.MongoDBContainer;

/**
 * The server of the run, started once: the one that {@code CONFIG_TEST_MONGODB_URI} names, else a replica set in Docker,
 * else the one in this process. The choice is printed, and at the end what it did not prove.
 */
public final class TestServer {

    /** What only a real replica set can prove. */
    private static final String UNPROVED = """
            Not proved in this run, because its server is no MongoDB:
              - a fail-over to another member loses no acknowledged commit (M3)
              - a write that is rolled back was never visible (M4)
              - a change stream and its errors on the installed version of MongoDB
              - transactions that conflict, under load, in WiredTiger
            Set CONFIG_TEST_MONGODB_URI to a replica set, or start Docker, to prove them.""";

    private static volatile boolean unproved;

    private TestServer() {}

    /** Prints the closing lines of the run. */
    public static final class Report implements TestExecutionListener {

        @Override
        public void testPlanExecutionFinished(TestPlan plan) {
            if (unproved) {
                System.out.println(UNPROVED);
            }
        }
    }

    /** Started with the first use. */
    private static final class Choice {
        private static final String URI = choose();
    }

    public static String uri() {
        return Choice.URI;
    }

    @SuppressWarnings("resource")
    private static String choose() {
        String given = System.getenv("CONFIG_TEST_MONGODB_URI");
        if (given != null && !given.isBlank()) {
            return say("the one of CONFIG_TEST_MONGODB_URI", given);
        }
        if (dockerAnswers()) {
            MongoDBContainer container = new MongoDBContainer("mongo:7.0").withReplicaSet();
            container.start();
            return say("a replica set in Docker", container.getReplicaSetUrl());
        }
        ReplicaSetServer server = ReplicaSetServer.start();
        unproved = true;
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
