// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.observation;

import io.configmanager.VersionConflictException;
import io.micrometer.common.KeyValue;
import io.micrometer.common.KeyValues;
import io.micrometer.observation.GlobalObservationConvention;
import io.micrometer.observation.Observation;

/**
 * Names a call of the store, on the thread that makes it: a write is a child of the request that writes, and the statements
 * of an observed driver are its children. The keys have few values: {@code config.operation}, the name of the method of
 * {@link io.configmanager.store.ConfigStore}, and {@code config.outcome}, which is {@code success}, {@code conflict} or
 * {@code failure}. A bean that extends it, or any other {@link GlobalObservationConvention} for
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
                KeyValue.of("config.operation", context.operation()),
                KeyValue.of("config.outcome", outcome(context.getError())));
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
