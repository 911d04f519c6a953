// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import java.util.List;

/** An import that is not optional could not be read. */
final class ConfigImportException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** @param imports as the application names them */
    ConfigImportException(List<String> imports, RuntimeException cause) {
        super("Cannot import '" + String.join("', '", imports) + "': " + cause.getMessage(), cause);
    }
}
