// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.test;

import io.configmanager.Condition;
import io.configmanager.store.Operation;
import java.util.List;
import java.util.Map;

/**
 * Changes configuration during a {@link ConfigTest}, as another instance would; inject it. When a call returns, the application
 * shows the change: in reads, injected values and the {@code Environment}. Listeners are told about then, on their own
 * threads.
 */
public final class TestConfig {

    private final TestStore store;
    private final String namespace;

    TestConfig(TestStore store, String namespace) {
        this.store = store;
        this.namespace = namespace;
    }

    /** The same for another namespace. */
    public TestConfig namespace(String name) {
        return new TestConfig(store, name);
    }

    /** Creates or overwrites. */
    public void set(String key, Object value) {
        set(Map.of(key, value));
    }

    /** Several keys in one commit. */
    public void set(Map<String, ?> values) {
        store.write(values.entrySet().stream()
                .map(entry -> store.put(namespace, entry.getKey(), entry.getValue()))
                .toList());
    }

    /** Deletes the key, if it exists. */
    public void delete(String key) {
        store.write(List.of(new Operation.Delete(namespace, key, Condition.ALWAYS)));
    }

    /**
     * Whether the application reaches its store. While it does not, its writes fail, its values grow stale, and what the
     * test changes is seen later.
     */
    public void setStoreAvailable(boolean available) {
        store.setAvailable(available);
    }
}
