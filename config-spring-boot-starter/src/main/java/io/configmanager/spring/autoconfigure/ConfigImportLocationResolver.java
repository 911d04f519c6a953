// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import io.configmanager.ConfigNames;
import io.configmanager.InvalidConfigException;
import java.util.List;
import org.springframework.boot.context.config.ConfigDataLocation;
import org.springframework.boot.context.config.ConfigDataLocationResolver;
import org.springframework.boot.context.config.ConfigDataLocationResolverContext;
import org.springframework.boot.context.config.Profiles;

/** Understands {@code spring.config.import=config:namespace}. */
final class ConfigImportLocationResolver implements ConfigDataLocationResolver<ConfigImportResource> {

    static final String PREFIX = "config:";

    @Override
    public boolean isResolvable(ConfigDataLocationResolverContext context, ConfigDataLocation location) {
        return location.hasPrefix(PREFIX);
    }

    @Override
    public List<ConfigImportResource> resolve(ConfigDataLocationResolverContext context, ConfigDataLocation location) {
        String namespace = location.getNonPrefixedValue(PREFIX);
        if (!namespace.isEmpty() && !namespace.equals("_")) {
            ConfigNames.requireNamespace(namespace);
        }
        return List.of(new ConfigImportResource(namespace, null, location.isOptional()));
    }

    /** The active ones only: nobody means a namespace called "default" by having no profile. */
    @Override
    public List<ConfigImportResource> resolveProfileSpecific(
            ConfigDataLocationResolverContext context, ConfigDataLocation location, Profiles profiles) {
        return profiles.getActive().stream()
                .filter(ConfigImportLocationResolver::canBeInANamespace)
                .map(profile ->
                        new ConfigImportResource(location.getNonPrefixedValue(PREFIX), profile, location.isOptional()))
                .toList();
    }

    private static boolean canBeInANamespace(String profile) {
        try {
            ConfigNames.requireNamespace(profile);
            return true;
        } catch (InvalidConfigException e) {
            return false;
        }
    }
}
