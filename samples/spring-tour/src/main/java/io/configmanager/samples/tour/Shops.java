// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.tour;

import io.configmanager.Config;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.stereotype.Component;
import org.springframework.transaction.annotation.Transactional;

/** Configuration that commits, or vanishes, with the rows of the business. */
@Component
class Shops {

    private final JdbcTemplate sql;
    private final Config config;

    Shops(JdbcTemplate sql, Config config) {
        this.sql = sql;
        this.config = config;
        sql.execute("CREATE TABLE IF NOT EXISTS shop (name text PRIMARY KEY)");
    }

    @Transactional
    void open(String name) {
        config.set("shops/" + name + "/open", true);
        sql.update("INSERT INTO shop VALUES (?)", name);
    }

    boolean isOpen(String name) {
        return config.get("shops/" + name + "/open", Boolean.class, false);
    }
}
