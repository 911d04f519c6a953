// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import io.configmanager.store.ConfigStore;
import io.configmanager.store.ConfigStoreContract;
import java.time.Duration;

/** What a person and an accident do to the MongoDB store. */
abstract class MongoContract extends ConfigStoreContract {

    abstract TestMongo mongo();

    @Override
    protected ConfigStore openStore() {
        return mongo().builder().build();
    }

    @Override
    protected void wipe() {
        mongo().wipe();
    }

    @Override
    protected void putBehindItsBack(String namespace, String key, String value) {
        mongo().put(namespace, key, value);
    }

    @Override
    protected void deleteBehindItsBack(String namespace, String key) {
        mongo().delete(namespace, key);
    }

    @Override
    protected void cutFeeds() {
        mongo().proxy.cut();
    }

    @Override
    protected void compact() {
        mongo().compact();
    }

    @Override
    protected void replaceHistory() {
        mongo().replaceHistory();
    }

    @Override
    protected void ageReports(Duration by) {
        mongo().ageReports(by);
    }
}
