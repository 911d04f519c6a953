// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.benchmarks;

import java.nio.file.Path;

final class Report {
    Report(Path results, boolean quick) {}

    void write(Path page) {}
}
