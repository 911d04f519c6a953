// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import com.mongodb.MongoException;
import io.configmanager.ConfigException;
import io.configmanager.StoreException;
import io.configmanager.store.mongo.MongoSetupException;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.annotation.Order;

/** Says what to do when the start failed because of MongoDB; everything else is {@link StartupFailureAnalyzer}'s. */
@Order(0)
final class MongoStartupFailureAnalyzer extends AbstractFailureAnalyzer<ConfigException> {

    @Override
    protected @Nullable FailureAnalysis analyze(Throwable rootFailure, ConfigException cause) {
        MongoSetupException setup = findCause(cause, MongoSetupException.class);
        if (setup != null) {
            return new FailureAnalysis(setup.getMessage() + ".", action(setup.problem()), cause);
        }
        StoreException store = findCause(cause, StoreException.class);
        MongoException driver = findCause(cause, MongoException.class);
        if (store == null || !store.isTransient() || driver == null) {
            return null;
        }
        return new FailureAnalysis(
                cause.getMessage() + "\n\nMongoDB does not answer: " + driver.getMessage(),
                "Start it, or correct spring.mongodb.*: the addresses, and the name in replicaSet if there is one. The"
                        + " policy config.startup.policy=snapshot starts without it when there are last known values on"
                        + " disk, config.startup.policy=defaults with default values; to wait longer, raise"
                        + " config.startup.timeout.",
                cause);
    }

    private static String action(MongoSetupException.Problem problem) {
        return switch (problem) {
            case NO_REPLICA_SET ->
                "Make it a replica set, which may have one member only: start mongod with --replSet rs0"
                        + " and run rs.initiate() once. Or set config.store.mongo.allow-polling=true: changes are then found"
                        + " by polling, and a commit that is interrupted may be stored in part.";
            case PRIVILEGES ->
                "Correct the user and password of spring.mongodb.*, or grant the user the role readWrite on"
                        + " the database. For an instance that only reads, the role read is enough: let another one create"
                        + " the collections, and set config.store.mongo.initialize-schema=never.";
            case NOT_INITIALIZED ->
                "Set config.store.mongo.initialize-schema=always on an instance that may write, or"
                        + " correct config.store.mongo.database and config.store.mongo.collection-prefix.";
        };
    }
}
