// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Without a replica set, where a store has neither transactions nor announcements; always in this process. */
class MongoStandaloneContractTest extends MongoContract {

    private static ReplicaSetServer server;
    private static TestMongo shared;

    @BeforeAll
    static void connect() {
        server = ReplicaSetServer.startStandalone();
        shared = new TestMongo(MongoStandaloneContractTest.class, server.uri());
    }

    @AfterAll
    static void close() {
        shared.close();
        server.close();
    }

    @Override
    TestMongo mongo() {
        return shared;
    }
}
