// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import java.util.List;
import org.springframework.boot.context.config.ConfigData;
import org.springframework.boot.context.config.ConfigData.Option;
import org.springframework.boot.context.config.ConfigData.PropertySourceOptions;
import org.springframework.boot.context.config.ConfigDataLoader;
import org.springframework.boot.context.config.ConfigDataLoaderContext;

/**
 * Puts an empty property source where the import belongs. {@link ConfigImportPostProcessor} fills it as soon as all
 * properties are known: before, those of a profile that lead to the database might be missing.
 */
final class ConfigImportLoader implements ConfigDataLoader<ConfigImportResource> {

    @Override
    public ConfigData load(ConfigDataLoaderContext context, ConfigImportResource resource) {
        return new ConfigData(
                List.of(new ConfigPropertySource(resource)),
                resource.profile == null
                        ? PropertySourceOptions.always(Option.IGNORE_IMPORTS, Option.IGNORE_PROFILES)
                        : PropertySourceOptions.always(
                                Option.IGNORE_IMPORTS, Option.IGNORE_PROFILES, Option.PROFILE_SPECIFIC));
    }
}
