// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.observation;

import io.micrometer.common.docs.KeyName;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;
import io.micrometer.observation.docs.ObservationDocumentation;

/**
 * What is observed where there is an {@link io.micrometer.observation.ObservationRegistry}. Reads from memory are not, and
 * neither is the wait of the watch for news. No name and no key has a namespace, a configuration key or a value. With a
 * meter registry of Spring Boot no meters are made of it: {@code config.store.operations} and {@code config.propagation} are
 * there already.
 */
public enum ConfigObservation implements ObservationDocumentation {

    /**
     * A call of the store, on the thread that makes it: a write is a child of the request that writes, and the statements of an
     * observed driver are its children.
     */
    STORE_CALL {
        @Override
        public Class<? extends ObservationConvention<? extends Observation.Context>> getDefaultConvention() {
            return StoreCallConvention.class;
        }

        @Override
        public KeyName[] getLowCardinalityKeyNames() {
            return StoreCallKey.values();
        }
    },

    /** The changes of one revision go into the cache and to what was injected; listeners are no part of it. */
    APPLY {
        @Override
        public Class<? extends ObservationConvention<? extends Observation.Context>> getDefaultConvention() {
            return ChangeSetConvention.class;
        }

        @Override
        public KeyName[] getHighCardinalityKeyNames() {
            return ChangeSetKey.values();
        }
    };

    /** Keys of {@link #STORE_CALL}, with few values each. */
    public enum StoreCallKey implements KeyName {

        /** Name of the method of {@link io.configmanager.store.ConfigStore}. */
        OPERATION {
            @Override
            public String asString() {
                return "config.operation";
            }
        },

        /** {@code success}, {@code conflict} or {@code failure}. */
        OUTCOME {
            @Override
            public String asString() {
                return "config.outcome";
            }
        }
    }

    /** Keys of {@link #APPLY}, of many values: on spans only. */
    public enum ChangeSetKey implements KeyName {

        /** The revision. */
        REVISION {
            @Override
            public String asString() {
                return "config.revision";
            }
        },

        /** How many changes it has. */
        CHANGES {
            @Override
            public String asString() {
                return "config.changes";
            }
        }
    }
}
