// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure.observation;

import io.configmanager.spring.observation.ChangeSetContext;
import io.configmanager.spring.observation.StoreCallContext;
import io.micrometer.core.instrument.observation.MeterObservationHandler;
import io.micrometer.observation.Observation;

/**
 * Takes the place of the handler that would make meters of these observations: the first one of its group that supports a
 * context is the only one. The same is in meters of its own already, whether or not anything is observed.
 */
final class NoMeters implements MeterObservationHandler<Observation.Context> {

    @Override
    public boolean supportsContext(Observation.Context context) {
        return context instanceof StoreCallContext || context instanceof ChangeSetContext;
    }
}
