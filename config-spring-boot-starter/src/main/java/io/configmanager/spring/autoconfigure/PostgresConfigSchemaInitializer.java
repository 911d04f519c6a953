// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.StoreException;
import io.configmanager.store.postgres.PostgresSchema;
import java.util.List;
import java.util.function.BooleanSupplier;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.jdbc.init.DataSourceScriptDatabaseInitializer;
import org.springframework.boot.sql.init.DatabaseInitializationMode;
import org.springframework.boot.sql.init.DatabaseInitializationSettings;

/**
 * Creates the tables as other parts of Spring Boot do, but lets the store run its own script: statement by statement is no
 * way to run one that contains functions.
 */
final class PostgresConfigSchemaInitializer extends DataSourceScriptDatabaseInitializer {

    private static final Logger log = LoggerFactory.getLogger(PostgresConfigSchemaInitializer.class);

    private final PostgresSchema schema;
    private final BooleanSupplier isSelected;
    private final boolean mayBeAway;

    /**
     * @param isSelected whether the PostgreSQL store is the one that is used
     * @param mayBeAway whether the application starts without the database
     */
    PostgresConfigSchemaInitializer(
            DataSource dataSource,
            PostgresSchema schema,
            DatabaseInitializationMode mode,
            BooleanSupplier isSelected,
            boolean mayBeAway) {
        super(dataSource, settings(mode));
        this.schema = schema;
        this.isSelected = isSelected;
        this.mayBeAway = mayBeAway;
    }

    private static DatabaseInitializationSettings settings(DatabaseInitializationMode mode) {
        DatabaseInitializationSettings settings = new DatabaseInitializationSettings();
        settings.setMode(mode);
        settings.setSchemaLocations(List.of("classpath:io/configmanager/store/postgres/schema-postgresql.sql"));
        return settings;
    }

    @Override
    public boolean initializeDatabase() {
        return isSelected.getAsBoolean() && super.initializeDatabase();
    }

    @Override
    protected boolean isEmbeddedDatabase() {
        return false;
    }

    @Override
    protected void runScripts(Scripts scripts) {
        try {
            schema.initialize(getDataSource());
        } catch (StoreException e) {
            if (!mayBeAway || !e.isTransient()) {
                throw e;
            }
            log.warn(
                    "The tables could not be looked at ({}). If they are missing, restart when the database is there.",
                    e.getMessage());
        }
    }
}
