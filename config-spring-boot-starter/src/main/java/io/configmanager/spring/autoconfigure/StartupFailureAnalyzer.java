// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.ConfigException;
import io.configmanager.ManagerStateException;
import io.configmanager.StoreException;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Says what to do when the start failed because the store is away, not prepared, or refuses. */
final class StartupFailureAnalyzer extends AbstractFailureAnalyzer<ConfigException> {

    @Override
    protected @Nullable FailureAnalysis analyze(Throwable rootFailure, ConfigException cause) {
        StoreException store = findCause(cause, StoreException.class);
        if (store != null && !store.isTransient()) {
            return new FailureAnalysis(
                    "The configuration store answers but cannot be used: " + store.getMessage(),
                    "If its tables are missing or older than this library, set"
                            + " config.store.postgres.initialize-schema=always, or run the script schema-postgresql.sql of"
                            + " config-store-postgres. If a privilege is missing, grant it to the user of the DataSource.",
                    cause);
        }
        if (store == null && !(cause instanceof ManagerStateException)) {
            return null;
        }
        return new FailureAnalysis(
                String.valueOf(cause.getMessage()),
                "Start the database, or correct its address. The policy config.startup.policy=snapshot starts without it"
                        + " when there are last known values on disk, config.startup.policy=defaults with default values;"
                        + " to wait longer, raise config.startup.timeout.",
                cause);
    }
}
