// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigChangeSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Tells the outbox too how the store fares: whether it is back, for the first time or after a failure, or still there. */
final class StoreReturns implements Audience {

    private final Audience audience;
    private final Runnable isBack;
    private final Runnable isThere;
    private boolean back = true;

    StoreReturns(Audience audience, Runnable isBack, Runnable isThere) {
        this.audience = audience;
        this.isBack = isBack;
        this.isThere = isThere;
    }

    @Override
    public void accept(ConfigChangeSet changes) {
        audience.accept(changes);
    }

    @Override
    public void reloaded(String namespace, @Nullable Set<String> compared) {
        audience.reloaded(namespace, compared);
    }

    @Override
    public void failed(Throwable failure) {
        back = true;
        audience.failed(failure);
    }

    @Override
    public void live() {
        audience.live();
        Runnable news = back ? isBack : isThere;
        back = false;
        news.run();
    }
}
