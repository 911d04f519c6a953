// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

import io.configmanager.Condition;
import io.configmanager.ValueType;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;

class MemoryConfigStoreContractTest extends ConfigStoreContract {

    private volatile Duration ahead = Duration.ZERO;
    private final MemoryConfigStore shared =
            new MemoryConfigStore(() -> InstantSource.system().instant().plus(ahead));

    @Override
    protected ConfigStore openStore() {
        return shared.another();
    }

    /** Nothing to do: the data is new with every test. */
    @Override
    protected void wipe() {}

    @Override
    protected void putBehindItsBack(String namespace, String key, String value) {
        Operation put = new Operation.Put(namespace, key, value, "json", ValueType.OBJECT, null, Condition.ALWAYS);
        shared.commit(Commit.of(List.of(put), null, null));
    }

    @Override
    protected void deleteBehindItsBack(String namespace, String key) {
        shared.commit(Commit.of(List.of(new Operation.Delete(namespace, key, Condition.ALWAYS)), null, null));
    }

    @Override
    protected void cutFeeds() {
        shared.cutFeeds();
    }

    @Override
    protected void compact() {
        shared.compact();
    }

    @Override
    protected void replaceHistory() {
        shared.replaceHistory();
    }

    @Override
    protected void ageReports(Duration by) {
        ahead = ahead.plus(by);
    }
}
