// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.Subscription;
import io.configmanager.value.AbstractWatcher;
import org.jspecify.annotations.Nullable;

/** A watcher of what a {@link Backlog} has. */
abstract class BacklogWatcher<T> extends AbstractWatcher<T> {

    final Backlog backlog;
    private final Subscription subscription;

    /** @param subscription fills the backlog; ends with this */
    BacklogWatcher(Backlog backlog, Subscription subscription) {
        super(backlog.signal());
        this.backlog = backlog;
        this.subscription = subscription;
    }

    @Override
    protected int atHand() {
        return backlog.size();
    }

    @Override
    protected void putBack() {
        backlog.putBack();
    }

    @Override
    protected void delivered() {
        backlog.delivered();
    }

    @Override
    protected @Nullable String ended() {
        return backlog.closed();
    }

    @Override
    protected void closed() {
        subscription.close();
    }
}
