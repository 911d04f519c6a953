// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.postgres;

import io.configmanager.InvalidConfigException;
import java.util.regex.Pattern;

/**
 * What the database objects are called. All three are lower case: {@code [a-z_][a-z0-9_]*}, at most 41 characters.
 *
 * @param schema the schema they are in
 * @param tablePrefix how the names of tables, functions and triggers start
 * @param channel the channel of NOTIFY that a new schema gets; an existing one keeps its own, which the feeds follow
 */
public record PostgresNames(String schema, String tablePrefix, String channel) {

    private static final Pattern NAME = Pattern.compile("[a-z_][a-z0-9_]{0,40}");

    /** {@code public}, {@code config_} and {@code config}. */
    public static final PostgresNames DEFAULT = new PostgresNames("public", "config_", "config");

    public PostgresNames {
        requireName("schema", schema);
        requireName("table prefix", tablePrefix);
        requireName("channel", channel);
    }

    public PostgresNames withSchema(String newSchema) {
        return new PostgresNames(newSchema, tablePrefix, channel);
    }

    public PostgresNames withTablePrefix(String newTablePrefix) {
        return new PostgresNames(schema, newTablePrefix, channel);
    }

    public PostgresNames withChannel(String newChannel) {
        return new PostgresNames(schema, tablePrefix, newChannel);
    }

    /** A table or function for people and for SQL; quoted, because a schema may be called {@code order}. */
    String qualified(String name) {
        return '"' + schema + "\"." + tablePrefix + name;
    }

    /** The SQL, which is written for the default names, with these names. */
    String apply(String sql) {
        // In two steps, so that a schema or prefix that contains "config_" is not replaced again.
        return sql.replace("public.config_", "\u0001\u0002")
                .replace("config_", "\u0002")
                .replace("'config'", "'" + channel + "'")
                .replace("\u0001", '"' + schema + "\".")
                .replace("\u0002", tablePrefix);
    }

    private static void requireName(String what, String name) {
        if (!NAME.matcher(name).matches()) {
            throw new InvalidConfigException("Invalid " + what + " '" + name
                    + "': it must match [a-z_][a-z0-9_]* and have at most 41 characters");
        }
    }
}
