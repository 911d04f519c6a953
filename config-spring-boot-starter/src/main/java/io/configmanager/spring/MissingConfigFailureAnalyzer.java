// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Lists every required key that has no value. */
final class MissingConfigFailureAnalyzer extends AbstractFailureAnalyzer<MissingConfigException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, MissingConfigException cause) {
        StringBuilder description = new StringBuilder("Required configuration is missing or cannot be used:\n");
        cause.missing().forEach(line -> description.append("\n    ").append(line));
        return new FailureAnalysis(
                description.toString(),
                "Store a value that fits for each key, or declare a default (defaultValue of @ConfigValue,"
                        + " @DefaultValue in a type with @ConfigPrefix), or say that it may be absent (required = false,"
                        + " Optional or @Nullable).",
                cause);
    }
}
