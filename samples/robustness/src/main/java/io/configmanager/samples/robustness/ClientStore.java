// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import io.configmanager.store.ConfigStore;
import org.springframework.transaction.PlatformTransactionManager;

/** The store of one manager, as an application would build it, and what is to be known of it from outside. */
interface ClientStore {

    ConfigStore store();

    /** Transactions that commits can join. */
    PlatformTransactionManager transactions();

    /** How many connections of the feed are open. */
    int feedConnections();

    /** The server forgets, after the next read, that somebody waits for its announcements. */
    void loseRegistration();
}
