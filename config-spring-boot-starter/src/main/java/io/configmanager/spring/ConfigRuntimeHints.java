// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import org.jspecify.annotations.Nullable;
import org.springframework.aot.hint.BindingReflectionHintsRegistrar;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.RuntimeHintsRegistrar;
import org.springframework.util.ClassUtils;

/** What a native image has to know of the library itself: the schema script, and the boot snapshot, which is JSON. */
final class ConfigRuntimeHints implements RuntimeHintsRegistrar {

    static final String SCRIPT = "io/configmanager/store/postgres/schema-postgresql.sql";
    static final String BOOT_SNAPSHOT = "io.configmanager.engine.BootSnapshot";

    @Override
    public void registerHints(RuntimeHints hints, @Nullable ClassLoader classLoader) {
        hints.resources().registerPattern(SCRIPT);
        new BindingReflectionHintsRegistrar()
                .registerReflectionHints(hints.reflection(), ClassUtils.resolveClassName(BOOT_SNAPSHOT, classLoader));
    }
}
