// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TcpProxyTest {

    private static final int PATIENCE_MILLIS = 10_000;
    private static final int MOMENT_MILLIS = 200;

    private final ByteArrayOutputStream received = new ByteArrayOutputStream();
    private final List<AutoCloseable> opened = new ArrayList<>();
    private TcpProxy proxy;

    @BeforeEach
    void startEchoServer() throws IOException {
        ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        opened.add(server);
        inBackground(() -> {
            while (true) {
                Socket connection = server.accept();
                inBackground(() -> echo(connection));
            }
        });
        proxy = new TcpProxy("127.0.0.1", server.getLocalPort());
        opened.add(proxy);
    }

    @AfterEach
    void closeAll() throws Exception {
        for (AutoCloseable closeable : opened) {
            closeable.close();
        }
    }

    @Test
    void passesEverythingOn() throws Exception {
        Socket one = connect();
        Socket two = connect();

        assertThat(ask(one, "hello")).isEqualTo("hello");
        assertThat(ask(two, "x".repeat(100_000))).hasSize(100_000);
        assertThat(ask(one, "again")).isEqualTo("again");
    }

    @Test
    void endOfTheClientIsTheEndForTheServer() throws Exception {
        Socket client = connect();
        ask(client, "hello");
        client.close();

        assertThat(ask(connect(), "next")).isEqualTo("next");
    }

    @Test
    void cutEndsCurrentConnectionsOnly() throws Exception {
        Socket client = connect();
        ask(client, "hello");

        proxy.cut();

        assertEnded(client);
        assertThat(ask(connect(), "hello")).isEqualTo("hello");
    }

    @Test
    void refuseEndsNewConnectionsOnly() throws Exception {
        Socket current = connect();
        ask(current, "hello");

        proxy.refuse(true);
        assertThat(ask(current, "still")).isEqualTo("still");
        assertThatThrownBy(() -> ask(connect(), "hello")).isInstanceOf(IOException.class);

        proxy.refuse(false);
        assertThat(ask(connect(), "hello")).isEqualTo("hello");
    }

    @Test
    void freezeHoldsEverythingBack() throws Exception {
        Socket current = connect();
        ask(current, "hello");

        proxy.freeze(true);
        Socket fresh = connect();
        assertSilentAfter(current, "a");
        assertSilentAfter(fresh, "b");

        proxy.freeze(false);
        assertThat(read(current, 1)).isEqualTo("a");
        assertThat(read(fresh, 1)).isEqualTo("b");
    }

    @Test
    void cutEndsFrozenConnections() throws Exception {
        Socket client = connect();
        ask(client, "hello");
        proxy.freeze(true);
        assertSilentAfter(client, "a");

        proxy.cut();

        assertEnded(client);
    }

    @Test
    void delayHoldsEachDirectionBack() throws Exception {
        Socket client = connect();
        ask(client, "hello");
        proxy.delay(Duration.ofMillis(100));
        long start = System.nanoTime();

        assertThat(ask(client, "slow")).isEqualTo("slow");

        assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThanOrEqualTo(Duration.ofMillis(200));
        proxy.delay(Duration.ZERO);
        assertThat(ask(client, "fast")).isEqualTo("fast");
    }

    @Test
    void anAnswerIsLostAfterMatchingBytes() throws Exception {
        Socket client = connect();
        ask(client, "COMMIT");
        received.reset();

        CompletableFuture<Void> cut = proxy.cutAfterClientBytesMatching("COMMIT");
        assertThat(ask(client, "BEGIN;COM")).isEqualTo("BEGIN;COM");
        send(client, "MIT;");

        cut.get(PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
        assertEnded(client);
        assertThat(received.toString(UTF_8)).isEqualTo("BEGIN;COMMIT;");
        assertThat(ask(connect(), "COMMIT")).isEqualTo("COMMIT");
    }

    @Test
    void closeEndsEverything() throws Exception {
        Socket client = connect();
        ask(client, "hello");

        proxy.close();
        proxy.close();

        assertEnded(client);
        assertThatThrownBy(this::connect).isInstanceOf(IOException.class);
    }

    @Test
    void aServerThatIsNotThereEndsTheConnection() throws Exception {
        int nobody;
        try (ServerSocket closed = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            nobody = closed.getLocalPort();
        }
        try (TcpProxy toNobody = new TcpProxy("127.0.0.1", nobody)) {
            assertThatThrownBy(() -> ask(connect(toNobody), "hello")).isInstanceOf(IOException.class);
        }
    }

    private Socket connect() throws IOException {
        return connect(proxy);
    }

    private Socket connect(TcpProxy to) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), to.port());
        socket.setSoTimeout(PATIENCE_MILLIS);
        opened.add(socket);
        return socket;
    }

    private static String ask(Socket client, String text) throws IOException {
        send(client, text);
        return read(client, text.length());
    }

    private static void send(Socket client, String text) throws IOException {
        client.getOutputStream().write(text.getBytes(UTF_8));
    }

    private static String read(Socket client, int length) throws IOException {
        byte[] bytes = client.getInputStream().readNBytes(length);
        if (bytes.length < length) {
            throw new SocketException("The connection ended");
        }
        return new String(bytes, UTF_8);
    }

    private static void assertSilentAfter(Socket client, String text) throws IOException {
        send(client, text);
        client.setSoTimeout(MOMENT_MILLIS);
        assertThatThrownBy(() -> read(client, 1)).isInstanceOf(SocketTimeoutException.class);
        client.setSoTimeout(PATIENCE_MILLIS);
    }

    private static void assertEnded(Socket client) {
        assertThatThrownBy(() -> read(client, 1))
                .isInstanceOf(IOException.class)
                .isNotInstanceOf(SocketTimeoutException.class);
    }

    private void echo(Socket connection) throws IOException {
        try (connection) {
            byte[] buffer = new byte[1024];
            for (int length = connection.getInputStream().read(buffer);
                    length >= 0;
                    length = connection.getInputStream().read(buffer)) {
                received.write(buffer, 0, length);
                connection.getOutputStream().write(buffer, 0, length);
            }
        }
    }

    /** Runs until its socket is closed. */
    private static void inBackground(Talk talk) {
        Thread thread = new Thread(
                () -> {
                    try {
                        talk.run();
                    } catch (IOException e) {
                        // The test is over, or has cut the connection.
                    }
                },
                "echo");
        thread.setDaemon(true);
        thread.start();
    }

    private interface Talk {
        void run() throws IOException;
    }
}
