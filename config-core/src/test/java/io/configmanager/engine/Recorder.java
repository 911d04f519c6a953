// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Writes down what an observer is told. */
final class Recorder implements ConfigObserver {

    final List<String> events = new ArrayList<>();

    @Override
    public void reconnected() {
        events.add("reconnected");
    }

    @Override
    public void applied(int changes) {
        events.add("applied " + changes);
    }

    @Override
    public void propagated(Duration delay) {
        events.add("propagated " + delay.toMillis());
    }

    @Override
    public void hintsMissed(int count) {
        events.add("hints missed " + count);
    }

    @Override
    public void resynced(String reason) {
        events.add("resynced " + reason);
    }

    @Override
    public void rejected(String namespace, String key) {
        events.add("rejected " + key);
    }

    @Override
    public void listenerFailed() {
        events.add("listener failed");
    }

    @Override
    public Ending storeCalling(String operation) {
        return failure -> events.add("called " + operation);
    }
}
