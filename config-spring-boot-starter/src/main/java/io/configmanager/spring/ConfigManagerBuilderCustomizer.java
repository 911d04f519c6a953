// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.engine.ConfigManagerBuilder;

/** A bean that changes the builder of the {@code ConfigManager} after the properties were applied, in bean order. */
@FunctionalInterface
public interface ConfigManagerBuilderCustomizer {

    void customize(ConfigManagerBuilder builder);
}
