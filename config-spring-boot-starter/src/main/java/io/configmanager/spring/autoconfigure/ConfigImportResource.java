// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.config.ConfigDataResource;

/** A namespace that {@code spring.config.import} names; the same one is imported once. */
final class ConfigImportResource extends ConfigDataResource {

    /** What follows {@code config:}; empty for the namespace of {@code config.namespace}. */
    final String location;

    /** The profile to which this is specific, or null. */
    final @Nullable String profile;

    final boolean optional;

    ConfigImportResource(String location, @Nullable String profile, boolean optional) {
        this.location = location;
        this.profile = profile;
        this.optional = optional;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof ConfigImportResource that
                && location.equals(that.location)
                && Objects.equals(profile, that.profile);
    }

    @Override
    public int hashCode() {
        return Objects.hash(location, profile);
    }

    @Override
    public String toString() {
        return ConfigImportLocationResolver.PREFIX + location + (profile == null ? "" : " of profile " + profile);
    }
}
