// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring.autoconfigure;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Says how to choose a store. */
final class StoreSelectionFailureAnalyzer extends AbstractFailureAnalyzer<StoreSelectionException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, StoreSelectionException cause) {
        return new FailureAnalysis(cause.getMessage(), cause.action(), cause);
    }
}
