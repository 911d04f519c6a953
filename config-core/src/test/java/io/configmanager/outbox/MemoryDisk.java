// SPDX-License-Identifier: Apache-2.0
package io.configmanager.outbox;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** A disk that forgets at a power cut what was not forced, and also what a force that failed had to write. */
final class MemoryDisk implements Disk {

    private static final class Node {
        private byte[] seen = new byte[0];
        private byte[] durable = new byte[0];

        /** From where on the system has dropped what it should have written, while it still shows it. */
        private int dropped = Integer.MAX_VALUE;
    }

    private final Map<Path, Node> seen = new HashMap<>();
    private final Map<Path, Node> durable = new HashMap<>();
    private final Set<Path> locked = new HashSet<>();

    /** The power comes back: names that were not forced may be there or not, and bytes that were not forced, or zeros for them. */
    synchronized void powerCut(Random random) {
        Set<Path> names = new HashSet<>(seen.keySet());
        names.addAll(durable.keySet());
        for (Path name : names) {
            Node is = seen.get(name);
            Node was = durable.get(name);
            if (is != was && random.nextBoolean()) {
                if (was == null) {
                    seen.remove(name);
                } else {
                    seen.put(name, was);
                }
            }
        }
        for (Node node : seen.values()) {
            node.seen = survivor(node, random);
            node.durable = node.seen;
            node.dropped = Integer.MAX_VALUE;
        }
        durable.clear();
        durable.putAll(seen);
        locked.clear();
    }

    private static byte[] survivor(Node node, Random random) {
        byte[] longer = node.seen.length > node.durable.length ? node.seen : node.durable;
        int safe = Math.min(node.seen.length, node.durable.length);
        int kept = safe + random.nextInt(longer.length - safe + 1);
        byte[] survivor = Arrays.copyOf(longer, random.nextInt(3) == 0 ? longer.length : kept);
        if (kept < survivor.length) {
            Arrays.fill(survivor, kept, survivor.length, (byte) 0);
        }
        System.arraycopy(node.durable, 0, survivor, 0, safe);
        return survivor;
    }

    /** The process ends, and the system lives on. */
    synchronized void kill() {
        locked.clear();
    }

    @Override
    public String typeOf(Path directory) {
        return "memory";
    }

    @Override
    public void createDirectory(Path directory) {}

    @Override
    public synchronized List<String> list(Path directory) {
        return seen.keySet().stream()
                .filter(path -> directory.equals(path.getParent()))
                .map(path -> path.getFileName().toString())
                .sorted()
                .toList();
    }

    @Override
    public synchronized byte[] read(Path file) throws IOException {
        return node(file).seen.clone();
    }

    private Node node(Path file) throws IOException {
        Node node = seen.get(file);
        if (node == null) {
            throw new NoSuchFileException(file.toString());
        }
        return node;
    }

    @Override
    public synchronized File create(Path file) throws IOException {
        if (seen.putIfAbsent(file, new Node()) != null) {
            throw new FileAlreadyExistsException(file.toString());
        }
        return open(file);
    }

    @Override
    public synchronized File open(Path file) throws IOException {
        Node node = node(file);
        return new File() {
            @Override
            public void append(ByteBuffer bytes) {
                synchronized (MemoryDisk.this) {
                    int before = node.seen.length;
                    byte[] longer = Arrays.copyOf(node.seen, before + bytes.remaining());
                    bytes.get(longer, before, bytes.remaining());
                    node.seen = longer;
                }
            }

            @Override
            public void force() {
                synchronized (MemoryDisk.this) {
                    byte[] forced = node.seen.clone();
                    if (node.dropped < forced.length) {
                        Arrays.fill(forced, node.dropped, forced.length, (byte) 0);
                    }
                    node.durable = forced;
                }
            }

            @Override
            public void truncate(long length) {
                synchronized (MemoryDisk.this) {
                    node.seen = Arrays.copyOf(node.seen, (int) Math.min(length, node.seen.length));
                }
            }

            @Override
            public void close() {}
        };
    }

    /** What was not forced by now never will be. */
    synchronized void drop(Path file) throws IOException {
        Node node = node(file);
        node.dropped = Math.min(node.dropped, Math.min(node.durable.length, node.seen.length));
    }

    @Override
    public synchronized void rename(Path from, Path to) throws IOException {
        seen.put(to, node(from));
        seen.remove(from);
    }

    @Override
    public synchronized void delete(Path path) throws IOException {
        node(path);
        seen.remove(path);
    }

    @Override
    public synchronized void forceDirectory(Path directory) {
        durable.clear();
        durable.putAll(seen);
    }

    @Override
    public synchronized Closeable lock(Path directory) {
        return locked.add(directory) ? () -> unlock(directory) : null;
    }

    private synchronized void unlock(Path directory) {
        locked.remove(directory);
    }
}
