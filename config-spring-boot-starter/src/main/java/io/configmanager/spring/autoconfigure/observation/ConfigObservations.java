// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.observation;

import io.configmanager.ConfigObserver;
import io.configmanager.spring.observation.ChangeSetContext;
import io.configmanager.spring.observation.ChangeSetConvention;
import io.configmanager.spring.observation.StoreCallContext;
import io.configmanager.spring.observation.StoreCallConvention;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;

/**
 * Observes what the library tells. The manager exists before any registry, so that it does not wait for one: the calls that
 * load the values at the start are not observed.
 */
final class ConfigObservations implements ConfigObserver, SmartInitializingSingleton {

    private static final StoreCallConvention STORE_CALL = new StoreCallConvention();
    private static final ChangeSetConvention APPLY = new ChangeSetConvention();

    private final ObjectProvider<ObservationRegistry> beans;
    private volatile ObservationRegistry registry = ObservationRegistry.NOOP;

    ConfigObservations(ObjectProvider<ObservationRegistry> beans) {
        this.beans = beans;
    }

    @Override
    public void afterSingletonsInstantiated() {
        registry = beans.getIfUnique(() -> ObservationRegistry.NOOP);
    }

    @Override
    public Ending storeCalling(String operation) {
        return registry.isNoop()
                ? Ending.UNTOLD
                : begun(Observation.createNotStarted(
                        null, STORE_CALL, () -> new StoreCallContext(operation), registry));
    }

    @Override
    public Ending applying(long revision, int changes) {
        return registry.isNoop()
                ? Ending.UNTOLD
                : begun(Observation.createNotStarted(
                        null, APPLY, () -> new ChangeSetContext(revision, changes), registry));
    }

    private static Ending begun(Observation observation) {
        observation.start();
        Observation.Scope scope = observation.openScope();
        return failure -> {
            scope.close();
            if (failure != null) {
                observation.error(failure);
            }
            observation.stop();
        };
    }
}
