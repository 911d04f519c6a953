// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.observation;

import io.micrometer.common.KeyValue;
import io.micrometer.common.KeyValues;
import io.micrometer.observation.GlobalObservationConvention;
import io.micrometer.observation.Observation;

/**
 * Names that the changes of one revision go into the cache and to what was injected; listeners are no part of it. The keys
 * {@code config.revision} and {@code config.changes}, how many it has, are of many values: on spans only. A bean that extends it, or any other {@link GlobalObservationConvention} for
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
                KeyValue.of("config.revision", Long.toString(context.revision())),
                KeyValue.of("config.changes", Integer.toString(context.changes())));
    }

    @Override
    public boolean supportsContext(Observation.Context context) {
        return context instanceof ChangeSetContext;
    }
}
