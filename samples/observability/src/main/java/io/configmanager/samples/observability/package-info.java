// SPDX-License-Identifier: Apache-2.0
/** The application of the quickstarts with metrics for Prometheus and traces for OpenTelemetry. */
@NullMarked
package io.configmanager.samples.observability;

import org.jspecify.annotations.NullMarked;
