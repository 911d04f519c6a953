// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import java.io.IOException;
import java.nio.file.Path;

/** Which store a run is about, and so what stands behind the two interfaces that depend on it. */
enum Store {
    POSTGRES,
    MONGO;

    /** The server of a run, prepared: with the collections or tables, the first values, and somebody who notes commits. */
    Backend start(Path directory, Plan plan) throws IOException {
        return this == POSTGRES ? new PostgresBackend(plan) : new MongoBackend(directory, plan);
    }

    /** The store of a client that reaches the server at this port of this machine. */
    ClientStore client(int port) {
        return this == POSTGRES ? new PostgresClientStore(port) : new MongoClientStore(port);
    }
}
