// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** How long a change takes from before its write until another instance shows it. */
final class Propagation implements Part {

    private static final int BLOCK = 100;

    private long number;

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        Optional<Etcd> etcd = Etcd.start(figures);
        try (Database database = Database.start(figures)) {
            List<Route> routes = new ArrayList<>(List.of(new OurRoute(database), new BareRoute(database)));
            if (etcd.isPresent()) {
                routes.add(new EtcdRoute(etcd.get()));
            }
            if (quick) {
                measure(figures, routes, 100, 1, 500);
            } else {
                measure(figures, routes, 2_000, 10, 5_000);
            }
        } finally {
            if (etcd.isPresent()) {
                etcd.get().close();
            }
        }
    }

    /** Measures the routes in turns and closes them. */
    void measure(Figures figures, List<Route> routes, int first, int blocks, int burst) throws Exception {
        for (Route route : routes) {
            for (int i = 0; i < first; i++) {
                send(route);
            }
        }
        spaced(figures, "a write per 10 ms", routes, blocks, 10_000_000);
        spaced(figures, "a write per 2 ms", routes, blocks, 2_000_000);
        burst(figures, routes, burst);
        for (Route route : routes) {
            route.close();
        }
    }

    /** In turns of a hundred, so that whatever else the machine does meets all. */
    private void spaced(Figures figures, String what, List<Route> routes, int blocks, long nanos) throws Exception {
        List<Samples> samples = new ArrayList<>();
        routes.forEach(route -> samples.add(new Samples()));
        for (int block = 0; block < blocks; block++) {
            for (int i = 0; i < routes.size(); i++) {
                for (int write = 0; write < BLOCK; write++) {
                    samples.get(i).add(send(routes.get(i)));
                    LockSupport.parkNanos(nanos);
                }
            }
        }
        for (int i = 0; i < routes.size(); i++) {
            figures.add(what, routes.get(i).who(), samples.get(i));
        }
    }

    private void burst(Figures figures, List<Route> routes, int writes) throws Exception {
        for (Route route : routes) {
            long first = number;
            long[] started = new long[writes];
            for (int i = 0; i < writes; i++) {
                started[i] = System.nanoTime();
                route.send(number++);
            }
            Samples samples = new Samples();
            for (int i = 0; i < writes; i++) {
                samples.add(route.received(first + i) - started[i]);
            }
            figures.add("writes back to back", route.who(), samples);
        }
    }

    private long send(Route route) throws Exception {
        long start = System.nanoTime();
        route.send(number);
        return route.received(number++) - start;
    }
}
