// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.util.List;

/** {@link Propagation} on MongoDB. */
final class MongoPropagation implements Part {

    @Override
    public void run(Figures figures, boolean quick) throws Exception {
        try (Mongo mongo = Mongo.start(figures)) {
            List<Route> routes = List.of(new OurRoute(mongo.newStore(), mongo.newStore()), new BareMongoRoute(mongo));
            if (quick || !mongo.isReal()) {
                new Propagation().measure(figures, routes, 300, quick ? 1 : 5, 500);
            } else {
                new Propagation().measure(figures, routes, 2_000, 10, 5_000);
            }
        }
    }
}
