// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.StoreException;
import io.configmanager.store.ConfigStore;
import io.configmanager.store.Feed;
import io.configmanager.store.MemoryConfigStore;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A memory store that can be away. */
public final class SwitchableStore {

    /** What a store answers without its server. */
    private static final Set<String> LOCAL = Set.of("close", "description", "joinsTransaction", "operationRetention");

    public MemoryConfigStore memory = new MemoryConfigStore();
    private boolean used;
    private volatile @Nullable StoreException failure;

    public void fail(StoreException with) {
        failure = with;
    }

    public void goAway() {
        fail(new StoreException("The server said goodbye", true, null));
    }

    public void comeBack() {
        failure = null;
    }

    /** A store for one context; the first one has what was put into the memory before. */
    public ConfigStore store() {
        if (used) {
            memory = new MemoryConfigStore();
        }
        used = true;
        return switchable(ConfigStore.class, memory);
    }

    private <T> T switchable(Class<T> type, T target) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, args) -> {
            StoreException current = failure;
            if (current != null && !LOCAL.contains(method.getName())) {
                throw current;
            }
            try {
                Object result = method.invoke(target, args);
                return result instanceof Feed feed ? switchable(Feed.class, feed) : result;
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        }));
    }
}
