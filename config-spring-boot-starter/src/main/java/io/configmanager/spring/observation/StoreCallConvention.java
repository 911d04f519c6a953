// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.observation;

import io.configmanager.VersionConflictException;
import io.micrometer.common.KeyValues;
import io.micrometer.observation.GlobalObservationConvention;
import io.micrometer.observation.Observation;

/**
 * Names of {@link ConfigObservation#STORE_CALL}. A bean that extends it, or any other {@link GlobalObservationConvention} for
 * {@link StoreCallContext}, takes its place.
 */
public class StoreCallConvention implements GlobalObservationConvention<StoreCallContext> {

    @Override
    public String getName() {
        return "config.store";
    }

    @Override
    public String getContextualName(StoreCallContext context) {
        return "config store " + context.operation();
    }

    @Override
    public KeyValues getLowCardinalityKeyValues(StoreCallContext context) {
        return KeyValues.of(
                ConfigObservation.StoreCallKey.OPERATION.withValue(context.operation()),
                ConfigObservation.StoreCallKey.OUTCOME.withValue(outcome(context.getError())));
    }

    @Override
    public boolean supportsContext(Observation.Context context) {
        return context instanceof StoreCallContext;
    }

    private static String outcome(@org.jspecify.annotations.Nullable Throwable failure) {
        if (failure == null) {
            return "success";
        }
        return failure instanceof VersionConflictException ? "conflict" : "failure";
    }
}
