// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import io.configmanager.store.ConfigStore;
import io.configmanager.store.ConfigStoreContract;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

class PostgresConfigStoreContractTest extends ConfigStoreContract {

    private static TestDatabase database;

    @BeforeAll
    static void createSchema() {
        database = new TestDatabase(PostgresConfigStoreContractTest.class);
    }

    @AfterAll
    static void closeDatabase() {
        database.close();
    }

    @Override
    protected ConfigStore openStore() {
        return database.builder().build();
    }

    @Override
    protected void wipe() {
        database.execute("DELETE FROM public.config_entry");
    }

    @Override
    protected void putBehindItsBack(String namespace, String key, String value) {
        update(
                "INSERT INTO public.config_entry (namespace, key, value) VALUES (?, ?, ?)"
                        + " ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value",
                namespace,
                key,
                value);
    }

    @Override
    protected void deleteBehindItsBack(String namespace, String key) {
        update("DELETE FROM public.config_entry WHERE namespace = ? AND key = ?", namespace, key);
    }

    @Override
    protected void cutFeeds() {
        database.terminateFeeds();
    }

    @Override
    protected void compact() {
        database.compact();
    }

    @Override
    protected void replaceHistory() {
        database.execute("UPDATE public.config_head SET lineage = gen_random_uuid()");
    }

    @Override
    protected void ageReports(Duration by) {
        String age = " - interval '" + by.toMillis() + " ms'";
        database.execute("UPDATE public.config_instance SET reported_at = reported_at" + age
                + ", expires_at = expires_at" + age);
    }

    private static void update(String sql, String... parameters) {
        try (Connection connection = database.pool.getConnection();
                PreparedStatement update = connection.prepareStatement(database.names.apply(sql))) {
            for (int i = 0; i < parameters.length; i++) {
                update.setString(i + 1, parameters[i]);
            }
            update.executeUpdate();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }
}
