// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import de.flapdoodle.embed.mongo.commands.MongodArguments;
import de.flapdoodle.embed.mongo.config.Storage;
import de.flapdoodle.embed.mongo.distribution.Version;
import de.flapdoodle.embed.mongo.transitions.Mongod;
import de.flapdoodle.embed.mongo.transitions.RunningMongodProcess;
import de.flapdoodle.embed.process.io.ProcessOutput;
import de.flapdoodle.reverse.TransitionWalker.ReachedState;
import de.flapdoodle.reverse.transitions.Start;
import io.configmanager.store.mongo.ReplicaSetServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.bson.Document;

/** A server that lives as long as the application: MongoDB where it can be downloaded, else one that stands in for it. */
final class OwnServer implements AutoCloseable {

    private static final Duration PROBE = Duration.ofSeconds(3);

    private final String uri;
    private final Runnable stop;

    private OwnServer(String uri, Runnable stop) {
        this.uri = uri;
        this.stop = stop;
    }

    /** MongoDB if that can be had in time. */
    static OwnServer start(Duration timeout) {
        if (!isDownloaded() && !isInternetThere()) {
            return inThisProcess();
        }
        System.out.println("Starting MongoDB; the first time it is downloaded (about 100 MB) …");
        CompletableFuture<OwnServer> started = CompletableFuture.supplyAsync(OwnServer::mongod);
        try {
            return started.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            CompletableFuture<Void> unused = started.thenAccept(OwnServer::close);
            System.out.println("MongoDB was not there within " + timeout.toSeconds() + " s.");
        } catch (ExecutionException e) {
            System.out.println("MongoDB did not start: " + e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return inThisProcess();
    }

    @SuppressWarnings("resource")
    static OwnServer inThisProcess() {
        System.out.print("""

                ************************************************************************
                *  THIS IS NOT MongoDB. No MONGODB_URI was given and MongoDB could not *
                *  be downloaded, so a small server in this process stands in for it:  *
                *  enough to try the library, no proof of how MongoDB behaves.         *
                *  It keeps its data in memory, and ends with this process.            *
                ************************************************************************
                """);
        ReplicaSetServer server = ReplicaSetServer.start();
        return new OwnServer(uri(server.port()), server::close);
    }

    String uri() {
        return uri;
    }

    @Override
    public void close() {
        stop.run();
    }

    private static OwnServer mongod() {
        ReachedState<RunningMongodProcess> running = Mongod.instance()
                .withMongodArguments(Start.to(MongodArguments.class)
                        .initializedWith(MongodArguments.defaults().withReplication(Storage.of("rs0", 64))))
                .withProcessOutput(Start.to(ProcessOutput.class).initializedWith(ProcessOutput.silent()))
                .start(Version.Main.V8_0);
        int port = running.current().getServerAddress().getPort();
        try (MongoClient client = MongoClients.create("mongodb://127.0.0.1:" + port + "/?directConnection=true")) {
            Document member = new Document("_id", 0).append("host", "127.0.0.1:" + port);
            client.getDatabase("admin")
                    .runCommand(new Document(
                            "replSetInitiate", new Document("_id", "rs0").append("members", List.of(member))));
        } catch (RuntimeException e) {
            running.close();
            throw e;
        }
        return new OwnServer(uri(port), running::close);
    }

    private static String uri(int port) {
        return "mongodb://127.0.0.1:" + port + "/quickstart?replicaSet=rs0";
    }

    /** Where Flapdoodle keeps what it has downloaded. */
    private static boolean isDownloaded() {
        String other = System.getenv("EMBEDDED_MONGO_ARTIFACTS");
        return Files.isDirectory(
                other == null ? Path.of(System.getProperty("user.home"), ".embedmongo") : Path.of(other));
    }

    private static boolean isInternetThere() {
        HttpRequest probe = HttpRequest.newBuilder(URI.create("https://fastdl.mongodb.org/"))
                .method("HEAD", BodyPublishers.noBody())
                .timeout(PROBE)
                .build();
        try {
            HttpClient.newBuilder().connectTimeout(PROBE).build().send(probe, BodyHandlers.discarding());
            return true;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
