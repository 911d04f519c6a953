// SPDX-License-Identifier: Apache-2.0
/** A web application whose values change while it runs. Start with {@link QuickstartMongoApplication}. */
@NullMarked
package io.configmanager.samples.quickstart;

import org.jspecify.annotations.NullMarked;
