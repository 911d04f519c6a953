// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A TCP proxy on 127.0.0.1 that breaks connections to a real server on demand. Safe for any thread; what a method asks
 * for is in force when it returns.
 */
public final class TcpProxy implements AutoCloseable {

    private static final int CONNECT_TIMEOUT_MILLIS = 5_000;

    private final InetSocketAddress target;
    private final ServerSocket server;
    private final Thread acceptor;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Set<Link> links = new LinkedHashSet<>();
    private boolean refusing;
    private boolean frozen;
    private boolean closed;
    private long delayNanos;
    private @Nullable Trap trap;

    /** Starts to forward connections to this server. */
    public TcpProxy(String host, int port) {
        target = new InetSocketAddress(host, port);
        try {
            server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        acceptor = start(this::accept, "accept");
    }

    /** Where to connect to instead of the server. */
    public int port() {
        return server.getLocalPort();
    }

    /** Closes all current connections; new ones are accepted. */
    public void cut() {
        List<Link> current;
        lock.lock();
        try {
            current = List.copyOf(links);
        } finally {
            lock.unlock();
        }
        current.forEach(Link::close);
    }

    /** While on, new connections are closed at once; current ones go on. */
    public void refuse(boolean on) {
        change(() -> refusing = on);
    }

    /**
     * While on, connections stay open but nothing passes in either direction, and new connections are accepted but
     * silent, as behind a firewall that drops packets. What was held back passes when it is off again.
     */
    public void freeze(boolean on) {
        change(() -> frozen = on);
    }

    /** Holds back each piece of data in each direction; zero to stop that. */
    public void delay(Duration delay) {
        long nanos = TimeUnit.NANOSECONDS.convert(delay);
        change(() -> delayNanos = nanos);
    }

    /**
     * Cuts one connection after these bytes: they are forwarded to the server with what is sent along with them, and when
     * the server answers, that answer is dropped and the connection closed. So the server has done what the bytes asked
     * for, and the client cannot know. Works once, for bytes that a client sends from now on; of a protocol that sends
     * several requests without waiting for answers, the next answer counts.
     *
     * @return is done when the connection was cut
     */
    public CompletableFuture<Void> cutAfterClientBytesMatching(byte[] sequence) {
        Trap set = new Trap(sequence.clone());
        change(() -> trap = set);
        return set.sprung;
    }

    /** The same for the bytes of a text. */
    public CompletableFuture<Void> cutAfterClientBytesMatching(String text) {
        return cutAfterClientBytesMatching(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Closes all connections and the port. Idempotent. */
    @Override
    public void close() {
        change(() -> closed = true);
        closeQuietly(server);
        cut();
        try {
            // The system keeps the port open as long as the thread is about to leave its call.
            acceptor.join(CONNECT_TIMEOUT_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void change(Runnable change) {
        lock.lock();
        try {
            change.run();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void accept() {
        try {
            while (true) {
                Link link = new Link(server.accept());
                if (!register(link)) {
                    link.close();
                } else {
                    start(link::connectAndPump, "client");
                }
            }
        } catch (IOException e) {
            // The port was closed.
        }
    }

    private boolean register(Link link) {
        lock.lock();
        try {
            return !refusing && !closed && links.add(link);
        } finally {
            lock.unlock();
        }
    }

    private static Thread start(Runnable task, String what) {
        Thread thread = new Thread(task, "tcp-proxy-" + what);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private static void closeQuietly(@Nullable AutoCloseable closeable) {
        try {
            if (closeable != null) {
                closeable.close();
            }
        } catch (Exception e) {
            // It is of no more use either way.
        }
    }

    /** The bytes to wait for, and who wants to know that they came. */
    private static final class Trap {

        private final byte[] sequence;
        private final CompletableFuture<Void> sprung = new CompletableFuture<>();

        Trap(byte[] sequence) {
            this.sequence = sequence;
        }
    }

    /** One connection of a client and the one to the server that belongs to it. */
    private final class Link {

        private final Socket client;
        private final Socket upstream = new Socket();
        private volatile boolean ended;
        private volatile @Nullable Trap sprung;

        /** The last bytes from the client that may be the start of the sequence of {@link #watchedFor}. */
        private byte[] tail = new byte[0];

        private @Nullable Trap watchedFor;

        Link(Socket client) {
            this.client = client;
        }

        void connectAndPump() {
            try {
                client.setTcpNoDelay(true);
                if (mayPass()) {
                    upstream.connect(target, CONNECT_TIMEOUT_MILLIS);
                    upstream.setTcpNoDelay(true);
                    start(() -> pump(upstream, client, false), "server");
                    pump(client, upstream, true);
                }
            } catch (IOException e) {
                close();
            }
        }

        private void pump(Socket from, Socket to, boolean fromClient) {
            byte[] buffer = new byte[16 * 1024];
            try {
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream();
                for (int length = in.read(buffer); length >= 0 && mayPass(); length = in.read(buffer)) {
                    if (fromClient) {
                        springTrap(buffer, length);
                    } else if (sprung != null) {
                        break;
                    }
                    out.write(buffer, 0, length);
                }
            } catch (IOException e) {
                // The other side is told by closing both.
            } finally {
                close();
            }
        }

        /** Waits for the delay and while frozen; false if the connection was closed meanwhile. */
        private boolean mayPass() {
            lock.lock();
            try {
                long remaining = delayNanos;
                while (!ended && (remaining > 0 || frozen)) {
                    if (remaining > 0) {
                        remaining = changed.awaitNanos(remaining);
                    } else {
                        changed.await();
                    }
                }
                return !ended;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            } finally {
                lock.unlock();
            }
        }

        /** Done before the bytes are forwarded, so that no answer to them can slip through. */
        private void springTrap(byte[] bytes, int length) {
            lock.lock();
            try {
                Trap waiting = trap;
                if (waiting == null) {
                    return;
                }
                if (waiting != watchedFor) {
                    watchedFor = waiting;
                    tail = new byte[0];
                }
                byte[] seen = Arrays.copyOf(tail, tail.length + length);
                System.arraycopy(bytes, 0, seen, tail.length, length);
                if (contains(seen, waiting.sequence)) {
                    sprung = waiting;
                    trap = null;
                }
                tail = Arrays.copyOfRange(seen, Math.max(0, seen.length - waiting.sequence.length + 1), seen.length);
            } finally {
                lock.unlock();
            }
        }

        private boolean contains(byte[] bytes, byte[] sequence) {
            for (int i = 0; i + sequence.length <= bytes.length; i++) {
                if (Arrays.equals(bytes, i, i + sequence.length, sequence, 0, sequence.length)) {
                    return true;
                }
            }
            return false;
        }

        void close() {
            change(() -> {
                ended = true;
                links.remove(this);
            });
            try {
                // The client sees a reset, the server a normal end, so that it still reads what was forwarded.
                client.setSoLinger(true, 0);
            } catch (IOException e) {
                // It is closed already.
            }
            closeQuietly(client);
            closeQuietly(upstream);
            Trap done = sprung;
            if (done != null) {
                done.sprung.complete(null);
            }
        }
    }
}
