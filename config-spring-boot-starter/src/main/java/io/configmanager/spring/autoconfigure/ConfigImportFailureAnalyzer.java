// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.StoreException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.annotation.Order;

/** Says what to do when {@code spring.config.import=config:} found no store. */
@Order(-1)
final class ConfigImportFailureAnalyzer extends AbstractFailureAnalyzer<ConfigImportException> {

    private static final String OR_OPTIONAL = " Or write optional:config: in spring.config.import: the application then"
            + " starts without these properties, if config.startup.policy lets it.";

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, ConfigImportException cause) {
        String action;
        if (cause.getCause() instanceof StoreSelectionException selection) {
            action = selection.action();
        } else {
            StoreException store = findCause(cause, StoreException.class);
            action = store != null && !store.isTransient()
                    ? "If the tables are missing, set config.store.postgres.initialize-schema=always: the import is earlier"
                            + " than Flyway and Liquibase. If a privilege is missing, grant it."
                    : "Start the database, or correct its address. config.startup.policy=snapshot imports the last known"
                            + " values on disk; to wait longer, raise config.startup.timeout.";
        }
        return new FailureAnalysis(String.valueOf(cause.getMessage()), action + OR_OPTIONAL, cause);
    }
}
