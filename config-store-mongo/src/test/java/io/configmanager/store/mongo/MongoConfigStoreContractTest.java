// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** On the server of the run. */
class MongoConfigStoreContractTest extends MongoContract {

    private static TestMongo shared;

    @BeforeAll
    static void connect() {
        shared = new TestMongo(MongoConfigStoreContractTest.class);
    }

    @AfterAll
    static void close() {
        shared.close();
    }

    @Override
    TestMongo mongo() {
        return shared;
    }
}
