// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.observation;

import io.micrometer.common.KeyValues;
import io.micrometer.observation.GlobalObservationConvention;
import io.micrometer.observation.Observation;

/**
 * Names of {@link ConfigObservation#APPLY}. A bean that extends it, or any other {@link GlobalObservationConvention} for
 * {@link ChangeSetContext}, takes its place.
 */
public class ChangeSetConvention implements GlobalObservationConvention<ChangeSetContext> {

    @Override
    public String getName() {
        return "config.apply";
    }

    @Override
    public String getContextualName(ChangeSetContext context) {
        return "config apply";
    }

    @Override
    public KeyValues getHighCardinalityKeyValues(ChangeSetContext context) {
        return KeyValues.of(
                ConfigObservation.ChangeSetKey.REVISION.withValue(Long.toString(context.revision())),
                ConfigObservation.ChangeSetKey.CHANGES.withValue(Integer.toString(context.changes())));
    }

    @Override
    public boolean supportsContext(Observation.Context context) {
        return context instanceof ChangeSetContext;
    }
}
