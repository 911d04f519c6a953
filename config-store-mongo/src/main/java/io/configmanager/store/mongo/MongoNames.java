// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store.mongo;

import io.configmanager.InvalidConfigException;
import java.util.regex.Pattern;

/**
 * Where the documents are.
 *
 * @param database the database
 * @param collectionPrefix how the names of the collections start
 */
public record MongoNames(String database, String collectionPrefix) {

    private static final Pattern DATABASE = Pattern.compile("[A-Za-z0-9_-]{1,63}");
    private static final Pattern PREFIX = Pattern.compile("[A-Za-z0-9_.-]{0,63}");

    public MongoNames {
        if (!DATABASE.matcher(database).matches()) {
            throw new InvalidConfigException("Invalid database name '" + database + "': it must match " + DATABASE);
        }
        if (!PREFIX.matcher(collectionPrefix).matches()) {
            throw new InvalidConfigException(
                    "Invalid collection prefix '" + collectionPrefix + "': it must match " + PREFIX);
        }
    }

    /**
     * The collections {@code config_entry}, {@code config_log}, {@code config_head}, {@code config_operation} and {@code
     * config_instance}.
     */
    public static MongoNames of(String database) {
        return new MongoNames(database, "config_");
    }

    String entries() {
        return collectionPrefix + "entry";
    }

    String log() {
        return collectionPrefix + "log";
    }

    String head() {
        return collectionPrefix + "head";
    }

    String operations() {
        return collectionPrefix + "operation";
    }

    String instances() {
        return collectionPrefix + "instance";
    }
}
