// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/** A way to a local server that can be cut, and that counts what the server sends. */
final class Link implements AutoCloseable {

    private final ServerSocket door;
    private final int target;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private final AtomicLong received = new AtomicLong();
    private volatile boolean cut;

    Link(int target) throws IOException {
        this.target = target;
        this.door = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start(this::accept);
    }

    int port() {
        return door.getLocalPort();
    }

    /** Bytes that came from the server so far. */
    long received() {
        return received.get();
    }

    /** Ends every connection, and refuses new ones until it is restored. */
    void cut() {
        cut = true;
        sockets.forEach(this::end);
    }

    void restore() {
        cut = false;
    }

    @Override
    public void close() throws IOException {
        door.close();
        cut();
    }

    private void accept() {
        try {
            while (!door.isClosed()) {
                connect(door.accept());
            }
        } catch (IOException e) {
            // The door was closed.
        }
    }

    private void connect(Socket near) {
        sockets.add(near);
        if (cut) {
            end(near);
            return;
        }
        try {
            Socket far = new Socket(InetAddress.getLoopbackAddress(), target);
            sockets.add(far);
            start(() -> copy(near, far, bytes -> {}));
            start(() -> copy(far, near, received::addAndGet));
            near.setTcpNoDelay(true);
            far.setTcpNoDelay(true);
        } catch (IOException e) {
            // Cut in this moment.
            end(near);
        }
    }

    private void copy(Socket from, Socket to, LongConsumer counter) {
        byte[] buffer = new byte[65_536];
        try {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                counter.accept(count);
                out.write(buffer, 0, count);
            }
        } catch (IOException e) {
            // One of them ended; so does the other.
        }
        end(from);
        end(to);
    }

    private void end(Socket socket) {
        sockets.remove(socket);
        try {
            socket.close();
        } catch (IOException e) {
            // Then it is closed as well as it can be.
        }
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work, "link");
        thread.setDaemon(true);
        thread.start();
    }
}
