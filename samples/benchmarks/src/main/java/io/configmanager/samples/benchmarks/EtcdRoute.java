// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import io.etcd.jetcd.Client;
import io.etcd.jetcd.options.WatchOption;
import io.etcd.jetcd.watch.WatchEvent;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutionException;

/** A put with one client, and a watch of another. */
final class EtcdRoute implements Route {

    private final Arrivals arrivals = new Arrivals();
    private final Client writer;
    private final Client watcher;

    EtcdRoute(Etcd etcd) throws InterruptedException {
        writer = etcd.client();
        watcher = etcd.client();
        Etcd.watch(watcher, "bench/", WatchOption.builder().isPrefix(true), events -> {
            for (WatchEvent event : events) {
                arrivals.arrived(Long.parseLong(event.getKeyValue().getValue().toString(StandardCharsets.UTF_8)));
            }
        });
    }

    @Override
    public String who() {
        return Figures.ETCD;
    }

    @Override
    public void send(long number) throws ExecutionException, InterruptedException {
        write(writer, "bench/key-" + number % 100, number);
    }

    @Override
    public long received(long number) throws InterruptedException {
        return arrivals.await(number);
    }

    @Override
    public void close() {
        watcher.close();
        writer.close();
    }

    static void write(Client writer, String key, long number) throws ExecutionException, InterruptedException {
        writer.getKVClient()
                .put(Etcd.bytes(key), Etcd.bytes(Long.toString(number)))
                .get();
    }
}
