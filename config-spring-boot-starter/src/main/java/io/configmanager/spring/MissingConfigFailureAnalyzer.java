// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Lists every required key that has no value. */
final class MissingConfigFailureAnalyzer extends AbstractFailureAnalyzer<MissingConfigException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, MissingConfigException cause) {
        StringBuilder description = new StringBuilder("Required configuration has no value:\n");
        cause.missing().forEach(line -> description.append("\n    ").append(line));
        return new FailureAnalysis(
                description.toString(),
                "Store a value for each key, declare a defaultValue in its @ConfigValue, or set required = false there.",
                cause);
    }
}
