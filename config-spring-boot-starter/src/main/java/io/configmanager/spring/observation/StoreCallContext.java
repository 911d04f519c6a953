// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.observation;

import io.micrometer.observation.Observation;

/** What is known of a call of the store. Knows no namespace, no key and no value, so that no convention can show one. */
public final class StoreCallContext extends Observation.Context {

    private final String operation;

    /** @param operation name of the called method of {@link io.configmanager.store.ConfigStore} */
    public StoreCallContext(String operation) {
        this.operation = operation;
    }

    /** Name of the called method of {@link io.configmanager.store.ConfigStore}. */
    public String operation() {
        return operation;
    }
}
