// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.quickstart;

import java.time.Duration;

/** A value with structure: read from one key as JSON, always consistent in itself. */
record Limits(int requests, Duration per) {}
